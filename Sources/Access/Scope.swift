// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The scopes that a client asks a token for, in the grammar of the distribution project
/// (docs/content/spec/auth/scope): `repository:team/app:pull,push registry:catalog:*`.
package enum Scope {
    package static let bytesLimit = 8 * 1024
    package static let itemsLimit = 64

    /// One resource and what is to be done with it.
    package struct Item: Sendable, Hashable, CustomStringConvertible {
        package let type: String
        /// What stands in brackets after the type: `repository(plugin)`.
        package let `class`: String?
        package let name: String
        package let actions: [String]

        package var description: String {
            "\(type)\(self.class.map { "(\($0))" } ?? ""):\(name):\(actions.joined(separator: ","))"
        }
    }

    /// Reads scopes separated by blanks; there may be none.
    ///
    /// - Throws: An `AccessError` of code `invalidScope` for one that breaks the grammar, and for more than 64 of them
    ///   or 8 KiB in all.
    package static func parse(_ text: some StringProtocol) throws(AccessError) -> [Item] {
        guard text.utf8.count <= bytesLimit else {
            throw AccessError(.invalidScope, "scopes have at most \(bytesLimit) bytes in all")
        }
        var items: [Item] = []
        for part in text.split(separator: " ") {
            guard items.count < itemsLimit else {
                throw AccessError(.invalidScope, "a request has at most \(itemsLimit) scopes")
            }
            items.append(try Item(parsing: String(part)))
        }
        return items
    }
}

extension Scope.Item {
    /// The type ends at the first colon and the actions begin after the last: the name may hold one before a port.
    init(parsing text: String) throws(AccessError) {
        guard let first = text.firstIndex(of: ":"), let last = text.lastIndex(of: ":"), first < last else {
            throw Self.wrong(text, "is not written type:name:actions")
        }
        guard let (type, `class`) = Self.type(text[..<first]) else { throw Self.wrong(text, "has no type") }
        let name = text[text.index(after: first)..<last]
        guard Self.isName(name) else { throw Self.wrong(text, "has no name of a resource") }
        let actions = text[text.index(after: last)...].split(separator: ",", omittingEmptySubsequences: false)
        guard actions.allSatisfy(Self.isAction) else { throw Self.wrong(text, "has actions that are none") }
        self.init(type: type, class: `class`, name: String(name), actions: actions.map(String.init))
    }

    private static func wrong(_ text: String, _ reason: String) -> AccessError {
        AccessError(.invalidScope, "the scope '\(text.quotable)' \(reason)")
    }

    /// `[a-z0-9]+` and maybe another one in brackets.
    private static func type(_ text: Substring) -> (String, String?)? {
        let word = { (text: Substring) in
            !text.isEmpty
                && text.utf8.allSatisfy {
                    UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                }
        }
        guard let bracket = text.firstIndex(of: "(") else { return word(text) ? (String(text), nil) : nil }
        let inner = text[text.index(after: bracket)...]
        guard inner.last == ")", word(text[..<bracket]), word(inner.dropLast()) else { return nil }
        return (String(text[..<bracket]), String(inner.dropLast()))
    }

    /// The grammar has `[a-z]*`; `*` is what clients send for everything, and no action is no request.
    private static func isAction(_ text: Substring) -> Bool {
        text == "*" || (!text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 })
    }

    /// A repository name, or one after a host and maybe a port.
    private static func isName(_ text: Substring) -> Bool {
        if RepositoryName(String(text)) != nil { return true }
        guard let slash = text.firstIndex(of: "/"), RepositoryName(String(text[text.index(after: slash)...])) != nil
        else { return false }
        let pieces = text[..<slash].split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count <= 2, pieces.count == 1 || isPort(pieces[1]) else { return false }
        return pieces[0].utf8.count <= 255
            && pieces[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isHostComponent)
    }

    private static func isPort(_ text: Substring) -> Bool {
        (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    private static func isHostComponent(_ text: Substring) -> Bool {
        !text.isEmpty && !text.hasPrefix("-") && !text.hasSuffix("-")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension Scope.Item {
    /// What a word of the scope stands for: a token's language is poorer than that of the rules.
    package static func actions(word: String) -> ActionSet {
        switch word {
        case "pull": [ActionSet(.pull), ActionSet(.pullByTag)]
        case "push": [ActionSet(.push), ActionSet(.overwrite), ActionSet(.sign)]
        case "*": .all
        default: Action(rawValue: word).map { ActionSet($0) } ?? []
        }
    }
}
