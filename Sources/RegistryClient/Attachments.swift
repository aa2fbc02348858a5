// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI
internal import Trust

/// What is attached to an image and may be evidence: referrers, and what cosign keeps under tags of its own.
struct Attachments: Sendable {
    var evidence: [Evidence] = []
    /// Why something that is attached was not looked at, a sentence each.
    var skipped: [String] = []
    /// Whether no limit left anything out.
    var isWhole = true
    private var bytes: Int64 = 0

    /// Fetches what is attached to a manifest.
    ///
    /// What is missing, too large or about something else is skipped: anybody who may push may attach it.
    static func fetch(
        of subject: Digest,
        from repository: RemoteRepository
    ) async throws(ClientError) -> Attachments {
        var attachments = Attachments()
        let referrers = try await repository.referrers(of: subject)
        attachments.skipped += referrers.warnings
        attachments.isWhole = referrers.isWhole
        for descriptor in referrers.descriptors {
            guard let referrer = try await repository.manifestIfPresent(.digest(descriptor.digest)) else {
                attachments.skipped.append("\(descriptor.digest) is listed and not there")
                continue
            }
            guard referrer.manifest.subject?.digest == subject else {
                attachments.skipped.append("\(descriptor.digest) is listed and refers to something else")
                continue
            }
            try await attachments.add(referrer, of: subject, from: repository)
        }
        for tag in [LegacyArtifact.signatureTag(of: subject), LegacyArtifact.attestationTag(of: subject)] {
            guard let tag, let holder = try await repository.attachedManifest(tag, warnings: &attachments.skipped)
            else { continue }
            try await attachments.add(holder, of: subject, from: repository)
        }
        return attachments
    }

    private mutating func add(
        _ holder: FetchedManifest,
        of subject: Digest,
        from repository: RemoteRepository
    ) async throws(ClientError) {
        for source in EvidenceSource.all(in: holder.manifest) {
            let layer = source.layer
            guard layer.size <= ClientLimits.attachmentBytes, bytes + layer.size <= ClientLimits.attachmentsBytes else {
                skipped.append("\(layer.digest) of \(holder.digest) is too large to be looked at")
                isWhole = false
                continue
            }
            bytes += layer.size
            do {
                let content = try await repository.blob(layer)
                evidence.append(source.evidence(content, manifest: holder.digest, subject: subject))
            } catch {
                guard error.code == .notFound else { throw error }
                skipped.append("\(layer.digest) of \(holder.digest) is not there")
            }
        }
    }
}
