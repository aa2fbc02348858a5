// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Names of requests, by which a log line, an event and an answer are found together.
package final class RequestIDs: Sendable {
    private let prefix: String
    private let counter = Atomic<UInt64>(0)

    /// - Parameter seed: Random for each process, so that its ids differ from those of the one before.
    package init(seed: UInt64) {
        let digits = String(seed, radix: 16)
        prefix = String(repeating: "0", count: 16 - digits.count) + digits + "-"
    }

    /// The client's `X-Request-Id` if it is of up to 64 letters, digits, `-`, `_` and `.`; else a new one.
    func id(for given: String?) -> String {
        if let given, !given.isEmpty, given.utf8.count <= 64, given.utf8.allSatisfy(Self.isPlain) { return given }
        return prefix + String(counter.add(1, ordering: .relaxed).newValue, radix: 16)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// The `Date` header (RFC 9110, sections 5.6.7 and 6.6.1), written once a second.
package final class DateHeader: Sendable {
    /// The wall clock, in whole seconds since 1970.
    let seconds: @Sendable () -> Int64
    private let last = Mutex<(second: Int64, text: String)>((.min, ""))

    /// - Parameter seconds: The wall clock, in whole seconds since 1970.
    package init(seconds: @escaping @Sendable () -> Int64) {
        self.seconds = seconds
    }

    func now() -> String {
        let second = seconds()
        return last.withLock { last in
            if last.second != second { last = (second, Self.format(second)) }
            return last.text
        }
    }

    /// IMF-fixdate of a time, by the proleptic Gregorian calendar.
    static func format(_ second: Int64) -> String {
        let day = second / 86_400
        let time = second % 86_400
        // Days are counted from 1 March of year 0, so that the leap day ends each cycle of 400 years.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let months = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"]
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        return "\(weekdays[Int(day % 7)]), \(two(dayOfMonth)) \(months[Int(month)]) \(year) "
            + "\(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60)) GMT"
    }

    private static func two(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
