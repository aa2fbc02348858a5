// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A moment as it is shown: in UTC, and how long ago it was.
package struct Moment: Sendable, Hashable {
    let iso: String
    let shown: String
    let age: String

    /// `iso` is in the form of RFC 3339, in UTC; `secondsAgo` is below 0 for what is to come.
    package init(iso: String, secondsAgo: Int64) {
        let whole = iso.prefix { $0 != "." && $0 != "Z" }
        self.iso = "\(whole)Z"
        shown = whole.split(separator: "T").joined(separator: " ") + "Z"
        age = Self.age(secondsAgo)
    }

    static func age(_ seconds: Int64) -> String {
        let span = span(seconds.magnitude)
        if seconds.magnitude < 1 { return "now" }
        return seconds < 0 ? "in \(span)" : "\(span) ago"
    }

    /// A length of time in its largest unit.
    package static func span(_ seconds: UInt64) -> String {
        switch seconds {
        case 0..<120: "\(seconds) s"
        case 120..<7_200: "\(seconds / 60) min"
        case 7_200..<172_800: "\(seconds / 3_600) h"
        case 172_800..<63_072_000: "\(seconds / 86_400) d"
        default: "\(seconds / 31_536_000) y"
        }
    }
}

/// A digest, which is cut to fit by the style and stays whole for whoever copies it.
package struct DigestText: Sendable, Hashable {
    let full: String
    let href: String?

    package init(_ full: String, href: String? = nil) {
        self.full = full
        self.href = href
    }
}

/// A text that may be a link.
package struct LinkedText: Sendable, Hashable {
    let text: String
    let href: String?
    /// It leads elsewhere, to where nobody here answers for.
    let isForeign: Bool

    package init(_ text: String, href: String? = nil) {
        self.text = text
        self.href = href
        isForeign = false
    }

    /// A text of others: a link where all of it is an address of the web, else only text.
    package init(foreign text: String) {
        self.text = text
        isForeign = Self.isAddress(text)
        href = isForeign ? text : nil
    }

    /// `http` or `https`, a host, and nothing that a browser would read in two ways.
    static func isAddress(_ text: String) -> Bool {
        let lower = text.prefix(8).lowercased()
        let scheme = lower.hasPrefix("https://") ? 8 : lower.hasPrefix("http://") ? 7 : 0
        guard scheme > 0, text.utf8.count <= 2_048 else { return false }
        let rest = text.utf8.dropFirst(scheme)
        guard let first = rest.first, first.isHostByte else { return false }
        let forbidden = Set("\"'<>\\`{}|^@ ".utf8)
        return rest.allSatisfy { $0 > 0x20 && $0 < 0x7F && !forbidden.contains($0) }
    }
}

extension UInt8 {
    fileprivate var isHostByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "["):
            true
        default: false
        }
    }
}

/// A name and what it stands for.
package struct Fact: Sendable {
    let name: String
    let value: String?
    let link: LinkedText?
    let time: Moment?
    let digest: DigestText?

    package init(_ name: String, _ value: String) {
        self.init(name, value: value)
    }

    package init(_ name: String, _ link: LinkedText) {
        self.init(name, link: link)
    }

    package init(_ name: String, _ time: Moment) {
        self.init(name, time: time)
    }

    package init(_ name: String, _ digest: DigestText) {
        self.init(name, digest: digest)
    }

    private init(
        _ name: String,
        value: String? = nil,
        link: LinkedText? = nil,
        time: Moment? = nil,
        digest: DigestText? = nil
    ) {
        self.name = name
        self.value = value
        self.link = link
        self.time = time
        self.digest = digest
    }
}

/// A word about a state, with a colour that only repeats it.
package struct Badge: Sendable {
    package enum Tone: String, Sendable {
        case good, bad, warn, calm
    }

    let text: String
    let tone: String

    package init(_ text: String, _ tone: Tone) {
        self.text = text
        self.tone = tone.rawValue
    }
}

/// Where a list goes on.
package struct Pager: Sendable {
    /// Back to the beginning; nil there.
    let first: String?
    let next: String?
    /// What the list is of.
    let what: String
    /// Whether there is anything to go to.
    let isNeeded: Bool

    package init(what: String, first: String?, next: String?) {
        self.what = what
        self.first = first
        self.next = next
        isNeeded = first != nil || next != nil
    }
}

/// A share of a whole, as a bar.
package struct Meter: Sendable {
    /// 0 to 100.
    let width: String
    let text: String
    let tone: String

    /// - Parameters:
    ///   - share: Of the whole, from 0 to 1; what is beyond is cut.
    ///   - text: What a reader is told who does not see the bar.
    ///   - tone: Its colour, which only repeats what the text says.
    package init(share: Double, text: String, tone: Badge.Tone) {
        width = Figures.decimal(min(max(share.isFinite ? share : 0, 0), 1) * 100)
        self.text = text
        self.tone = tone.rawValue
    }
}

/// Numbers as texts.
package enum Figures {
    /// At most two digits after the point.
    package static func decimal(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "0" }
        let hundredths = Int64((value * 100).rounded())
        let (whole, rest) = (hundredths.magnitude / 100, hundredths.magnitude % 100)
        let sign = hundredths < 0 ? "-" : ""
        if rest == 0 { return "\(sign)\(whole)" }
        return rest % 10 == 0 ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// A share as a percentage, `12.5 %`. Near 1 it has as many digits, up to eight after the point, as say how much is
    /// missing of it: `99.9987 %`, and never 100 % of what is less.
    package static func percent(_ share: Double) -> String {
        let missing = (1 - share) * 100
        guard missing > 0, missing < 1 else { return "\(decimal(share * 100)) %" }
        var (digits, scale) = (2, 100.0)
        while digits < 8, missing * scale < 10 { (digits, scale) = (digits + 1, scale * 10) }
        let units = Int64(scale * 100) - max(1, Int64((missing * scale).rounded()))
        let (whole, rest) = units.quotientAndRemainder(dividingBy: Int64(scale))
        guard rest > 0 else { return "\(whole) %" }
        var fraction = String(rest)
        fraction = String(repeating: "0", count: digits - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(whole).\(fraction) %"
    }

    /// `1,234,567`
    package static func grouped(_ value: Int64) -> String {
        let digits = Array(String(value.magnitude).utf8)
        var text: [UInt8] = []
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(UInt8(ascii: ",")) }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + String(decoding: text, as: UTF8.self)
    }

    /// `12.3 MiB`
    package static func bytes(_ count: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var (value, unit) = (Double(count), 0)
        while value.magnitude >= 1_024, unit < units.count - 1 { (value, unit) = (value / 1_024, unit + 1) }
        if unit == 0 { return "\(count) B" }
        let text = value.magnitude < 100 ? decimal((value * 10).rounded() / 10) : decimal(value.rounded())
        return "\(text) \(units[unit])"
    }
}
