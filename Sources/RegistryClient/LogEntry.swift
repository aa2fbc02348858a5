// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// An entry of a registry's log, version 1: what was changed, where, and by whom.
package struct LogEntry: Hashable, Sendable {
    package let kind: String
    /// The log that it is written to.
    package let origin: String
    package let repository: RepositoryName?
    /// An opaque id of who did it.
    package let actor: String?
    /// The id of the request.
    package let request: String?
    /// Seconds since 1970 of the registry's clock when it was made.
    package let seconds: Int64?
    private let body: JSONValue

    /// Reads a leaf.
    ///
    /// - Throws: `.integrity` for what is no leaf of version 1.
    init(parsing leaf: [UInt8]) throws(ClientError) {
        guard let document = try? JSONValue(parsing: leaf), document["v"] == .integer(1),
            let kind = document["kind"]?.text, let origin = document["origin"]?.text, let body = document["body"]
        else { throw ClientError(.integrity, "the entry of the log is not one of version 1") }
        self.kind = kind
        self.origin = origin
        self.body = body
        repository = document["repo"]?.text.flatMap { RepositoryName($0) }
        actor = document["actor"]?.text
        request = document["request"]?.text
        // The upper bits of a timestamp are milliseconds, the lower 16 count within one.
        seconds = document["hlc"]?.text.flatMap { Int64($0) }.map { ($0 >> 16) / 1_000 }
    }

    /// Checks that this is the change which made the reference in the repository stand for the digest.
    ///
    /// - Throws: `.integrity` with what it is instead.
    func require(_ name: RepositoryName, _ reference: Reference, _ digest: Digest) throws(ClientError) {
        let wanted = reference.tag == nil ? "manifest.put" : "tag.set"
        guard kind == wanted else {
            throw refused("it is a \(ParsingError.quotable(kind)), not a \(wanted)")
        }
        guard repository == name else {
            throw refused("it is of the repository \(repository?.description ?? "none"), not of \(name)")
        }
        if let tag = reference.tag {
            guard body["tag"] == .string(tag.description) else {
                throw refused("it is of the tag \(ParsingError.quotable(body["tag"]?.text ?? "")), not of \(tag)")
            }
        }
        guard body["digest"] == .string(digest.description) else {
            let logged = ParsingError.quotable(body["digest"]?.text ?? "")
            throw refused("it names \(logged), and the registry serves \(digest)")
        }
    }

    private func refused(_ reason: String) -> ClientError {
        ClientError(.integrity, "the log does not prove what is served: the entry is another: \(reason)")
    }
}
