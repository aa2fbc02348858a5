// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI
package import Transparency

/// One repository of a registry, asked as a client asks, in one attempt each: what a client would try again is seen.
package struct CanaryClient: Sendable {
    private let repository: RemoteRepository
    private let registry: RemoteRegistry

    /// - Parameters:
    ///   - origin: The registry.
    ///   - name: The repository there.
    ///   - credentials: Where credentials come from.
    ///   - transport: What sends the requests.
    /// - Throws: `.usage` for credentials that cannot be read.
    package init(
        origin: Origin,
        name: RepositoryName,
        credentials: CredentialSource,
        transport: Transport
    ) throws(ClientError) {
        registry = try RemoteRegistry(origin: origin, name: name, credentials: credentials, transport: transport)
        repository = RemoteRepository(name, at: registry)
    }

    private var name: RepositoryName { repository.name }

    /// Whether it is a registry and answers. That it asks for credentials is an answer too.
    ///
    /// - Throws: `.network`.
    package func knock() async throws(ClientError) {
        let call = RemoteRegistry.Call(target: "/v2/", purpose: "asking for the registry", attempts: 1)
        do {
            _ = try await registry.fetch(call, .repository(name, .pull), limit: ClientLimits.errorBodyBytes)
        } catch {
            guard error.code == .denied else { throw error }
        }
    }

    /// Uploads a blob, whether or not it is there.
    ///
    /// - Throws: `ClientError`.
    package func push(blob bytes: [UInt8]) async throws(ClientError) -> Descriptor {
        let digest = try bytes.digest()
        let opening = RemoteRegistry.Call(
            method: .POST,
            target: repository.target("blobs/uploads/"),
            headers: [("Content-Length", "0")],
            accepted: [202],
            purpose: "opening an upload to \(name)",
            attempts: 1
        )
        let answer = try await repository.send(opening, for: .pullAndPush)
        guard let location = answer["Location"], let address = try? answer.address.resolving(location),
            address.origin == repository.origin
        else { throw ClientError(.network, "\(repository.origin) opens an upload without a URL of its own") }
        let closing = RemoteRegistry.Call(
            method: .PUT,
            target: address.adding("digest", digest.description).target,
            headers: [("Content-Type", MediaType.octetStream.description)],
            body: ByteBuffer(bytes: bytes),
            accepted: [201, 204],
            purpose: "uploading \(digest) to \(name)",
            attempts: 1
        )
        _ = try await repository.send(closing, for: .pullAndPush)
        return Descriptor(mediaType: .octetStream, digest: digest, size: Int64(bytes.count))
    }

    /// Stores a manifest under a tag.
    ///
    /// - Throws: `ClientError`.
    package func push(manifest bytes: [UInt8], type: MediaType, as tag: Tag) async throws(ClientError) {
        let call = RemoteRegistry.Call(
            method: .PUT,
            target: repository.target("manifests/\(tag)"),
            headers: [("Content-Type", type.description)],
            body: ByteBuffer(bytes: bytes),
            accepted: [200, 201, 202],
            purpose: "storing the manifest \(tag) in \(name)",
            attempts: 1
        )
        _ = try await repository.send(call, for: .pullAndPush)
    }

    /// The bytes of a manifest.
    ///
    /// - Throws: `.integrity` where they have another digest than `digest`.
    package func pull(_ reference: Reference, expecting digest: Digest) async throws(ClientError) {
        let call = RemoteRegistry.Call(
            target: repository.target("manifests/\(reference)"),
            headers: [("Accept", MediaType.imageManifest.description)],
            purpose: "fetching the manifest \(reference) of \(name)",
            attempts: 1
        )
        try await check(call, digest, limit: OCILimits.manifestBytesLimit)
    }

    /// The bytes of a blob.
    ///
    /// - Throws: `.integrity` where they have another digest.
    package func pull(blob descriptor: Descriptor) async throws(ClientError) {
        let call = RemoteRegistry.Call(
            target: repository.target("blobs/\(descriptor.digest)"),
            purpose: "fetching the blob \(descriptor.digest) of \(name)",
            attempts: 1
        )
        try await check(call, descriptor.digest, limit: Int(descriptor.size))
    }

    private func check(_ call: RemoteRegistry.Call, _ digest: Digest, limit: Int) async throws(ClientError) {
        let origin = repository.origin
        let excess = ClientError(.integrity, "\(origin) serves more bytes of \(digest) than it has")
        let (_, body) = try await repository.fetch(call, limit: limit, excess: excess)
        let found = try body.digest(digest.algorithm)
        guard found == digest else {
            throw ClientError(.integrity, "\(origin) was to serve \(digest) and serves bytes with the digest \(found)")
        }
    }

    /// Proves by the registry's log that a reference stands for a digest. The registry waits until that is sealed.
    ///
    /// - Parameters:
    ///   - reference: The tag or digest.
    ///   - digest: What it stands for.
    ///   - keys: Of the log.
    /// - Throws: `.integrity` where the proof does not hold; `.policy` where there is none, or one of another log.
    package func prove(
        _ reference: Reference,
        is digest: Digest,
        by keys: [NoteVerifier]
    ) async throws(ClientError) {
        let check = LogCheck(keys: keys, statePath: nil, environment: [:])
        _ = try await check.proven(reference, is: digest, by: LogClient(repository: repository), attempts: 1)
    }

    /// Deletes a tag or a manifest; what is not there is deleted.
    ///
    /// - Throws: `ClientError`.
    package func delete(_ reference: Reference) async throws(ClientError) {
        let call = RemoteRegistry.Call(
            method: .DELETE,
            target: repository.target("manifests/\(reference)"),
            accepted: [200, 202, 404],
            purpose: "deleting \(reference) of \(name)",
            attempts: 1
        )
        _ = try await repository.send(call, for: .pullAndDelete)
    }

    /// What a tag stands for, as the registry says; nil where it is not there.
    ///
    /// - Throws: `ClientError`.
    package func digest(of tag: Tag) async throws(ClientError) -> Digest? {
        let call = RemoteRegistry.Call(
            method: .HEAD,
            target: repository.target("manifests/\(tag)"),
            headers: [("Accept", MediaType.imageManifest.description)],
            accepted: [200, 404],
            purpose: "asking for the tag \(tag) of \(name)",
            attempts: 1
        )
        return try await repository.send(call)["Docker-Content-Digest"].flatMap { Digest($0) }
    }

    /// Some tags of the repository.
    ///
    /// - Parameter limit: How many are asked for.
    /// - Returns: None where there is no such repository.
    /// - Throws: `ClientError`.
    package func tags(limit: Int) async throws(ClientError) -> [Tag] {
        let call = RemoteRegistry.Call(
            target: repository.target("tags/list?n=\(limit)"),
            purpose: "listing the tags of \(name)",
            attempts: 1
        )
        do {
            let (_, body) = try await repository.fetch(call, limit: ClientLimits.documentBytes)
            guard case .array(let tags)? = (try? JSONValue(parsing: body))?["tags"] else { return [] }
            return tags.compactMap { $0.text.flatMap { Tag($0) } }
        } catch {
            guard error.code == .notFound else { throw error }
            return []
        }
    }
}
