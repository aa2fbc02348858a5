// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// An IPv4 or IPv6 address. An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291, section 2.5.5.2) is that
/// IPv4 address: a socket for both families shows peers so.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The 128 bits of IPv6, upper and lower half; IPv4 stands in its mapped form.
    let upper: UInt64
    let lower: UInt64

    init(upper: UInt64, lower: UInt64) {
        self.upper = upper
        self.lower = lower
    }

    /// nil for anything but an address: names, ports, zones (`%eth0`) and the old forms of IPv4 with fewer parts or
    /// leading zeros are not read.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8.prefix(Self.bytesLimit + 1))
        guard bytes.count <= Self.bytesLimit else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(bytes[...]) else { return nil }
            upper = groups.prefix(4).reduce(0) { $0 << 16 | UInt64($1) }
            lower = groups.suffix(4).reduce(0) { $0 << 16 | UInt64($1) }
        } else {
            guard let value = Self.dotted(bytes[...]) else { return nil }
            upper = 0
            lower = Self.mapped | UInt64(value)
        }
    }

    package var isIPv4: Bool { upper == 0 && lower & ~0xFFFF_FFFF == Self.mapped }

    /// What limits count as one client: an address of IPv4; of IPv6 the network of 64 bits, which one client often has
    /// whole.
    package var clientNetwork: String {
        isIPv4 ? description : IPAddress(upper: upper, lower: 0).description + "/64"
    }

    /// Dotted for IPv4, else the form of RFC 5952: small letters, and `::` for the first longest run of zeros.
    package var description: String {
        if isIPv4 { return [24, 16, 8, 0].map { String(lower >> $0 & 0xFF) }.joined(separator: ".") }
        let groups = [upper, lower].flatMap { half in [48, 32, 16, 0].map { UInt16(half >> $0 & 0xFFFF) } }
        var longest = 0..<0
        var run = 0..<0
        for (index, group) in groups.enumerated() {
            run = group == 0 ? (run.isEmpty ? index : run.lowerBound)..<(index + 1) : 0..<0
            if run.count > longest.count { longest = run }
        }
        let written = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard longest.count > 1 else { return written(groups[...]) }
        return written(groups[..<longest.lowerBound]) + "::" + written(groups[longest.upperBound...])
    }

    /// Bytes of the longest form: six groups and a dotted tail.
    private static let bytesLimit = 45
    private static let mapped: UInt64 = 0xFFFF_0000_0000

    /// Four decimal numbers up to 255 without leading zeros, which some programs would read as octal.
    private static func dotted(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    /// The eight groups of an IPv6 address (RFC 4291, section 2.2).
    private static func groups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        guard let gap = text.indices.first(where: { text[$0...].starts(with: [colon, colon]) }) else {
            guard let groups = Self.part(text), groups.count == 8 else { return nil }
            return groups
        }
        let after = text[(gap + 2)...]
        guard let head = gap == text.startIndex ? [] : Self.part(text[..<gap]),
            let tail = after.isEmpty ? [] : Self.part(after), head.count + tail.count <= 7
        else { return nil }
        // Before the gap stands no dotted part.
        guard !text[..<gap].contains(UInt8(ascii: ".")) else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// Groups separated by single colons; the last two may be written as IPv4.
    private static func part(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        var groups: [UInt16] = []
        let pieces = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (index, piece) in pieces.enumerated() {
            if index == pieces.count - 1, piece.contains(UInt8(ascii: ".")) {
                guard let value = dotted(piece) else { return nil }
                groups += [UInt16(value >> 16), UInt16(value & 0xFFFF)]
                continue
            }
            guard (1...4).contains(piece.count), piece.allSatisfy(Self.isHexDigit),
                let group = UInt16(String(decoding: piece, as: UTF8.self), radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
