// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A JSON document as read by a reader that accepts no second meaning: RFC 8259, and beyond it no duplicate keys, no
/// invalid UTF-8, no lone surrogates, no byte order mark, and bounds on depth and values.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction, exponent or negative zero, that fits.
    case integer(Int64)
    /// Any other number, as it was written.
    case decimal(String)
    case string(String)
    case array([JSONValue])
    /// Members in the order of the document; no two keys are equal.
    case object([JSONMember])

    /// Reads a whole document in one pass.
    ///
    /// Memory stays in proportion to `bytes`; the call stack to `depthLimit`.
    ///
    /// - Parameters:
    ///   - bytes: The document and nothing after it but white space.
    ///   - depthLimit: Containers open at once.
    ///   - nodesLimit: Values in the document, containers included and keys not.
    /// - Throws: `JSONError` with the offset where reading stopped.
    public init(
        parsing bytes: [UInt8],
        depthLimit: Int = OCILimits.jsonDepthLimit,
        nodesLimit: Int = OCILimits.jsonNodesLimit
    ) throws(JSONError) {
        var reader = JSONReader(bytes, depthLimit: depthLimit, nodesLimit: nodesLimit)
        self = try reader.document()
    }

    /// The value of an object's member; nil if there is none, or this is no object.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The text of a string; nil for anything else.
    public var text: String? { if case .string(let text) = self { text } else { nil } }

    /// A whole number; nil for anything else.
    public var number: Int64? { if case .integer(let number) = self { number } else { nil } }

    /// The elements of an array; nil for anything else.
    public var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

    /// The members of an object; nil for anything else.
    public var members: [JSONMember]? { if case .object(let members) = self { members } else { nil } }

    /// What the value is, for messages: "a string", "an array".
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .decimal: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// A member of a JSON object.
public struct JSONMember: Hashable, Sendable {
    public let key: String
    public let value: JSONValue

    public init(key: String, value: JSONValue) {
        self.key = key
        self.value = value
    }
}

/// Why bytes are not a JSON document that is accepted.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// Not JSON by its grammar, cut short documents included.
        case malformed
        case byteOrderMark
        case trailingBytes
        case invalidUTF8
        /// A `\u` escape of half a surrogate pair, which no UTF-8 can express.
        case loneSurrogate
        /// Two members of an object have keys that are equal, or that Unicode holds to be equivalent.
        case duplicateKey
        case tooDeep
        case tooManyNodes
    }

    public let code: Code
    /// A sentence for people. It quotes nothing but escaped text.
    public let reason: String
    /// The byte at which reading stopped.
    public let offset: Int

    public init(code: Code, reason: String, offset: Int) {
        self.code = code
        self.reason = reason
        self.offset = offset
    }

    public var description: String { "\(code.rawValue) at byte \(offset): \(reason)" }
}
