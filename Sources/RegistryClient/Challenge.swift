// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1).
package struct Challenge: Hashable, Sendable {
    /// In lower case.
    package let scheme: String
    /// By name in lower case.
    package let parameters: [String: String]

    package subscript(name: String) -> String? { parameters[name] }

    /// Reads all challenges of a response, strictly: `scheme name=value, name="value", scheme …`.
    ///
    /// A challenge in the form of one bare token, as of `Negotiate`, is read and has no parameters.
    ///
    /// - Throws: `.network` for what breaks the grammar, has a parameter twice, or is too much.
    package static func parse(_ fields: [String]) throws(ClientError) -> [Challenge] {
        guard fields.reduce(0, { $0 + $1.utf8.count }) <= ClientLimits.challengeBytes else {
            throw ClientError(.network, "the registry's WWW-Authenticate header is too long")
        }
        var challenges: [Challenge] = []
        for field in fields {
            var reader = ChallengeReader(bytes: Array(field.utf8))
            challenges += try reader.challenges()
        }
        guard challenges.count <= ClientLimits.challenges else { throw ChallengeReader.malformed }
        return challenges
    }
}

/// One pass over a field.
private struct ChallengeReader {
    static let malformed = ClientError(.network, "the registry's WWW-Authenticate header breaks its grammar")

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func challenges() throws(ClientError) -> [Challenge] {
        var result: [Challenge] = []
        skipCommas()
        while position < bytes.count {
            guard let scheme = token() else { throw Self.malformed }
            result.append(Challenge(scheme: scheme.lowercased(), parameters: try parameters()))
            skipCommas()
        }
        return result
    }

    /// The parameters up to the next challenge or the end.
    private mutating func parameters() throws(ClientError) -> [String: String] {
        var result: [String: String] = [:]
        guard position < bytes.count, bytes[position] != UInt8(ascii: ",") else { return result }
        guard skipSpaces() > 0 else { throw Self.malformed }
        while position < bytes.count {
            let start = position
            guard let name = token() else { break }
            skipSpaces()
            guard take(UInt8(ascii: "=")) else {
                // A token without a value after it begins the next challenge, unless it is this one's only content.
                position = result.isEmpty && isAtSeparator ? position : start
                break
            }
            skipSpaces()
            let isQuoted = position < bytes.count && bytes[position] == UInt8(ascii: "\"")
            guard let value = isQuoted ? quoted() : token() else {
                // What base64 ends with, where the only content is one of its texts.
                guard !isQuoted, result.isEmpty, skipPadding() else { throw Self.malformed }
                break
            }
            guard result.updateValue(value, forKey: name.lowercased()) == nil,
                result.count <= ClientLimits.challenges
            else { throw Self.malformed }
            skipSpaces()
            guard position == bytes.count || bytes[position] == UInt8(ascii: ",") else { throw Self.malformed }
            skipCommas()
        }
        return result
    }

    private var isAtSeparator: Bool { position == bytes.count || bytes[position] == UInt8(ascii: ",") }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipPadding() -> Bool {
        while take(UInt8(ascii: "=")) {}
        return isAtSeparator
    }

    @discardableResult
    private mutating func skipSpaces() -> Int {
        let start = position
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
        return position - start
    }

    private mutating func skipCommas() {
        while skipSpaces() > 0 || take(UInt8(ascii: ",")) {}
    }

    private mutating func token() -> String? {
        let start = position
        while position < bytes.count, Self.isTokenCharacter(bytes[position]) { position += 1 }
        return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
    }

    /// A quoted string, at whose first mark the reader stands.
    private mutating func quoted() -> String? {
        position += 1
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard position < bytes.count else { return nil }
                content.append(bytes[position])
                position += 1
            case 0x20...0x7E, 0x09: content.append(byte)
            default: return nil
            }
        }
        return nil
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
