// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a piece of evidence says, who signed that, and why it does not count where it does not.
package struct Examination: Sendable, Hashable {
    package enum Claim: Sendable, Hashable {
        /// That the image is signed.
        case signature
        case attestation(InTotoStatement)
        /// A report that is not signed, but the registry's own, or asked for.
        case report(JSONValue, MediaType)
    }

    package let evidence: Evidence
    /// What is said; nil where that cannot be read, or nobody known signed it and reading it is not worth the work.
    package private(set) var claim: Claim?
    /// The names of the keys that signed it, of those that were given.
    package private(set) var signers: [String] = []
    /// Why it proves nothing whoever signed it: it cannot be read, or is about something else.
    package private(set) var fault: String?

    /// Bytes of a payload that is read although nobody known signed it, to tell what it would be.
    private static let unsignedBytesLimit = 64 << 10

    /// Verifies evidence: the signature first, then what was signed, then that it is about the evidence's subject.
    ///
    /// - Parameters:
    ///   - evidence: Raw bytes.
    ///   - keys: All keys that may count for anything.
    ///   - readsUnsigned: Whether reports and attestations are read, of whatever length, that no key signed. Those that
    ///     the registry made are.
    package init(_ evidence: Evidence, keys: [TrustKey], readsUnsigned: Bool = false) {
        self.evidence = evidence
        do {
            try examine(keys, readsUnsigned)
        } catch {
            fault = error.reason
        }
    }

    private mutating func examine(_ keys: [TrustKey], _ readsUnsigned: Bool) throws(TrustError) {
        switch evidence.content {
        case .bundle(let bytes):
            let bundle = try SigstoreBundle(parsing: bytes)
            guard case .envelope(let envelope) = bundle.content else {
                throw TrustError(.invalidBundle, "the bundle signs bytes and says nothing about an image")
            }
            guard case .publicKey = bundle.material else {
                throw TrustError(.invalidBundle, "the bundle is signed with a certificate, and only keys are trusted")
            }
            signers = bundle.signers(among: keys)
            try read(envelope, readsUnsigned)
        case .legacyAttestation(let bytes):
            let envelope = try DSSEEnvelope(parsing: bytes)
            signers = envelope.signers(among: keys.map(\.key)).map { keys[$0].name }
            try read(envelope, readsUnsigned)
        case .legacySignature(let payload, let signature):
            signers = SimpleSigning.signers(of: payload, signature: signature, among: keys)
            claim = .signature
            let image = try SimpleSigning(parsing: payload).image
            if image != evidence.subject { fault = "it is about another image, \(image)" }
        case .report(let bytes, let type):
            guard evidence.isOwn || readsUnsigned else { throw TrustError(.invalidReport, "it is not signed") }
            claim = .report(try JSONValue(document: bytes, "the report", .invalidReport), type)
        }
    }

    private mutating func read(_ envelope: DSSEEnvelope, _ readsUnsigned: Bool) throws(TrustError) {
        guard !signers.isEmpty || readsUnsigned || envelope.payload.count <= Self.unsignedBytesLimit else {
            throw TrustError(.invalidEnvelope, "no key that may count signed it")
        }
        let statement = try envelope.statement()
        claim = statement.predicateType == .imageSignature ? .signature : .attestation(statement)
        if !statement.covers(evidence.subject) {
            let named = statement.subjects.lazy.flatMap(\.digests).first?.description ?? "without a digest"
            fault = "it is about another image, \(named)"
        }
    }
}
