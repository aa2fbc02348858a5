// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Header fields in the order and spelling they had on the wire, found without regard to case.
struct Headers: Sendable, ExpressibleByDictionaryLiteral {
    struct Field: Sendable {
        let name: String
        let value: String
    }

    private(set) var fields: [Field]

    init(_ fields: [Field] = []) {
        self.fields = fields
    }

    init(dictionaryLiteral elements: (String, String)...) {
        self.fields = elements.map { Field(name: $0, value: $1) }
    }

    /// The first value of a field, or nil if there is none.
    subscript(_ name: String) -> String? {
        values(name).first
    }

    /// All values of a field, one for each line it stood on.
    func values(_ name: String) -> [String] {
        let wanted = name.lowercased()
        return fields.filter { $0.name.lowercased() == wanted }.map(\.value)
    }

    /// The elements of a field whose value is a comma-separated list, over all its lines.
    func list(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",") }.map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// These fields and then the others.
    func adding(_ others: Headers) -> Headers {
        Headers(fields + others.fields)
    }
}

extension String {
    /// Without spaces and tabs at both ends.
    var trimmed: String {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
        let head = drop(while: blank)
        guard let last = head.lastIndex(where: { !blank($0) }) else {
            return ""
        }
        return String(head[...last])
    }
}
