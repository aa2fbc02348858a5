// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import ImageDiff
internal import OCI
internal import Trust

/// What is said of an image by what is attached to it, whoever signed it: only to be shown, for nothing of it is
/// verified.
struct AttachedClaims: Sendable {
    private(set) var inventories: [(format: InventoryFormat, document: JSONValue)] = []
    private(set) var provenance: ProvenanceClaim?
    private(set) var notes: [String] = []

    /// The mark that builders put on the entry of an index that holds statements about another entry.
    private static let kindAnnotation = "vnd.docker.reference.type"
    private static let subjectAnnotation = "vnd.docker.reference.digest"
    private static let statementType = "application/vnd.in-toto+json"

    /// Reads what is attached to an image, then what is to the index that it was found by.
    init(of image: FetchedManifest, in root: FetchedManifest, from repository: RemoteRepository)
        async throws(ClientError)
    {
        for subject in image.digest == root.digest ? [image.digest] : [image.digest, root.digest] {
            let attachments = try await Attachments.fetch(of: subject, from: repository)
            notes += attachments.skipped
            for evidence in attachments.evidence {
                do throws(TrustError) { try take(evidence) } catch {
                    notes.append("\(evidence.manifest) was not read: \(error.reason)")
                }
            }
        }
        try await readEntries(of: root, about: image.digest, from: repository)
    }

    private mutating func take(_ evidence: Evidence) throws(TrustError) {
        switch evidence.content {
        case .bundle(let bytes):
            guard case .envelope(let envelope) = try SigstoreBundle(parsing: bytes).content else { return }
            try take(envelope.statement(), about: evidence.subject)
        case .legacyAttestation(let bytes):
            try take(DSSEEnvelope(parsing: bytes).statement(), about: evidence.subject)
        case .legacySignature: return
        case .report(let bytes, let type):
            guard type == .spdx || type == .cyclonedx else { return }
            take(inventory: try? JSONValue(inventory: bytes))
        }
    }

    private mutating func take(_ statement: InTotoStatement, about subject: Digest) throws(TrustError) {
        guard statement.covers(subject) else {
            throw TrustError(.invalidStatement, "it is about another image")
        }
        if InventoryFormat(statement.predicateType) != nil {
            take(inventory: statement.predicate)
        } else if [.provenance, .provenanceV02].contains(statement.predicateType), provenance == nil {
            provenance = try ProvenanceClaim(statement)
        }
    }

    private mutating func take(inventory document: JSONValue?) {
        guard let document, let format = InventoryFormat(document) else {
            return notes.append("an inventory that is attached is neither SPDX nor CycloneDX in JSON")
        }
        inventories.append((format, document))
    }

    /// Reads the statements that builders put into an index beside its images.
    private mutating func readEntries(
        of root: FetchedManifest,
        about image: Digest,
        from repository: RemoteRepository
    ) async throws(ClientError) {
        for entry in root.manifest.manifests
        where entry.annotations[Self.kindAnnotation] == "attestation-manifest"
            && entry.annotations[Self.subjectAnnotation] == image.description
        {
            guard let holder = try await repository.manifestIfPresent(.digest(entry.digest)) else { continue }
            var bytes: Int64 = 0
            for layer in holder.manifest.layers where layer.mediaType.description == Self.statementType {
                bytes += layer.size
                guard layer.size <= ClientLimits.attachmentBytes, bytes <= ClientLimits.attachmentsBytes else {
                    notes.append("\(layer.digest) of \(holder.digest) is too large to be looked at")
                    continue
                }
                let content = try await repository.blob(layer)
                do throws(TrustError) { try take(InTotoStatement(parsing: content), about: image) } catch {
                    notes.append("\(layer.digest) of \(holder.digest) was not read: \(error.reason)")
                }
            }
        }
    }
}

extension JSONValue {
    fileprivate init(inventory bytes: [UInt8]) throws(JSONError) {
        try self.init(
            parsing: bytes,
            depthLimit: TrustLimits.documentDepthLimit,
            nodesLimit: TrustLimits.documentNodesLimit
        )
    }
}

extension PackageList {
    init(_ document: JSONValue, _ format: InventoryFormat) throws(ImageDiffError) {
        self.init()
        switch format {
        case .spdx: try add(spdx: document)
        case .cyclonedx: try add(cyclonedx: document)
        }
    }
}
