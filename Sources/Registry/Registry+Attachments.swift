// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
import Synchronization
package import Trust

/// What a document that is attached to an image says, in short. That it is there proves nothing: `signers` does.
package struct AttachmentNote: Sendable {
    package enum Kind: Sendable, Hashable {
        case signature
        /// An attestation of another type than those below, by its predicate.
        case attestation(String)
        case vulnerabilities
        case inventory
        case secrets
        /// It cannot be read, or is of no known form.
        case unreadable
    }

    /// The manifest that holds it.
    package let manifest: Digest
    package internal(set) var kind = Kind.unreadable
    /// What made it, or the form that it has.
    package internal(set) var maker: String?
    /// When a scan ended, in seconds since 1970.
    package internal(set) var scannedAt: Int64?
    /// How many findings there are of each severity, the worst first.
    package internal(set) var severities: [(severity: Severity, count: Int)] = []
    /// The worst findings.
    package internal(set) var worst: [Finding] = []
    /// Parts that an inventory lists, or secrets that were found.
    package internal(set) var items: Int?
    /// The names of keys of the policy that signed it.
    package internal(set) var signers: [String] = []
    /// Why it proves nothing whoever signed it.
    package internal(set) var fault: String?
}

/// What was read of attachments before. Their content never changes; who signed them changes with the policy.
final class AttachmentNotes: Sendable {
    struct Key: Hashable {
        let repository: RepositoryName
        let manifest: Digest
        let policy: Digest?
    }

    private let notes = Mutex<[Key: [AttachmentNote]]>([:])

    func find(_ key: Key) -> [AttachmentNote]? { notes.withLock { $0[key] } }

    /// A full store begins anew: what is looked at comes back.
    func keep(_ found: [AttachmentNote], for key: Key) {
        notes.withLock { notes in
            if notes.count >= RegistryLimits.attachmentNotes { notes.removeAll() }
            notes[key] = found
        }
    }
}

extension Registry {
    /// What is attached to an image and what each document says in short, and whether that is all of it.
    ///
    /// Only a bounded number of documents is read, and none over a bound: this is to show, and decides nothing.
    package func attachments(
        of digest: Digest,
        in repository: RepositoryName
    ) async throws -> (notes: [AttachmentNote], isWhole: Bool) {
        try await translating {
            let inputs = try await catalog.trustInputs(
                of: digest,
                in: repository,
                limit: RegistryLimits.shownAttachments,
                bytesLimit: RegistryLimits.shownAttachmentBytes
            )
            let policy = gate.policy
            var (notes, bytes, isWhole): ([AttachmentNote], Int64, Bool) = ([], 0, inputs?.isWhole ?? true)
            for attachment in inputs?.attachments ?? [] where attachment.subject == digest {
                let key = AttachmentNotes.Key(
                    repository: repository,
                    manifest: attachment.digest,
                    policy: policy?.fingerprint
                )
                if let known = attachmentNotes.find(key) {
                    notes += known
                    continue
                }
                let sources = Self.sources(attachment)
                let size = sources.reduce(0) { $0 + $1.layer.size }
                guard size <= Int64(RegistryLimits.shownAttachmentBytes) - bytes else {
                    isWhole = false
                    notes.append(AttachmentNote(manifest: attachment.digest, fault: "it is too long to be shown here"))
                    continue
                }
                bytes += size
                notes += try await evidenceTurns.run { [self] in
                    try await read(sources, of: attachment, key, policy?.keys ?? [])
                }
            }
            return (notes, isWhole)
        }
    }

