// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Times as RFC 3339 writes them, in whole seconds since 1970; leap seconds are those of the minute after.
package enum RFC3339 {
    /// Seconds of a day.
    package static let daySeconds: Int64 = 86_400

    /// Reads `2026-01-31T12:00:00Z`, with a fraction that is dropped, and any offset.
    ///
    /// - Throws: `invalidTime`.
    package static func seconds(_ text: String) throws(TrustError) -> Int64 {
        var rest = text.utf8[...]
        guard text.utf8.count <= 64, let day = takeDay(&rest),
            let separator = rest.popFirst(), separator | 0x20 == UInt8(ascii: "t"),
            let hour = takeNumber(&rest, 2, 0...23), rest.popFirst() == UInt8(ascii: ":"),
            let minute = takeNumber(&rest, 2, 0...59), rest.popFirst() == UInt8(ascii: ":"),
            let second = takeNumber(&rest, 2, 0...60), dropFraction(&rest), let offset = takeOffset(&rest), rest.isEmpty
        else { throw invalid(text) }
        return day * daySeconds + hour * 3600 + minute * 60 + second - offset
    }

    /// Reads a day, `2026-01-31`, as the moment at which it begins in UTC.
    ///
    /// - Throws: `invalidTime`.
    package static func startOfDay(_ text: String) throws(TrustError) -> Int64 {
        var rest = text.utf8[...]
        guard let day = takeDay(&rest), rest.isEmpty else { throw invalid(text) }
        return day * daySeconds
    }

    /// `2026-01-31T12:00:00Z`; a year beyond 9999 is written as it is.
    package static func text(_ seconds: Int64) -> String {
        let day = seconds >= 0 ? seconds / daySeconds : (seconds + 1) / daySeconds - 1
        let time = seconds - day * daySeconds
        let (year, month, date) = civil(day)
        let parts = [padded(year, 4), padded(month, 2), padded(date, 2)]
        let clock = [time / 3600, time / 60 % 60, time % 60].map { padded($0, 2) }
        return "\(parts.joined(separator: "-"))T\(clock.joined(separator: ":"))Z"
    }

    private static func invalid(_ text: String) -> TrustError {
        TrustError(.invalidTime, "'\(text.quotable)' is no time of RFC 3339 like 2026-01-31T12:00:00Z")
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func takeDay(_ rest: inout Substring.UTF8View) -> Int64? {
        guard let year = takeNumber(&rest, 4, 0...9999), rest.popFirst() == UInt8(ascii: "-"),
            let month = takeNumber(&rest, 2, 1...12), rest.popFirst() == UInt8(ascii: "-"),
            let date = takeNumber(&rest, 2, 1...31)
        else { return nil }
        let day = self.day(year, month, date)
        // A date that its month does not have comes back as another.
        return civil(day) == (year, month, date) ? day : nil
    }

    private static func takeNumber(
        _ rest: inout Substring.UTF8View,
        _ digits: Int,
        _ range: ClosedRange<Int64>
    ) -> Int64? {
        var number: Int64 = 0
        for _ in 0..<digits {
            guard let byte = rest.popFirst(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return range.contains(number) ? number : nil
    }

    /// Steps over `.123`; false for a point without digits.
    private static func dropFraction(_ rest: inout Substring.UTF8View) -> Bool {
        guard rest.first == UInt8(ascii: ".") else { return true }
        let digits = rest.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(1 + digits.count)
        return !digits.isEmpty
    }

    private static func takeOffset(_ rest: inout Substring.UTF8View) -> Int64? {
        guard let sign = rest.popFirst() else { return nil }
        if sign | 0x20 == UInt8(ascii: "z") { return 0 }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let hours = takeNumber(&rest, 2, 0...23),
            rest.popFirst() == UInt8(ascii: ":"), let minutes = takeNumber(&rest, 2, 0...59)
        else { return nil }
        let offset = hours * 3600 + minutes * 60
        return sign == UInt8(ascii: "-") ? -offset : offset
    }

    // MARK: The calendar

    // Both count years from March, so that the leap day is a year's last, and in cycles of 400 years of 146,097 days.
    // Day 719,468 of that count is the first of 1970.

    private static func day(_ year: Int64, _ month: Int64, _ date: Int64) -> Int64 {
        let shifted = month > 2 ? month - 3 : month + 9
        let year = month > 2 ? year : year - 1
        let cycle = year >= 0 ? year / 400 : (year - 399) / 400
        let yearOfCycle = year - cycle * 400
        let dayOfYear = (153 * shifted + 2) / 5 + date - 1
        return cycle * 146_097 + yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear - 719_468
    }

    private static func civil(_ day: Int64) -> (year: Int64, month: Int64, date: Int64) {
        let shifted = day + 719_468
        let cycle = shifted >= 0 ? shifted / 146_097 : (shifted - 146_096) / 146_097
        let dayOfCycle = shifted - cycle * 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}
