// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
///
/// A network holds addresses of its own family only: `::/0` is all of IPv6 and nothing of IPv4. One written in the
/// mapped form with at least 96 bits (`::ffff:10.0.0.0/104`) is the IPv4 network.
package struct Network: Sendable, Hashable, CustomStringConvertible {
    private let base: IPAddress
    private let upperMask: UInt64
    private let lowerMask: UInt64
    private let isIPv4: Bool
    /// The network as it was written.
    package let description: String

    /// - Throws: An `AccessError` of code `invalidRule` for what is neither CIDR nor an address, and for bits that are
    ///   set beyond the prefix: somebody meant another network.
    package init(parsing text: String) throws(AccessError) {
        let slash = text.firstIndex(of: "/")
        let base = text[..<(slash ?? text.endIndex)]
        guard let address = IPAddress(base) else {
            throw AccessError(
                .invalidRule,
                "'\(text.quotable)' is no network; write 10.0.0.0/8, 2001:db8::/32 or one address"
            )
        }
        let isWrittenShort = !base.utf8.contains(UInt8(ascii: ":"))
        let width = isWrittenShort ? 32 : 128
        var length = width
        if let slash {
            guard let number = Self.length(text[text.index(after: slash)...]), number <= width else {
                throw AccessError(
                    .invalidRule,
                    "the prefix length of '\(text.quotable)' is not a number from 0 to \(width)"
                )
            }
            length = number
        }
        if isWrittenShort { length += 96 }
        upperMask = Self.mask(length)
        lowerMask = Self.mask(length - 64)
        self.base = IPAddress(upper: address.upper & upperMask, lower: address.lower & lowerMask)
        guard self.base == address else {
            let network = "\(self.base)\(text[(slash ?? text.endIndex)...])"
            throw AccessError(.invalidRule, "'\(text.quotable)' has bits beyond its prefix; the network is \(network)")
        }
        isIPv4 = address.isIPv4 && length >= 96
        description = text
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == isIPv4 && address.upper & upperMask == base.upper && address.lower & lowerMask == base.lower
    }

    private static func length(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.count == 1 || !text.hasPrefix("0"),
            text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else { return nil }
        return Int(text)
    }

    /// The upper `bits` of 64.
    private static func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : UInt64.max << UInt64(64 - min(bits, 64)) }
}
