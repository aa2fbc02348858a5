// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI

/// Reads the members of one JSON object of a document that others made; what is wrong is named with its member.
struct DocumentReader {
    let value: JSONValue
    /// What the object is, for errors: `the envelope`.
    let subject: String
    let code: TrustError.Code

    /// - Throws: An error of `code` where the value is no object.
    init(_ value: JSONValue?, _ subject: String, _ code: TrustError.Code) throws(TrustError) {
        guard let value, value.members != nil else { throw TrustError(code, "\(subject) is no JSON object") }
        self.value = value
        self.subject = subject
        self.code = code
    }

    /// Reads a whole document within the bounds of `TrustLimits`.
    ///
    /// - Throws: `tooLarge`, or an error of `code`.
    init(
        parsing bytes: [UInt8],
        _ subject: String,
        _ code: TrustError.Code,
        bytesLimit: Int = TrustLimits.documentBytesLimit
    ) throws(TrustError) {
        try self.init(JSONValue(document: bytes, subject, code, bytesLimit: bytesLimit), subject, code)
    }

    /// Refuses every member that is not named.
    func allowOnly(_ keys: [String]) throws(TrustError) {
        for member in value.members ?? [] where !keys.contains(member.key) {
            throw TrustError(code, "\(subject) has no member '\(member.key.quotable)'")
        }
    }

    func error(_ reason: String) -> TrustError { TrustError(code, "\(subject) \(reason)") }

    /// A short text, nil where the member is missing or null.
    func text(_ key: String, bytesLimit: Int = TrustLimits.textBytesLimit) throws(TrustError) -> String? {
        switch value[key] {
        case nil, .null: return nil
        case .string(let text):
            guard text.utf8.count <= bytesLimit else { throw error("has a '\(key)' over \(bytesLimit) bytes") }
            return text
        default: throw error("has a '\(key)' that is no string")
        }
    }

    func required(_ key: String) throws(TrustError) -> String {
        guard let text = try text(key) else { throw error("lacks '\(key)'") }
        return text
    }

    /// The elements of an array of a bounded number; nil where the member is missing or null.
    func elements(_ key: String, limit: Int) throws(TrustError) -> [JSONValue]? {
        switch value[key] {
        case nil, .null: return nil
        case .array(let elements):
            guard elements.count <= limit else { throw error("has over \(limit) entries in '\(key)'") }
            return elements
        default: throw error("has a '\(key)' that is no array")
        }
    }

    /// The object of a member; nil where it is missing or null.
    func object(_ key: String) throws(TrustError) -> DocumentReader? {
        switch value[key] {
        case nil, .null: nil
        case .some(let member): try DocumentReader(member, "'\(key)' of \(subject)", code)
        }
    }

    func digest(_ key: String) throws(TrustError) -> Digest {
        guard let digest = Digest(try required(key)) else { throw error("has a '\(key)' that is no digest") }
        return digest
    }

    /// A time of RFC 3339; nil where the member is missing or null.
    func time(_ key: String) throws(TrustError) -> Int64? {
        guard let text = try text(key) else { return nil }
        do {
            return try RFC3339.seconds(text)
        } catch {
            throw self.error("has a '\(key)' that is no time: \(error.reason)")
        }
    }
}

extension JSONValue {
    /// Reads a whole document within the bounds of `TrustLimits`.
    ///
    /// - Throws: `tooLarge`, or an error of `code`.
    init(
        document bytes: [UInt8],
        _ subject: String,
        _ code: TrustError.Code,
        bytesLimit: Int = TrustLimits.documentBytesLimit
    ) throws(TrustError) {
        guard bytes.count <= bytesLimit else {
            throw TrustError(.tooLarge, "\(subject) has \(bytes.count) bytes, over the limit of \(bytesLimit)")
        }
        do {
            try self.init(
                parsing: bytes,
                depthLimit: TrustLimits.documentDepthLimit,
                nodesLimit: TrustLimits.documentNodesLimit
            )
        } catch {
            throw TrustError(code, "\(subject) is no JSON: \(error)")
        }
    }
}

extension StringProtocol {
    /// The text, safe to print and cut to 256 bytes.
    var quotable: String { ParsingError.quotable(self) }
}

extension Digest {
    /// The SHA-256 of bytes.
    static func hashing(_ bytes: [UInt8]) throws(TrustError) -> Digest {
        do {
            return try Digest.of(bytes)
        } catch {
            throw TrustError(.cryptography, error.reason)
        }
    }
}
