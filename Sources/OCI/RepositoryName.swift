// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The name of a repository: path components of the distribution specification's grammar, at most 255 bytes.
///
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`. No name has an empty, `.` or `..`
/// component, and names that begin with `_` stay free for extensions. The order is that of the bytes.
public struct RepositoryName: ParsedValue, Comparable {
    public let description: String

    @inlinable
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        if let reason = text.withUTF8Span(RepositoryName.fault) {
            throw ParsingError(code: .invalidRepositoryName, reason: reason, value: String(text))
        }
        description = String(text)
    }

    public static func < (left: RepositoryName, right: RepositoryName) -> Bool { left.description < right.description }

    /// What was read last.
    private enum State {
        case componentStart, alphanumeric, dot, underscore, twoUnderscores, hyphens
    }

    @usableFromInline
    static func fault(_ text: Span<UInt8>) -> String? {
        guard !text.isEmpty else { return "a repository name is not empty" }
        guard text.count <= OCILimits.repositoryNameBytesLimit else {
            return "a repository name has at most \(OCILimits.repositoryNameBytesLimit) bytes"
        }
        var state = State.componentStart
        for position in 0..<text.count {
            switch text[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                state = .alphanumeric
            case UInt8(ascii: "/"):
                guard state == .alphanumeric else { return shape }
                state = .componentStart
            case UInt8(ascii: "."):
                guard state == .alphanumeric else { return shape }
                state = .dot
            case UInt8(ascii: "_"):
                switch state {
                case .alphanumeric: state = .underscore
                case .underscore: state = .twoUnderscores
                default: return shape
                }
            case UInt8(ascii: "-"):
                guard state == .alphanumeric || state == .hyphens else { return shape }
                state = .hyphens
            default:
                return "a repository name is written in a-z, 0-9, '.', '_', '-' and '/'"
            }
        }
        return state == .alphanumeric ? nil : shape
    }

    private static let shape = """
        each component of a repository name begins and ends with a letter or digit, and has one '.', one or two '_', \
        or hyphens between them
        """
}
