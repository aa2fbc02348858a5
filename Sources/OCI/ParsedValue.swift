// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A value with a grammar: it exists only if its text was valid, and writes itself as that text.
///
/// For every value, `init(parsing: value.description) == value`. Encoded, it is a single string.
public protocol ParsedValue: Hashable, Sendable, LosslessStringConvertible, Codable {
    /// Reads the whole text or throws what is wrong with it.
    init(parsing text: some StringProtocol) throws(ParsingError)
}

extension ParsedValue {
    /// Nil for a text that `init(parsing:)` refuses.
    public init?(_ description: String) {
        do { try self.init(parsing: description) } catch { return nil }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do {
            try self.init(parsing: text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension StringProtocol {
    /// Lends the text's UTF-8 bytes. Inlined, so that a grammar is read without generic code and without a copy.
    @inlinable
    func withUTF8Span<Value>(_ body: (Span<UInt8>) -> Value) -> Value {
        // Safety: the buffer is valid and unchanged while the closure runs, and the span cannot outlive the closure.
        let value = utf8.withContiguousStorageIfAvailable { bytes in body(bytes.span) }
        if let value { return value }
        return body(Array(utf8).span)
    }
}
