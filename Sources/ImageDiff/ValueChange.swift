// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Something that an image says of itself: `env PATH` is a value.
package struct NamedValue: Hashable, Sendable {
    /// What sort of thing it is: `env`, `user`.
    package let field: String
    /// Which one, where there can be several.
    package let key: String?
    package let value: String

    package init(_ field: String, _ key: String? = nil, _ value: String) {
        self.field = field
        self.key = key
        self.value = value
    }
}

/// A value that one image has and the other has not, or has otherwise.
package struct ValueChange: Hashable, Sendable {
    package let field: String
    package let key: String?
    package let old: String?
    package let new: String?

    package init(_ field: String, _ key: String? = nil, old: String?, new: String?) {
        self.field = field
        self.key = key
        self.old = old
        self.new = new
    }

    private struct Name: Hashable {
        let field: String
        let key: String?
    }

    /// What differs, in the order of the older list, and after it what only the newer one has. Of several values with
    /// one name the last counts, as it does for who runs the image.
    package static func between(_ old: [NamedValue], _ new: [NamedValue]) -> [ValueChange] {
        let before = Dictionary(old.map { (Name(field: $0.field, key: $0.key), $0.value) }) { $1 }
        let after = Dictionary(new.map { (Name(field: $0.field, key: $0.key), $0.value) }) { $1 }
        var seen: Set<Name> = []
        return (old + new).compactMap { value in
            let name = Name(field: value.field, key: value.key)
            guard seen.insert(name).inserted, before[name] != after[name] else { return nil }
            return ValueChange(value.field, value.key, old: before[name], new: after[name])
        }
    }
}
