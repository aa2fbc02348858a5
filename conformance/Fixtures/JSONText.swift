// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// JSON to be sent, with members in the order written, so that a document's bytes are what a check means them to be.
indirect enum JSONText: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    case string(String)
    case integer(Int)
    case array([JSONText])
    case object([(String, JSONText)])
    case boolean(Bool)
    case null
    /// Text that stands as it is, for what no sound encoder writes.
    case verbatim(String)

    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(arrayLiteral elements: JSONText...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONText)...) { self = .object(elements) }

    var text: String {
        switch self {
        case .string(let value): Self.quoted(value)
        case .integer(let value): String(value)
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { "\(Self.quoted($0.0)):\($0.1.text)" }.joined(separator: ",") + "}"
        case .boolean(let value): value ? "true" : "false"
        case .null: "null"
        case .verbatim(let text): text
        }
    }

    var bytes: [UInt8] { Array(text.utf8) }

    /// This object with one more member, or with another value for a member that it has.
    func with(_ name: String, _ value: JSONText) -> JSONText {
        guard case .object(var members) = self else {
            return self
        }
        if let index = members.firstIndex(where: { $0.0 == name }) {
            members[index].1 = value
        } else {
            members.append((name, value))
        }
        return .object(members)
    }

    /// This object without a member.
    func without(_ name: String) -> JSONText {
        guard case .object(let members) = self else {
            return self
        }
        return .object(members.filter { $0.0 != name })
    }

    private static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
