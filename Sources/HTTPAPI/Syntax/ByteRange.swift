// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A `Range` request header (RFC 9110, section 14.2) resolved against a representation's length.
public enum ByteRange: Hashable, Sendable {
    /// No header, another unit, a malformed header or several ranges: the whole representation is served, as
    /// section 14.2 allows, with status 200.
    case whole
    /// One satisfiable range, already clipped: 206.
    case partial(Range<Int64>)
    /// 416 with `Content-Range: bytes */length`.
    case unsatisfiable

    /// Resolves a header value.
    ///
    /// - Parameters:
    ///   - header: The value, such as `bytes=500-1499`, `bytes=500-` or `bytes=-500`.
    ///   - length: Bytes of the representation, not negative.
    public init(header: String?, length: Int64) {
        guard let header, let spec = ByteRange.singleSpec(header) else {
            self = .whole
            return
        }
        switch spec {
        case .suffix(let count):
            guard count > 0, length > 0 else {
                self = .unsatisfiable
                return
            }
            self = .partial(max(0, length - count)..<length)
        case .from(let first, let last):
            if let last, last < first {
                // The grammar calls this invalid; clients that ask for it expect to be told so.
                self = .unsatisfiable
            } else if first >= length {
                self = .unsatisfiable
            } else {
                self = .partial(first..<min(length, (last ?? length - 1) + 1))
            }
        }
    }

    private enum Spec {
        case suffix(Int64)
        case from(Int64, Int64?)
    }

    private static func singleSpec(_ header: String) -> Spec? {
        let text = header.drop { $0 == " " }
        guard text.prefix(6).lowercased() == "bytes=" else { return nil }
        let value = text.dropFirst(6).trimmingSpaces()
        guard !value.contains(","), let dash = value.firstIndex(of: "-") else { return nil }
        let first = value[..<dash]
        let last = value[value.index(after: dash)...]
        if first.isEmpty {
            return DecimalNumber.parse(last).map(Spec.suffix)
        }
        guard let start = DecimalNumber.parse(first) else { return nil }
        if last.isEmpty { return .from(start, nil) }
        guard let end = DecimalNumber.parse(last) else { return nil }
        return .from(start, end)
    }
}

/// The `Content-Range` of a chunk upload in the distribution specification: `<start>-<end>`, inclusive, no unit.
public struct ChunkRange: Hashable, Sendable {
    public let start: Int64
    /// The last byte, inclusive.
    public let end: Int64

    /// Parses a header value; `bytes a-b/len`, which some clients send, is read too.
    ///
    /// - Returns: nil when the value has another form or its end lies before its start.
    public init?(parsing header: String) {
        var text = header[...].trimmingSpaces()
        if text.prefix(6).lowercased() == "bytes " {
            text = text.dropFirst(6)
            if let slash = text.firstIndex(of: "/") { text = text[..<slash] }
        }
        guard let dash = text.firstIndex(of: "-"), let start = DecimalNumber.parse(text[..<dash]),
            let end = DecimalNumber.parse(text[text.index(after: dash)...]), end >= start
        else { return nil }
        self.start = start
        self.end = end
    }

    /// Bytes in the chunk.
    public var count: Int64 { end - start + 1 }
}

/// Unsigned decimal numbers as HTTP writes them: digits only, below 2^62 so that sums cannot overflow.
public enum DecimalNumber {
    public static func parse(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty, text.utf8.count <= 18 else { return nil }
        var value: Int64 = 0
        for byte in text.utf8 {
            guard case UInt8(ascii: "0")...UInt8(ascii: "9") = byte else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var text = self
        while text.first == " " || text.first == "\t" { text = text.dropFirst() }
        while text.last == " " || text.last == "\t" { text = text.dropLast() }
        return text
    }
}
