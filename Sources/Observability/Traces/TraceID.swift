// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// 16 bytes that all spans of a trace share.
package struct TraceID: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 32 lower-case hexadecimal digits.
    package var description: String { Hexadecimal.text(high) + Hexadecimal.text(low) }
}

/// 8 bytes that name a span within its trace.
package struct SpanID: Hashable, Sendable, CustomStringConvertible {
    package let bits: UInt64

    package init(bits: UInt64) {
        self.bits = bits
    }

    /// 16 lower-case hexadecimal digits.
    package var description: String { Hexadecimal.text(bits) }
}

/// Numbers as digits of base 16, lower-case, as W3C Trace Context writes them.
enum Hexadecimal {
    static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The number of up to 16 digits; nil where one of them is none, or a capital.
    static func value(_ digits: some Sequence<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
