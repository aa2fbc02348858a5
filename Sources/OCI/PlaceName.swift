// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What people call an environment, a machine, a service or a rollout: 1 to 128 of the letters and digits of ASCII and
/// `. _ - : / @ +`, of which the first is a letter or a digit.
public struct PlaceName: ParsedValue {
    public let description: String

    /// - Throws: `invalidPlaceName`.
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        guard let first = text.utf8.first, Self.isAlphanumeric(first),
            text.utf8.count <= OCILimits.placeNameBytesLimit, text.utf8.allSatisfy(Self.isCharacter)
        else {
            throw ParsingError(
                code: .invalidPlaceName,
                reason: "a name of an environment, target, service or deployment has 1 to "
                    + "\(OCILimits.placeNameBytesLimit) of a-z A-Z 0-9 . _ - : / @ + and begins with a letter or digit",
                value: String(text.prefix(OCILimits.quotedValueBytesLimit))
            )
        }
        description = String(text)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func isCharacter(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "._-:/@+".utf8.contains(byte)
    }
}
