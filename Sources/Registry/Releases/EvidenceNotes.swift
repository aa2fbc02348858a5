// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Cryptography
package import OCI
import Synchronization
package import Trust

/// What is attached to an image says of it, in a few figures that are small enough to be kept. A policy never judges by
/// this.
package struct EvidenceNote: Sendable {
    /// Vulnerabilities by severity, each id once, by the newest report of each scanner; nil where none has reported.
    package let counts: [Severity: Int]?
    /// The first of those scanners by name, names that are too long cut.
    package let scanners: [String]
    /// When the oldest of these scans was, in seconds since 1970; nil where one does not say.
    package let scannedAt: Int64?
    /// As many as are kept.
    package let provenance: [ProvenanceClaim]
    /// Whether every document was read that could say something of this.
    package let isRead: Bool
    /// Whether nothing that they say is missing here.
    package let isWhole: Bool

    fileprivate init(_ summary: EvidenceSummary, isRead: Bool) {
        let found = summary.vulnerabilities
        let names = found?.scanners ?? []
        let claims = summary.provenance.filter(\.isShort).prefix(RegistryLimits.notedClaims)
        counts = found?.counts
        scanners = names.prefix(RegistryLimits.notedScanners).map(AttachmentNote.cut)
        scannedAt = found?.scannedAt
        provenance = Array(claims)
        self.isRead = isRead
        isWhole =
            isRead && claims.count == summary.provenance.count && names.count <= RegistryLimits.notedScanners
    }
}

/// What a reading came to, and how many bytes of manifests and documents it took.
struct EvidenceReading: Sendable {
    let note: EvidenceNote
    let bytes: Int
}

/// What attachments said of images when they were read. It is so while the same ones are attached, as their content
/// never changes; whether they are is looked up only after a change in the repository.
final class EvidenceNotes: Sendable {
    struct Key: Hashable {
        let repository: RepositoryName
        let image: Digest
    }

    /// Who asks after a change does not share the reading of who asked before.
    struct Question: Hashable {
        let key: Key
        let epoch: UInt64
    }

    private struct Entry {
        let note: EvidenceNote
        /// Of the digests of all that is attached.
        let attachments: Digest
        let mark: EpochMark
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// A note that holds: nothing in the repository has changed since.
    func find(_ key: Key) -> EvidenceNote? {
        entries.withLock { entries in entries[key].flatMap { $0.mark.isCurrent ? $0.note : nil } }
    }

    /// A note that holds because the same is attached, as was read after `mark` was taken.
    func find(_ key: Key, attachments: Digest, mark: EpochMark) -> EvidenceNote? {
        entries.withLock { entries in
            guard let known = entries[key], known.attachments == attachments else { return nil }
            entries[key] = Entry(note: known.note, attachments: attachments, mark: mark)
            return known.note
        }
    }

    /// A full store drops one of the others, in the dictionary's (random) order.
    func keep(_ note: EvidenceNote, for key: Key, attachments: Digest, mark: EpochMark) {
        entries.withLock { entries in
            entries[key] = Entry(note: note, attachments: attachments, mark: mark)
            guard entries.count > RegistryLimits.evidenceNotes,
                let victim = entries.first(where: { $0.key != key })?.key
            else { return }
            entries[victim] = nil
        }
    }
}

extension Registry {
    /// What is attached to an image says of it: remembered, or read now, one image at a time, the shortest documents
    /// first and no more bytes than a page of the image reads.
    ///
    /// - Throws: `RegistryError.overloaded` where too many others are waited for.
    package func evidenceNote(of digest: Digest, in repository: RepositoryName) async throws -> EvidenceNote {
        let key = EvidenceNotes.Key(repository: repository, image: digest)
        if let known = evidenceNotes.find(key) { return known }
        guard evidenceTasks.admits(question(key), most: RegistryLimits.evidenceWaiting) else {
            throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
        }
        return try await readEvidence(key).note
    }

    /// The same for who has asked what is remembered, however many wait.
    func readEvidence(_ key: EvidenceNotes.Key) async throws -> EvidenceReading {
        try await evidenceTasks.run(question(key)) { [self] in
            try await evidenceTurns.run { [self] in try await gatherEvidence(key) }
        }
    }

