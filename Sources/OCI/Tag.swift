// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. The order is that of the bytes, ASCIIbetical in the specification.
public struct Tag: ParsedValue, Comparable {
    public let description: String

    @inlinable
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        if let reason = text.withUTF8Span(Tag.fault) {
            throw ParsingError(code: .invalidTag, reason: reason, value: String(text))
        }
        description = String(text)
    }

    init(valid text: String) { description = text }

    public static func < (left: Tag, right: Tag) -> Bool { left.description < right.description }

    @usableFromInline
    static func fault(_ text: Span<UInt8>) -> String? {
        guard !text.isEmpty else { return "a tag is not empty" }
        guard text.count <= OCILimits.tagBytesLimit else { return "a tag has at most \(OCILimits.tagBytesLimit) bytes" }
        for position in 0..<text.count {
            switch text[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                continue
            case UInt8(ascii: "."), UInt8(ascii: "-"):
                guard position > 0 else { return "a tag begins with a letter, a digit or '_'" }
            default:
                return "a tag is written in letters, digits, '_', '.' and '-'"
            }
        }
        return nil
    }
}

extension Tag {
    /// The subject whose referrers a client lists under this tag when a registry lacks the referrers API
    /// (distribution specification, "Referrers Tag Schema"): `<algorithm>-<hash>` and nothing else.
    ///
    /// Nil for a tag whose hash was cut, as that of SHA-512 always is: then only the listed manifests tell the subject,
    /// and `Digest.referrersTag` tells whether a tag is that of a digest.
    public var fallbackSubject: Digest? {
        let text = description.utf8
        guard text.count == 71, text.dropFirst(6).first == UInt8(ascii: "-") else { return nil }
        return Digest("\(description.prefix(6)):\(description.dropFirst(7))")
    }
}

extension Tag {
    /// Whether clients attach something to another manifest under this tag: `sha256-<64 digits>` alone, the referrers
    /// tag schema, or with a suffix as of cosign's `.sig`, `.att` and `.sbom`. That of SHA-512 has its hash cut to 64
    /// digits.
    public var namesAttachment: Bool {
        let parts = description.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 && parts[1].isEmpty { return false }
        for prefix in ["sha256-", "sha512-"] where parts[0].hasPrefix(prefix) {
            let hex = parts[0].utf8.dropFirst(prefix.utf8.count)
            return hex.count == OCILimits.referrersTagEncodedLimit
                && hex.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (97...102).contains($0) }
        }
        return false
    }
}

extension Tag {
    /// The suffixes of the tags that clients attach signatures and attestations by where there are no referrers.
    public static let attachmentSuffixes = ["sig", "att"]

    /// The tags under which a digest's signatures and attestations may be attached; none for SHA-512, whose hash does
    /// not fit.
    public static func attachmentTags(of digest: Digest) -> [Tag] {
        guard digest.algorithm == .sha256 else { return [] }
        return attachmentSuffixes.map { Tag(valid: "sha256-\(digest.hex).\($0)") }
    }

    /// The manifest that something is attached to under this tag, where it is one of `attachmentTags`.
    public var attachmentSubject: Digest? {
        guard description.hasPrefix("sha256-"), description.utf8.count == 75,
            Self.attachmentSuffixes.contains(where: { description.hasSuffix(".\($0)") })
        else { return nil }
        return Digest("sha256:\(description.dropFirst(7).dropLast(4))")
    }
}

extension Digest {
    /// The tag under which clients list this digest's referrers when a registry lacks the referrers API: algorithm and
    /// hash with a hyphen between, cut to 32 and 64 characters.
    public var referrersTag: Tag {
        let algorithm = algorithm.name.prefix(OCILimits.referrersTagAlgorithmLimit)
        return Tag(valid: "\(algorithm)-\(hex.prefix(OCILimits.referrersTagEncodedLimit))")
    }
}
