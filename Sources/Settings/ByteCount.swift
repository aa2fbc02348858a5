// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A number of bytes above zero, as people write it: `10737418240` or `10GiB`.
package struct ByteCount: Sendable, Hashable, LosslessStringConvertible {
    package let bytes: Int64

    /// nil for what is no such number, or is more than 64 bits hold.
    package init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let shift: Int64? =
            switch text[digits.endIndex...] {
            case "": 0
            case "KiB": 10
            case "MiB": 20
            case "GiB": 30
            case "TiB": 40
            default: nil
            }
        guard let shift, let number = Int64(digits), number > 0, number <= Int64.max >> shift else { return nil }
        bytes = number << shift
    }

    package var description: String { String(bytes) }
}