    private func question(_ key: EvidenceNotes.Key) -> EvidenceNotes.Question {
        EvidenceNotes.Question(key: key, epoch: catalog.epoch(of: key.repository))
    }

    private func gatherEvidence(_ key: EvidenceNotes.Key) async throws -> EvidenceReading {
        // One that has come since it was looked for.
        if let known = evidenceNotes.find(key) { return EvidenceReading(note: known, bytes: 0) }
        return try await translating {
            let mark = catalog.mark(of: key.repository)
            let inputs = try await catalog.trustInputs(
                of: key.image,
                in: key.repository,
                limit: TrustLimits.evidenceLimit,
                bytesLimit: RegistryLimits.shownAttachmentBytes
            )
            let listed = inputs?.attachments ?? []
            let listedBytes = listed.reduce(0) { $0 + $1.payload.count }
            let attachments = listed.filter { $0.subject == key.image }
            let isListed = inputs?.isWhole ?? true
            let digest = try Self.digest(of: attachments, isWhole: isListed)
            if let known = evidenceNotes.find(key, attachments: digest, mark: mark) {
                return EvidenceReading(note: known, bytes: listedBytes)
            }
            let (evidence, missing, bytes) = try await read(attachments, of: key)
            let note = EvidenceNote(
                EvidenceSummary(evidence, of: key.image),
                isRead: isListed && missing == .nothing
            )
            // What could not be had now may be here later.
            if missing != .absent { evidenceNotes.keep(note, for: key, attachments: digest, mark: mark) }
            return EvidenceReading(note: note, bytes: listedBytes + bytes)
        }
    }

    /// What keeps the documents that were read from being all; of several, the one that may end.
    private enum MissingEvidence { case nothing, tooMuch, absent }

    /// The documents that may say something, the shortest first, as far as the bound goes, and the bytes of them.
    private func read(
        _ attachments: [Attachment],
        of key: EvidenceNotes.Key
    ) async throws -> (evidence: [Evidence], missing: MissingEvidence, bytes: Int) {
        var documents: [(source: EvidenceSource, manifest: Digest, isOwn: Bool)] = []
        for attachment in attachments {
            guard let manifest = try? Manifest(parsing: attachment.payload, contentType: attachment.mediaType) else {
                continue
            }
            for source in EvidenceSource.all(in: manifest) where source.isTelling(of: key.image) {
                documents.append((source, attachment.digest, attachment.isOwn))
            }
        }
        documents.sort { $0.source.layer.size < $1.source.layer.size }
        var (evidence, missing, bytes): ([Evidence], MissingEvidence, Int) = ([], .nothing, 0)
        for (source, manifest, isOwn) in documents {
            guard evidence.count < TrustLimits.evidenceLimit,
                source.layer.size <= Int64(RegistryLimits.shownAttachmentBytes - bytes)
            else {
                if missing == .nothing { missing = .tooMuch }
                break
            }
            guard let document = try await document(source.layer, in: key.repository) else {
                missing = .absent
                continue
            }
            bytes += document.count
            evidence.append(source.evidence(document, manifest: manifest, subject: key.image, isOwn: isOwn))
        }
        return (evidence, missing, bytes)
    }

    private static func digest(of attachments: [Attachment], isWhole: Bool) throws -> Digest {
        let names = [isWhole ? "all" : "some"] + attachments.map(\.digest.description)
        return try Digest.of(Array(names.joined(separator: "\n").utf8))
    }
}

extension EvidenceSource {
    /// Whether its document can tell of vulnerabilities or of a build.
    fileprivate func isTelling(of image: Digest) -> Bool {
        switch evidence([], manifest: image, subject: image).content {
        case .bundle, .legacyAttestation: true
        case .legacySignature: false
        case .report(_, let type): type != .spdx && type != .secretsReport
        }
    }
}

extension ProvenanceClaim {
    /// Whether its texts are of a length that is kept.
    fileprivate var isShort: Bool {
        [builder, source, reference ?? "", revision ?? ""].reduce(0) { $0 + $1.utf8.count }
            <= RegistryLimits.notedClaimBytes
    }
}
