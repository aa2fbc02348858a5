// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Cryptography
import Logging
import NIOCore
package import OCI
package import Trust

extension Registry {
    /// Lets a manifest go to a caller, or says why not. A look-up where the verdict is at hand.
    ///
    /// - Returns: What rules find that only warn.
    /// - Throws: `RegistryError.quarantined`, `.untrusted` with every requirement that it fails.
    package func admit(
        _ digest: Digest,
        as reference: Reference,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> [String] {
        guard !gate.asksNothing, !caller.isReplica else { return [] }
        try await refuseQuarantined(digest)
        guard let (policy, rules) = gate.rules(for: repository) else { return [] }
        let verdict = try await verdict(on: digest, as: reference, in: repository, policy, rules)
        let failures = verdict.failures(of: [.pull]) { caller.isExempt(policy.rules[$0].exempt) }
        guard failures.isEmpty else {
            if try await isEvidence(digest, as: reference, in: repository) { return [] }
            throw RegistryError.untrusted(digest, failures.map { ($0.requirement, $0.reason) })
        }
        return verdict.failures(of: [.warn]).map { "\($0.requirement): \($0.reason)" }
    }

    private func isEvidence(
        _ digest: Digest,
        as reference: Reference,
        in repository: RepositoryName
    ) async throws -> Bool {
        let record = try await translating { try await catalog.manifest(.digest(digest), in: repository) }
        guard let record, let manifest = try? Manifest(parsing: record.payload, contentType: record.mediaType) else {
            return false
        }
        var tags: [Tag] = []
        if case .tag(let tag) = reference { tags = [tag] }
        return try await isEvidence(manifest, under: tags, in: repository)
    }

    /// Whether a manifest is attached to another one, and is nothing that could run: signatures and reports have to be
    /// had by whoever is to verify what they speak for.
    ///
    /// A referrer is known by its empty config, of which no container can be made. What old clients attach by tags has
    /// the config of an image: there every layer has to be a signature or an attestation by its content.
    private func isEvidence(
        _ manifest: Manifest,
        under tags: [Tag],
        in repository: RepositoryName
    ) async throws -> Bool {
        guard manifest.manifests.isEmpty else { return false }
        if manifest.subject != nil, manifest.hasEmptyConfig { return true }
        let sources = EvidenceSource.all(in: manifest)
        guard !tags.isEmpty, tags.allSatisfy(\.namesAttachment), !sources.isEmpty,
            sources.count == manifest.layers.count
        else { return false }
        for source in sources {
            guard let document = try await document(source.layer, in: repository),
                (try? SimpleSigning(parsing: document)) != nil || (try? DSSEEnvelope(parsing: document)) != nil
            else { return false }
        }
        return true
    }

    /// The same for bytes that are asked for as a blob: manifests are blobs too, and no way around `admit` leads
    /// through them.
    package func admitBlob(_ digest: Digest, in repository: RepositoryName, caller: Caller) async throws {
        guard !gate.asksNothing, !caller.isReplica else { return }
        try await refuseQuarantined(digest)
        guard gate.rules(for: repository) != nil else { return }
        let isManifest = try await translating { try await catalog.manifest(.digest(digest), in: repository) != nil }
        guard isManifest else { return }
        _ = try await admit(digest, as: .digest(digest), in: repository, caller: caller)
    }

    /// Whether `admit` would let a manifest go to anybody, without a word, judged by what is at hand. Never waits.
    package func admitsAtOnce(_ digest: Digest, as reference: Reference, in repository: RepositoryName) -> Bool {
        guard !gate.asksNothing else { return true }
        guard gate.cause(of: digest) == nil else { return false }
        guard let (_, rules) = gate.rules(for: repository) else { return true }
        guard let verdict = gate.verdict(Self.key(digest, reference, repository, rules)) else { return false }
        return verdict.failures(of: [.pull, .warn]).isEmpty
    }

    /// The verdict on a manifest by the rules of its repository, at hand, kept or made now; nil where no rule is.
    package func verdict(
        on digest: Digest,
        as reference: Reference,
        in repository: RepositoryName
    ) async throws -> TrustVerdict? {
        guard let (policy, rules) = gate.rules(for: repository) else { return nil }
        return try await verdict(on: digest, as: reference, in: repository, policy, rules)
    }

    private static func key(
        _ digest: Digest,
        _ reference: Reference,
        _ repository: RepositoryName,
        _ rules: [TrustRule]
    ) -> TrustGate.Key {
        var tag = ""
        if case .tag(let named) = reference, rules.contains(where: \.asksForTag) { tag = named.description }
        return TrustGate.Key(repository: repository, digest: digest, tag: tag)
    }

    private func verdict(
        on digest: Digest,
        as reference: Reference,
        in repository: RepositoryName,
        _ policy: TrustPolicy,
        _ rules: [TrustRule]
    ) async throws -> TrustVerdict {
        let key = Self.key(digest, reference, repository, rules)
        if let verdict = gate.verdict(key) { return verdict }
        return try await translating {
            let mark = catalog.mark(of: repository)
            if let kept = try await catalog.verdict(on: digest, tag: key.tag, in: repository),
                let verdict = try? TrustVerdict(parsing: kept),
                verdict.isCurrent(policy: policy.fingerprint, now: gate.now())
            {
                gate.keep(verdict, for: key, mark: mark)
                return verdict
            }
            let verdict = try await evaluate(key, policy)
            gate.keep(verdict, for: key, mark: mark)
            return verdict
        }
    }

    /// Verifies everything that speaks for a manifest, and keeps the verdict.
    private func evaluate(_ key: TrustGate.Key, _ policy: TrustPolicy) async throws -> TrustVerdict {
        for _ in 0..<RegistryLimits.evaluationTries {
            let (verdict, generation) = try await judge(key, policy)
            // A disk that takes no more does not keep verdicts from being given.
            guard isWritable else { return verdict }
            let isKept = try await catalog.keepVerdict(
                verdict.bytes,
                on: key.digest,
                tag: key.tag,
                in: key.repository,
                generation: generation
            )
            if isKept { return verdict }
        }
        throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
    }

    /// `isIndex` and `parent` are about what is being pushed, and not in the catalog yet.
    private func judge(
        _ key: TrustGate.Key,
        _ policy: TrustPolicy,
        isIndex: Bool = false,
        parent: Digest? = nil
    ) async throws -> (verdict: TrustVerdict, generation: Int64) {
        let now = gate.now()
        let inputs = try await inputs(of: key.digest, in: key.repository)
        var (evidence, isWhole) = try await evidence(inputs, in: key.repository)
        if let parent, let above = try await self.inputs(of: parent, in: key.repository) {
            let more = try await self.evidence(above, in: key.repository)
            evidence += more.evidence
            isWhole = isWhole && more.isWhole
        }
        if inputs?.isIndex == false, policy.rules(for: key.repository).contains(where: \.asksForScan),
            !evidence.contains(where: \.isOwn), isWritable
        {
            // It came before the policy did.
            try await catalog.enqueueScan(of: key.digest, in: key.repository)
        }
        let image = TrustImage(
            digest: key.digest,
            isIndex: inputs?.isIndex ?? isIndex,
            parents: (inputs?.parents ?? []) + (parent.map { [$0] } ?? []),
            tag: key.tag.isEmpty ? nil : Tag(key.tag),
            pushedAt: inputs?.pushedAt ?? now,
            isEvidenceWhole: isWhole
        )
        let verdict = policy.evaluate(repository: key.repository, image: image, evidence: evidence, now: now)
        return (verdict, inputs?.generation ?? 0)
    }

    private func inputs(of digest: Digest, in repository: RepositoryName) async throws -> TrustInputs? {
        try await catalog.trustInputs(
            of: digest,
            in: repository,
            limit: TrustLimits.evidenceLimit,
            bytesLimit: RegistryLimits.evidenceManifestBytes
        )
    }

    /// The documents of attachments, each with the digest that its manifest names, and whether that is all of them. One
    /// that cannot be had speaks for nothing.
    private func evidence(
        _ inputs: TrustInputs?,
        in repository: RepositoryName
    ) async throws -> (evidence: [Evidence], isWhole: Bool) {
        var evidence: [Evidence] = []
        var bytes = 0
        for attachment in inputs?.attachments ?? [] {
            guard let manifest = try? Manifest(parsing: attachment.payload, contentType: attachment.mediaType) else {
                continue
            }
            for source in EvidenceSource.all(in: manifest) {
                guard evidence.count < TrustLimits.evidenceLimit, bytes <= TrustLimits.evidenceBytesLimit else {
                    return (evidence, false)
                }
                guard let document = try await document(source.layer, in: repository) else { continue }
                bytes += document.count
                evidence.append(
                    source.evidence(
                        document,
                        manifest: attachment.digest,
                        subject: attachment.subject,
                        isOwn: attachment.isOwn
                    )
                )
            }
        }
        return (evidence, inputs?.isWhole ?? true)
    }

    /// The bytes of a blob that a manifest names, checked; nil where they cannot be had or are too many for a document.
    func document(_ layer: Descriptor, in repository: RepositoryName) async throws -> [UInt8]? {
        let file: BlobFile
        do {
            file = try await openBlob(layer.digest, in: repository)
        } catch RegistryError.blobUnknown {
            return nil
        }
        guard file.size == layer.size, file.size <= Int64(TrustLimits.documentBytesLimit) else { return nil }
        var bytes: [UInt8] = []
        while bytes.count < Int(file.size) {
            let count = min(Int(file.size) - bytes.count, file.readLimit)
            let chunk = try await file.read(at: Int64(bytes.count), count: count)
            guard chunk.readableBytes > 0 else { return nil }
            bytes += chunk.readableBytesView
        }
        return try Digest.of(bytes, algorithm: layer.digest.algorithm) == layer.digest ? bytes : nil
    }

    // MARK: Pushing

    /// Refuses a tag on an image that may not be promoted into the repository: what is attached to it there has to
    /// satisfy the rules before.
    func checkPromotion(
        of digest: Digest,
        _ manifest: Manifest,
        under tags: [Tag],
        in repository: RepositoryName,
        caller: Caller
    ) async throws {
        guard !gate.asksNothing, !tags.isEmpty, !caller.isReplica,
            let (policy, rules) = gate.rules(for: repository),
            rules.contains(where: { $0.enforcement == .promote }),
            try await !isEvidence(manifest, under: tags, in: repository)
        else { return }
        for tag in tags {
            let key = Self.key(digest, .tag(tag), repository, rules)
            let verdict = try await judge(key, policy, isIndex: !manifest.manifests.isEmpty).verdict
            try refuse(verdict, of: digest, to: caller, by: policy)
            // An index has no content of its own: its images are judged one by one, what speaks for it among what
            // speaks for them.
            for child in manifest.manifests {
                let key = Self.key(child.digest, .tag(tag), repository, rules)
                let verdict = try await judge(key, policy, isIndex: child.mediaType.listsManifests, parent: digest)
                    .verdict
                try refuse(verdict, of: child.digest, to: caller, by: policy)
            }
        }
    }

    /// The same for an environment: what goes there has to be fit for pulls and for promotions, it and what it holds.
    func checkPromotion(of digest: Digest, in repository: RepositoryName, caller: Caller) async throws {
        guard !gate.asksNothing else { return }
        let served = try await manifest(.digest(digest), in: repository)
        try await refuseQuarantined(digest)
        guard let (policy, rules) = gate.rules(for: repository) else { return }
        let parsed = try Manifest(parsing: Array(served.bytes.readableBytesView), contentType: served.mediaType)
        let images =
            [(digest, !parsed.manifests.isEmpty)] + parsed.manifests.map { ($0.digest, $0.mediaType.listsManifests) }
        for (image, isIndex) in images {
            try await refuseQuarantined(image)
            let key = Self.key(image, .digest(image), repository, rules)
            let parent = image == digest ? nil : digest
            let verdict = try await judge(key, policy, isIndex: isIndex, parent: parent).verdict
            try refuse(verdict, of: image, to: caller, by: policy, [.pull, .promote])
        }
    }

    private func refuse(
        _ verdict: TrustVerdict,
        of digest: Digest,
        to caller: Caller,
        by policy: TrustPolicy,
        _ enforcements: Set<TrustRule.Enforcement> = [.promote]
    ) throws {
        let failures = verdict.failures(of: enforcements) { caller.isExempt(policy.rules[$0].exempt) }
        guard failures.isEmpty else {
            throw RegistryError.untrusted(digest, failures.map { ($0.requirement, $0.reason) })
        }
    }

    /// After something was attached: judges what it speaks for, so that the next pull finds the verdict.
    func judgeSubject(of manifest: Manifest, under tags: [Tag], in repository: RepositoryName) async {
        guard !gate.asksNothing else { return }
        let subjects = (manifest.subject.map { [$0.digest] } ?? []) + tags.compactMap(\.attachmentSubject)
        for subject in Set(subjects) {
            do {
                _ = try await verdict(on: subject, as: .digest(subject), in: repository)
            } catch {
                logger.debug("no verdict yet", metadata: ["digest": "\(subject)", "reason": "\(error)"])
            }
        }
    }
}

extension MediaType {
    fileprivate var listsManifests: Bool { self == .imageIndex || self == .dockerManifestList }
}
