// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// A moment in UTC, as log lines and answers show it. Whatever its numbers are, it can be written: one before the year
/// 0 or after the year 9999 is written as the first or the last moment of these.
package struct Timestamp: Hashable, Sendable, CustomStringConvertible {
    /// Since 1970, may be negative.
    package var seconds: Int64
    /// 0 to 999.
    package var milliseconds: Int

    package init(seconds: Int64, milliseconds: Int = 0) {
        self.seconds = seconds
        self.milliseconds = milliseconds
    }

    /// `milliseconds` are since 1970, and may be negative.
    package init(milliseconds: Int64) {
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        seconds = remainder < 0 ? quotient - 1 : quotient
        self.milliseconds = Int(remainder < 0 ? remainder + 1_000 : remainder)
    }

    /// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: RFC 3339 has four digits for a year.
    private static let written: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    /// The wall clock. Log lines only show it; nothing is decided by it.
    package static func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), milliseconds: Int(time.tv_nsec) / 1_000_000)
    }

    /// The form of RFC 3339 with milliseconds.
    package var description: String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the form of RFC 3339 with milliseconds: `2026-01-31T12:00:00.123Z`.
    func append(to line: inout [UInt8]) {
        var (seconds, milliseconds) = (self.seconds, min(max(self.milliseconds, 0), 999))
        if seconds < Self.written.lowerBound {
            (seconds, milliseconds) = (Self.written.lowerBound, 0)
        } else if seconds > Self.written.upperBound {
            (seconds, milliseconds) = (Self.written.upperBound, 999)
        }
        let days = seconds.floored(by: 86_400)
        let second = Int(seconds - days * 86_400)
        let date = Self.date(days: days)
        append(date.year, digits: 4, to: &line)
        line.append(UInt8(ascii: "-"))
        append(date.month, digits: 2, to: &line)
        line.append(UInt8(ascii: "-"))
        append(date.day, digits: 2, to: &line)
        line.append(UInt8(ascii: "T"))
        append(second / 3600, digits: 2, to: &line)
        line.append(UInt8(ascii: ":"))
        append(second / 60 % 60, digits: 2, to: &line)
        line.append(UInt8(ascii: ":"))
        append(second % 60, digits: 2, to: &line)
        line.append(UInt8(ascii: "."))
        append(milliseconds, digits: 3, to: &line)
        line.append(UInt8(ascii: "Z"))
    }

    /// The civil date of a day since 1970-01-01, in the Gregorian calendar. Years are counted from March and in eras of
    /// 400, so that the leap day is the last of its year and every era has the same length.
    private static func date(days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted.floored(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let isNextYear = month >= 10
        return (
            Int(yearOfEra + era * 400) + (isNextYear ? 1 : 0), Int(isNextYear ? month - 9 : month + 3), Int(day)
        )
    }

    private func append(_ number: Int, digits: Int, to line: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            line.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}

extension Int64 {
    /// The quotient, rounded down also below zero.
    fileprivate func floored(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
