// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The name of an upload session: 128 bits of randomness, written as a lower-case UUID.
///
/// It becomes a file name, so the only spelling that parses is the canonical one; the path is made from the bits again.
package struct UploadID: Hashable, Sendable, LosslessStringConvertible, Codable {
    private let high: UInt64
    private let low: UInt64

    /// A fresh identifier. All bits but the six that mark a version 4 UUID are random.
    package static func random(using generator: inout some RandomNumberGenerator) -> UploadID {
        let high: UInt64 = generator.next()
        let low: UInt64 = generator.next()
        return UploadID(
            high: high & ~0xf000 | 0x4000,
            low: low & ~(0b11 << 62) | (0b10 << 62)
        )
    }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the canonical form only: 36 bytes, hyphens in their places, lower-case digits.
    package init(parsing text: some StringProtocol) throws(ParsingError) {
        var words: (high: UInt64, low: UInt64) = (0, 0)
        var digits = 0
        var length = 0
        var valid = true
        for byte in text.utf8.prefix(37) {
            if length == 8 || length == 13 || length == 18 || length == 23 {
                valid = valid && byte == UInt8(ascii: "-")
            } else if let digit = Self.digit(byte) {
                if digits < 16 { words.high = words.high << 4 | digit } else { words.low = words.low << 4 | digit }
                digits += 1
            } else {
                valid = false
            }
            length += 1
        }
        guard valid, length == 36, digits == 32 else {
            throw ParsingError(code: .invalidUploadID, reason: "an upload id is a lower-case UUID", value: String(text))
        }
        self.init(high: words.high, low: words.low)
    }

    package init?(_ description: String) {
        do { try self.init(parsing: description) } catch { return nil }
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package var description: String {
        var text = [UInt8]()
        text.reserveCapacity(36)
        for position in 0..<32 {
            if position == 8 || position == 12 || position == 16 || position == 20 { text.append(UInt8(ascii: "-")) }
            let word = position < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (position % 16)) & 0xf)
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        default: nil
        }
    }
}
