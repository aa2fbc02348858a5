// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A media type without parameters, `type/subtype` of RFC 6838, section 4.2.
///
/// The spelling is kept as received, since it is served as it was pushed. Equality is that of the bytes: the types
/// of the image specification are compared so by clients, and another spelling of one is not that type here.
public struct MediaType: ParsedValue, Comparable {
    public let description: String

    @inlinable
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        if let reason = text.withUTF8Span(MediaType.fault) {
            throw ParsingError(code: .invalidMediaType, reason: reason, value: String(text))
        }
        description = String(text)
    }

    /// Reads the value of a Content-Type header: parameters are dropped, white space around the type is allowed, and
    /// the type is put in lower case, for a header's spelling says nothing (RFC 9110, section 8.3.1).
    @inlinable
    public init(contentType text: some StringProtocol) throws(ParsingError) {
        if let type = text.withUTF8Span(MediaType.bareType) {
            try self.init(parsing: type)
        } else {
            try self.init(parsing: text)
        }
    }

    /// What is left of a header's value without parameters and blanks, in lower case; nil if that is all of it.
    @usableFromInline
    static func bareType(_ header: Span<UInt8>) -> String? {
        var start = 0
        while start < header.count, isBlank(header[start]) { start += 1 }
        var end = start
        var hasCapitals = false
        for position in start..<header.count {
            let byte = header[position]
            if byte == UInt8(ascii: ";") { break }
            if !isBlank(byte) { end = position + 1 }
            if UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte { hasCapitals = true }
        }
        if start == 0, end == header.count, !hasCapitals { return nil }
        var type: [UInt8] = []
        for position in start..<end {
            let byte = header[position]
            type.append(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte)
        }
        return String(decoding: type, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    init(known text: String) { description = text }

    public static func < (left: MediaType, right: MediaType) -> Bool { left.description < right.description }

    @usableFromInline
    static func fault(_ text: Span<UInt8>) -> String? {
        var slash: Int?
        var partStart = 0
        for position in 0..<text.count {
            let byte = text[position]
            if byte == UInt8(ascii: "/"), slash == nil {
                guard position > 0 else { return form }
                slash = position
                partStart = position + 1
                continue
            }
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                break
            case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "-"),
                UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"):
                guard position > partStart else { return form }
            default: return form
            }
            guard position - partStart < OCILimits.mediaTypePartBytesLimit else {
                return "each half of a media type has at most \(OCILimits.mediaTypePartBytesLimit) bytes"
            }
        }
        guard slash != nil, partStart < text.count else { return form }
        return nil
    }

    private static let form = "a media type is type/subtype of RFC 6838, without parameters"
}
