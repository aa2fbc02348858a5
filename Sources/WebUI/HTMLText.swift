// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Mustache

/// How texts of others get into a page: as text, whatever they hold.
///
/// The library's own way goes by characters as people see them, so that a quote with a combining mark is another
/// character than a quote, and would stay. Here each scalar is looked at. What is not seen and changes how its
/// surroundings look (controls, marks of direction) is written out.
struct HTMLText: MustacheContentType {
    /// The name by which every template asks for this.
    static let name = "CAIRN"

    /// Takes the place of the library's own way for one template's text. The library keeps its ways by name.
    static func template(_ text: String) throws -> MustacheTemplate {
        _ = registration
        return try MustacheTemplate(string: "{{% CONTENT_TYPE: \(name)}}\(text)")
    }

    private static let registration: Void = MustacheContentTypes.register(HTMLText(), named: name)

    func escapeText(_ text: String) -> String { Self.escape(text) }

    static func escape(_ text: String) -> String {
        var result = ""
        result.unicodeScalars.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "`": result += "&#96;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case let scalar where isHidden(scalar):
                result += "&#92;u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Controls, and marks that turn the direction of what stands around them.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB:
            true
        default: false
        }
    }
}
