// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a person calls an image by: `host[:port]/name[:tag][@digest]`.
///
/// The first component is the host, always: no name is completed with a registry, or with a tag. With both tag and
/// digest, the digest says what is meant and the tag is what it is kept under.
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
    /// In lower case; an IPv6 address in brackets.
    package let host: String
    package let port: Int?
    package let name: RepositoryName
    package let tag: Tag?
    package let digest: Digest?

    /// - Throws: `.usage` with what is wrong.
    package init(parsing text: some StringProtocol) throws(ClientError) {
        let form = "an image is called host[:port]/name[:tag][@digest]"
        guard text.utf8.count <= ClientLimits.addressBytes, let slash = text.firstIndex(of: "/") else {
            throw ClientError(.usage, "\(form): \"\(ParsingError.quotable(text))\"")
        }
        guard let (host, port) = Origin.split(text[..<slash]) else {
            throw ClientError(.usage, "\(form), and this has no host: \"\(ParsingError.quotable(text))\"")
        }
        var rest = text[text.index(after: slash)...]
        do {
            if let at = rest.firstIndex(of: "@") {
                digest = try Digest(parsing: rest[rest.index(after: at)...])
                rest = rest[..<at]
            } else {
                digest = nil
            }
            if let colon = rest.firstIndex(of: ":") {
                tag = try Tag(parsing: rest[rest.index(after: colon)...])
                rest = rest[..<colon]
            } else {
                tag = nil
            }
            name = try RepositoryName(parsing: rest)
        } catch {
            throw ClientError(.usage, "\(form): \(error.reason): \"\(error.value)\"")
        }
        guard tag != nil || digest != nil else {
            throw ClientError(
                .usage,
                "\(form), and this has neither tag nor digest: \"\(ParsingError.quotable(text))\""
            )
        }
        self.host = host
        self.port = port
    }

    /// The digest, else the tag.
    package var reference: Reference? { digest.map(Reference.digest) ?? tag.map(Reference.tag) }

    package var authority: String { port.map { "\(host):\($0)" } ?? host }

    /// Host and name, as signatures name a repository.
    package var repository: String { "\(authority)/\(name)" }

    package var description: String {
        repository + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// Where its registry is.
    package func origin(tls: Origin.TLSUse) -> Origin { Origin(host: host, port: port, tls: tls) }
}
