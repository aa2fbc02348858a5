// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
package import OCI
package import Registry
import Synchronization

/// A registry elsewhere that is mirrored: tags and manifests as a test sets them, blobs as its source has them.
package final class ScriptedMirror: MirroredSource {
    private struct State {
        var tags: [String: Digest] = [:]
        var manifests: [Digest: SourceManifest] = [:]
        var failure: SourceError.Code?
        var isPlain = false
        var asked: [String] = []
    }

    package let blobs: ScriptedSource
    private let state = Mutex(State())
    /// A question for a tag waits for it.
    package let gate: TestGate?

    package init(_ content: [[UInt8]] = [], gate: TestGate? = nil, script: [ScriptedSource.Act] = []) throws {
        blobs = try ScriptedSource("upstream:docker.io", content, script: script)
        self.gate = gate
    }

    package var name: String { blobs.name }
    package var isReachable: Bool { true }

    package func untilKnown() async {}

    /// What was asked of tags and manifests, since this was asked last.
    package var asked: [String] {
        state.withLock { state in
            defer { state.asked = [] }
            return state.asked
        }
    }

    /// With what every question for a tag or manifest fails; nil for none.
    package var failure: SourceError.Code? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }

    /// Whether it gives no digest of a tag without the manifest.
    package func answersPlainly() { state.withLock { $0.isPlain = true } }

    /// Has a manifest, whatever digest its bytes have.
    @discardableResult
    package func add(
        _ manifest: [UInt8],
        tag: String? = nil,
        as digest: Digest? = nil,
        type: String = Sample.imageType
    ) throws -> Digest {
        let digest = try digest ?? Sample.digest(manifest)
        let found = SourceManifest(digest: digest, mediaType: try MediaType(parsing: type), bytes: manifest)
        state.withLock { state in
            state.manifests[digest] = found
            if let tag { state.tags[tag] = digest }
        }
        return digest
    }

    package func remove(tag: String) { state.withLock { $0.tags[tag] = nil } }

    private func note(_ question: String) throws {
        let failure = state.withLock { state in
            state.asked.append(question)
            return state.failure
        }
        if let failure { throw SourceError(failure, "as the test says") }
    }

    package func stand(of tag: Tag, known: Digest?, in repository: RepositoryName) async throws -> SourceTag {
        try note("\(tag)")
        try await gate?.wait()
        return state.withLock { state in
            guard let digest = state.tags[tag.description] else { return .absent }
            guard state.isPlain, known != digest, let found = state.manifests[digest] else { return .digest(digest) }
            return .manifest(found)
        }
    }

    package func manifest(_ reference: Reference, in repository: RepositoryName) async throws -> SourceManifest? {
        try note("manifest")
        return state.withLock { state in reference.digest.flatMap { state.manifests[$0] } }
    }

    package func size(of digest: Digest, in repository: RepositoryName) async throws -> Int64? {
        try await blobs.size(of: digest, in: repository)
    }

    package func blob(
        _ digest: Digest,
        in repository: RepositoryName,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        try await blobs.blob(digest, in: repository, from: offset, receive)
    }
}
