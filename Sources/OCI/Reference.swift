// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a client calls a manifest by: a tag or a digest.
public enum Reference: ParsedValue {
    case tag(Tag)
    case digest(Digest)

    /// Reads a tag or a digest. A text with a colon is only ever read as a digest, so a malformed digest can never
    /// pass for a tag.
    ///
    /// - Throws: the error of the grammar that was tried; its code tells which.
    @inlinable
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            self = .digest(try Digest(parsing: text))
        } else {
            self = .tag(try Tag(parsing: text))
        }
    }

    public var description: String {
        switch self {
        case .tag(let tag): tag.description
        case .digest(let digest): digest.description
        }
    }

    /// The tag, if it is one.
    public var tag: Tag? {
        if case .tag(let tag) = self { tag } else { nil }
    }

    /// The digest, if it is one.
    public var digest: Digest? {
        if case .digest(let digest) = self { digest } else { nil }
    }
}
