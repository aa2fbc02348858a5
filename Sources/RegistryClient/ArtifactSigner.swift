// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
package import OCI
package import Trust

/// Attaches signatures and attestations to an image in a registry.
package struct ArtifactSigner: Sendable {
    /// A manifest that was stored.
    package struct Stored: Hashable, Sendable, CustomStringConvertible {
        package let digest: Digest
        /// The tag that it is kept under; nil for a referrer.
        package let tag: Tag?

        package var description: String { tag.map { "\(digest) (tag \($0))" } ?? "\(digest) (referrer)" }
    }

    private let repository: RemoteRepository
    private let key: SigningKey
    private let reference: String
    private let now: Int64

    /// - Parameters:
    ///   - repository: Where the image is.
    ///   - key: The signer's key.
    ///   - reference: Host and repository, as signatures in cosign's older form name the image.
    ///   - now: Seconds since 1970.
    package init(repository: RemoteRepository, key: SigningKey, reference: String, now: Int64) {
        self.repository = repository
        self.key = key
        self.reference = reference
        self.now = now
    }

    /// What an image's reference stands for at present.
    ///
    /// An image that the registry's policy keeps back is named by the head of the answer: it may lack nothing but the
    /// signature that it is to get.
    package static func resolve(
        _ image: ImageReference,
        in regions: Regions
    ) async throws(ClientError) -> Descriptor {
        guard let reference = image.reference else { throw ClientError(.usage, "the image has no tag and no digest") }
        return try await regions.first { repository throws(ClientError) in
            try await resolve(reference, in: repository)
        }
    }

    private static func resolve(
        _ reference: Reference,
        in repository: RemoteRepository
    ) async throws(ClientError) -> Descriptor {
        let refusal: ClientError
        do { return try await repository.manifest(reference).descriptor } catch {
            guard error.code == .keptBack else { throw error }
            refusal = error
        }
        do { return try await repository.headOfManifest(reference) } catch {
            // A quarantine keeps back the head too; what is wrong there is in the first answer.
            throw error.code == .denied ? refusal : error
        }
    }

    /// Signs an image; with `legacyTag` the signature is also kept in cosign's older form, under a tag.
    package func sign(
        _ image: Descriptor,
        legacyTag: Bool
    ) async throws(ClientError) -> [Stored] {
        let bundle = try Self.making { () throws(TrustError) in
            try SigstoreBundle.signature(of: image.digest, with: key)
        }
        var stored = [try await attach(bundle, to: image)]
        if legacyTag {
            let layer = try Self.making { () throws(TrustError) in
                try LegacyArtifact.signature(of: image.digest, reference: reference, with: key)
            }
            stored.append(try await add(layer, under: LegacyArtifact.signatureTag(of: image.digest), after: stored[0]))
        }
        return stored
    }

    /// Signs a statement about an image, whose predicate is the JSON text of an object; with `legacyTag` the
    /// attestation is also kept in cosign's older form, under a tag.
    ///
    /// - Throws: `.usage` for a predicate that is no JSON object.
    package func attest(
        _ image: Descriptor,
        type: PredicateType,
        predicate: [UInt8],
        legacyTag: Bool
    ) async throws(ClientError) -> [Stored] {
        let bundle = try Self.making { () throws(TrustError) in
            try SigstoreBundle.attestation(
                of: image.digest,
                name: reference,
                type: type,
                predicate: predicate,
                with: key
            )
        }
        var stored = [try await attach(bundle, to: image)]
        if legacyTag {
            let layer = try Self.making { () throws(TrustError) in try LegacyArtifact.attestation(bundle) }
            stored.append(
                try await add(layer, under: LegacyArtifact.attestationTag(of: image.digest), after: stored[0])
            )
        }
        return stored
    }

    private static func making<Value>(_ make: () throws(TrustError) -> Value) throws(ClientError) -> Value {
        do { return try make() } catch { throw ClientError(.usage, error.reason) }
    }

    // MARK: Referrers

    private func attach(_ bundle: SigstoreBundle, to image: Descriptor) async throws(ClientError) -> Stored {
        let artifact = try Self.making { () throws(TrustError) in
            try TrustArtifact.referrer(of: image, bundle: bundle, created: now)
        }
        for blob in artifact.blobs { _ = try await repository.push(blob: blob.bytes) }
        let outcome = try await repository.put(
            manifest: artifact.manifest,
            type: .imageManifest,
            at: .digest(artifact.digest)
        )
        if outcome != .stored(knowsSubject: true) {
            try await list(artifact, of: image.digest)
        }
        return Stored(digest: artifact.digest, tag: nil)
    }

    /// Lists a referrer under the tag that clients keep where a registry lacks the referrers API.
    private func list(_ artifact: TrustArtifact, of image: Digest) async throws(ClientError) {
        let manifest: Manifest
        do { manifest = try Manifest(parsing: artifact.manifest, contentType: .imageManifest) } catch {
            throw ClientError(.usage, "the referrer is no manifest: \(error)")
        }
        try await change(image.referrersTag) { existing throws(ClientError) in
            let entries = try Self.entries(of: existing)
            let isListed = entries.contains { $0["digest"] == .string(artifact.digest.description) }
            guard !isListed else { return nil }
            var writer = JSONWriter()
            writer.object { writer in
                writer.key("schemaVersion")
                writer.integer(2)
                writer.key("mediaType")
                writer.string(MediaType.imageIndex.description)
                writer.key("manifests")
                writer.array { writer in
                    for entry in entries { writer.value(entry) }
                    Self.write(artifact, manifest, &writer)
                }
            }
            return Change(blobs: [], manifest: writer.bytes, type: .imageIndex)
        }
    }

    private static func entries(of list: FetchedManifest?) throws(ClientError) -> [JSONValue] {
        guard let list else { return [] }
        guard list.manifest.kind == .index, let document = try? JSONValue(parsing: list.manifest.bytes) else {
            throw ClientError(.network, "the tag of the image's referrers holds no index")
        }
        return document["manifests"]?.elements ?? []
    }

    private static func write(_ artifact: TrustArtifact, _ manifest: Manifest, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("mediaType")
            writer.string(MediaType.imageManifest.description)
            writer.key("digest")
            writer.string(artifact.digest.description)
            writer.key("size")
            writer.integer(artifact.manifest.count)
            if let type = manifest.artifactType {
                writer.key("artifactType")
                writer.string(type.description)
            }
            writer.key("annotations")
            writer.object { writer in
                for (key, value) in manifest.annotations.sorted(by: { $0.key < $1.key }) {
                    writer.key(key)
                    writer.string(value)
                }
            }
        }
    }

    // MARK: Tags

    private struct Change: Sendable {
        let blobs: [[UInt8]]
        let manifest: [UInt8]
        let type: MediaType
    }

    /// Adds a layer to what a tag holds; where that fails, the error also tells what was stored before.
    private func add(
        _ layer: TrustArtifact.Blob,
        under tag: Tag?,
        after stored: Stored
    ) async throws(ClientError) -> Stored {
        do { return try await add(layer, under: tag) } catch {
            let reason = "\(stored) is stored, but not under a tag as well: \(error.reason)"
            throw ClientError(error.code, reason, retry: error.retry, evidence: error.evidence)
        }
    }

    private func add(_ layer: TrustArtifact.Blob, under tag: Tag?) async throws(ClientError) -> Stored {
        guard let tag else { throw ClientError(.usage, "an image with this kind of digest has no tag for signatures") }
        let digest = try await change(tag) { existing throws(ClientError) in
            let artifact = try Self.making { () throws(TrustError) in
                try LegacyArtifact.appending(layer, to: existing?.manifest)
            }
            if artifact.digest == existing?.digest { return nil }
            return Change(blobs: artifact.blobs.map(\.bytes), manifest: artifact.manifest, type: .imageManifest)
        }
        return Stored(digest: digest, tag: tag)
    }

    /// Replaces what a tag holds by what is made of it, again where others changed the tag meanwhile: by a condition
    /// where the registry knows conditions, and by looking again where it does not. The closure makes the new content,
    /// or nil where the old one has all of it.
    ///
    /// - Returns: The digest of what the tag holds.
    @discardableResult
    private func change(
        _ tag: Tag,
        _ make: (FetchedManifest?) throws(ClientError) -> Change?
    ) async throws(ClientError) -> Digest {
        var stored: Digest?
        for _ in 0..<ClientLimits.tagConflicts {
            let existing: FetchedManifest?
            do { existing = try await repository.manifestIfPresent(.tag(tag)) } catch {
                // Policies bind signatures as well: of one that is kept back, the head tells whether it is this one.
                guard error.code == .keptBack else { throw error }
                guard let stored, try await repository.headOfManifest(.tag(tag)).digest == stored else {
                    throw ClientError(.keptBack, "what is under the tag \(tag) cannot be added to: \(error.reason)")
                }
                return stored
            }
            guard let change = try make(existing) else {
                guard let existing else { throw ClientError(.usage, "there is nothing to put under the tag \(tag)") }
                return existing.digest
            }
            for blob in change.blobs { _ = try await repository.push(blob: blob) }
            let outcome = try await repository.put(
                manifest: change.manifest,
                type: change.type,
                at: .tag(tag),
                condition: existing.map { ("If-Match", "\"\($0.digest)\"") } ?? ("If-None-Match", "*")
            )
            stored = outcome == .conflict ? nil : try change.manifest.digest()
        }
        throw ClientError(.network, "others change the tag \(tag) all the time")
    }
}