    /// What each document of an attachment says.
    private func read(
        _ sources: [EvidenceSource],
        of attachment: Attachment,
        _ key: AttachmentNotes.Key,
        _ keys: [TrustKey]
    ) async throws -> [AttachmentNote] {
        // Somebody may have read it meanwhile.
        if let known = attachmentNotes.find(key) { return known }
        var found: [AttachmentNote] = []
        for source in sources {
            guard let document = try await document(source.layer, in: key.repository) else { continue }
            let evidence = source.evidence(
                document,
                manifest: attachment.digest,
                subject: attachment.subject,
                isOwn: attachment.isOwn
            )
            found.append(AttachmentNote(Examination(evidence, keys: keys, readsUnsigned: true)))
        }
        // What could not be had now may be here later.
        if found.count == sources.count { attachmentNotes.keep(found, for: key) }
        return found
    }

    private static func sources(_ attachment: Attachment) -> [EvidenceSource] {
        guard let manifest = try? Manifest(parsing: attachment.payload, contentType: attachment.mediaType) else {
            return []
        }
        return Array(EvidenceSource.all(in: manifest).prefix(RegistryLimits.shownDocuments))
    }

    /// The platform and time of an image, as its configuration says them; nil where it says nothing of the kind.
    package func configuration(
        of manifest: Manifest,
        in repository: RepositoryName
    ) async throws -> (platform: String?, created: String?)? {
        guard let config = manifest.config, config.size <= RegistryLimits.shownConfigBytes, !manifest.hasEmptyConfig,
            let bytes = try await document(config, in: repository), let document = try? JSONValue(parsing: bytes)
        else { return nil }
        let platform = document["os"]?.text.flatMap { os in
            document["architecture"]?.text.map { "\(os)/\($0)" + (document["variant"]?.text.map { "/\($0)" } ?? "") }
        }
        return (platform, document["created"]?.text)
    }
}

extension AttachmentNote {
    fileprivate init(manifest: Digest, fault: String) {
        self.manifest = manifest
        self.fault = fault
    }

    init(_ examination: Examination) {
        manifest = examination.evidence.manifest
        signers = examination.signers
        fault = examination.fault
        switch examination.claim {
        case nil: return
        case .signature: kind = .signature
        case .attestation(let statement): read(statement)
        case .report(let document, let type):
            if type == .secretsReport {
                readSecrets(document)
            } else {
                readReport(document)
            }
        }
    }

    private mutating func read(_ statement: InTotoStatement) {
        switch statement.predicateType {
        case .vulnerabilities: readReport(statement.predicate)
        case let type where InventoryFormat(type) != nil: readReport(statement.predicate)
        case let type:
            kind = .attestation(type.text)
        }
    }

    private mutating func readReport(_ document: JSONValue) {
        let inventory = InventoryFormat(document)
        if let inventory {
            kind = .inventory
            maker = inventory.description
            items = (document["packages"] ?? document["components"])?.elements?.count ?? 0
            guard document["vulnerabilities"] != nil else { return }
        }
        do {
            add(try VulnerabilityReport(document))
        } catch {
            if inventory == nil { fault = fault ?? error.reason }
        }
    }

    private mutating func add(_ report: VulnerabilityReport) {
        if kind != .inventory {
            kind = .vulnerabilities
            maker = report.scanner
        }
        scannedAt = report.scannedAt
        let counts = Dictionary(grouping: report.findings, by: \.severity).mapValues(\.count)
        severities = counts.sorted { $0.key > $1.key }.map { ($0.key, $0.value) }
        worst = report.findings.sorted { ($1.severity, $0.id) < ($0.severity, $1.id) }
            .prefix(RegistryLimits.shownFindings).map { finding in
                Finding(
                    id: Self.cut(finding.id),
                    severity: finding.severity,
                    package: Self.cut(finding.package),
                    fixed: finding.fixed.map(Self.cut)
                )
            }
    }

    /// What is kept in memory is bounded.
    static func cut(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(RegistryLimits.shownFindingText)))
    }

    private mutating func readSecrets(_ document: JSONValue) {
        do {
            items = try SecretsReport(document).secrets.count
            kind = .secrets
        } catch {
            fault = fault ?? error.reason
        }
    }
}
