// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import OCI
import Registry

/// What a registry of others has, asked by the names that its repositories have here.
struct UpstreamSource: MirroredSource {
    let name: String
    /// `NAME/`
    private let prefix: String
    private let content: RemoteContent

    init(_ settings: UpstreamSettings, _ content: RemoteContent) {
        name = "upstream:\(settings.name)"
        prefix = "\(settings.name)/"
        self.content = content
    }

    /// A failure is noted where there was one: whether it is asked again is the mirror's affair.
    var isReachable: Bool { true }

    func untilKnown() async {}

    func manifest(_ reference: Reference, in repository: RepositoryName) async throws -> SourceManifest? {
        try await content.manifest(reference, in: there(repository))
    }

    func stand(of tag: Tag, known: Digest?, in repository: RepositoryName) async throws -> SourceTag {
        try await content.stand(of: tag, known: known, in: there(repository))
    }

    func size(of digest: Digest, in repository: RepositoryName) async throws -> Int64? {
        try await content.size(of: digest, in: there(repository))
    }

    func blob(
        _ digest: Digest,
        in repository: RepositoryName,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        try await content.blob(digest, in: there(repository), from: offset, receive)
    }

    /// The name of a repository there.
    private func there(_ repository: RepositoryName) throws -> RepositoryName {
        guard repository.description.hasPrefix(prefix),
            let name = RepositoryName(String(repository.description.dropFirst(prefix.utf8.count)))
        else { throw SourceError(.absent, "it has nothing of \(repository)") }
        return name
    }
}
