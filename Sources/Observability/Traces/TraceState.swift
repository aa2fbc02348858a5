// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The `tracestate` field of W3C Trace Context: what other systems want passed on, unread.
package struct TraceState: Hashable, Sendable {
    /// Members that a field may have, and UTF-8 bytes that are passed on.
    private static let memberLimit = 32
    private static let byteLimit = 512

    /// The list as it is passed on; empty where there is nothing to pass on.
    package let text: String

    package init() {
        text = ""
    }

    /// Reads a field. One that is malformed, has a key twice, or is too long counts as absent: the trace goes on
    /// without it.
    package init(parsing field: String?) {
        guard let field, field.utf8.count <= Self.byteLimit else {
            text = ""
            return
        }
        var members: [Substring] = []
        var keys: Set<Substring> = []
        for part in field.split(separator: ",", omittingEmptySubsequences: true) {
            let member = Self.trimmed(part)
            if member.isEmpty { continue }
            guard let equals = member.firstIndex(of: "="), Self.isKey(member[..<equals]),
                Self.isValue(member[member.index(after: equals)...]), keys.insert(member[..<equals]).inserted
            else {
                text = ""
                return
            }
            members.append(member)
        }
        text = members.count > Self.memberLimit ? "" : members.joined(separator: ",")
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop { $0 == " " || $0 == "\t" }
        guard let end = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return start[...end]
    }

    /// `vendor`, or `tenant@vendor`.
    private static func isKey(_ key: Substring) -> Bool {
        let parts = key.split(separator: "@", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isWord(parts[0], limit: 256, digitFirst: false)
        case 2: return isWord(parts[0], limit: 241, digitFirst: true) && isWord(parts[1], limit: 14, digitFirst: false)
        default: return false
        }
    }

    private static func isWord(_ word: Substring, limit: Int, digitFirst: Bool) -> Bool {
        guard let first = word.utf8.first, word.utf8.count <= limit else { return false }
        let isDigit: (UInt8) -> Bool = { (0x30...0x39).contains($0) }
        let isLetter: (UInt8) -> Bool = { (0x61...0x7a).contains($0) }
        guard isLetter(first) || (digitFirst && isDigit(first)) else { return false }
        return word.utf8.allSatisfy { isLetter($0) || isDigit($0) || "_-*/".utf8.contains($0) }
    }

    /// Printable ASCII but the comma and the equals sign.
    private static func isValue(_ value: Substring) -> Bool {
        (1...256).contains(value.utf8.count)
            && value.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x2c && $0 != 0x3d }
    }
}
