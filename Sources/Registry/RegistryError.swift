// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Journal
package import OCI

/// Everything that a verb of the registry may refuse, with what the client needs to know to do better.
///
/// One table in the HTTP front maps each case to the specification's code and a status.
package enum RegistryError: Error, Sendable {
    case nameUnknown(RepositoryName)
    case blobUnknown(Digest, BlobAbsence)
    case manifestUnknown(Reference)
    /// Its bytes were found not to match its digest: the next push of it heals it.
    case manifestDamaged(Digest)
    case manifestInvalid(ManifestError)
    /// The manifest was pushed by a digest that its bytes do not have.
    case manifestDigestMismatch(given: Digest, actual: Digest)
    /// Descriptors whose content the repository does not hold; all of them.
    case manifestBlobUnknown([Digest])
    /// Descriptors whose size differs from the size of the stored content.
    case manifestSizeInvalid(Digest, declared: Int64, stored: Int64)
    case manifestNestedTooDeep(limit: Int)
    /// The blob's bytes do not have the digest that the client gave.
    case digestMismatch(given: Digest, actual: Digest?)
    case uploadUnknown(String)
    /// Another request is writing to the session.
    case uploadBusy(offset: Int64)
    /// A chunk does not begin where the session ends.
    case uploadOutOfOrder(offset: Int64, given: Int64)
    /// A chunk's `Content-Range` and its length disagree.
    case chunkLengthMismatch(declared: Int64, received: Int64, offset: Int64)
    case uploadsExhausted(limit: Int)
    case blobTooLarge(limit: Int64)
    /// A live manifest refers to the blob.
    case blobReferenced(Digest, by: [Digest])
    /// A live index lists the manifest.
    case manifestReferenced(Digest, by: [Digest])
    /// The manifest has more tags than fall with it in one step; tags have to be deleted first.
    case manifestHasTooManyTags(Digest, limit: Int)
    /// `If-Match` or `If-None-Match` did not hold; the digest is what the tag points to now.
    case preconditionFailed(current: Digest?)
    case tooManyTags(limit: Int)
    /// The tag has, or had before it was deleted, another manifest, and the caller may not overwrite it.
    case overwriteDenied(tag: Tag, current: Digest, reason: String)
    /// A hold or a lock is on what was to be deleted, moved or let go.
    case bound(PinNote)
    /// A lock is prolonged, never shortened; it ends then, in seconds since 1970.
    case lockShortened(until: Int64)
    /// The pin, or the report of a deployment, is none; the reason is for the client.
    case badPin(String)
    case badReport(String)
    /// What is kept is not what the request takes it for.
    case recordConflict(String)
    /// The caller may only attach referrers, and the manifest is none.
    case pushDenied
    /// The repositories with this prefix would hold more than they may; all figures are bytes.
    case quotaExceeded(prefix: String, limit: Int64, used: Int64, needed: Int64)
    /// The disk is full, or nearly so.
    case storageFull(String)
    /// Nothing is written until an operator has decided something; the reason is for him.
    case readOnly(String)
    /// What was asked for is not here, and who has it does not give it now; the reason is for the log.
    case elsewhere(String)
    /// An immutable tag is created in the repository's home, which is not here, or not yet; the log is that of the home
    /// as far as is known.
    case awayFromHome(log: String?, reason: String)
    /// No registry of that name is mirrored here; these are.
    case upstreamUnknown(String, known: [String])
    /// The registry of that name refuses what is mirrored of it; the reason is for the log.
    case upstreamRefuses(String, String)
    /// What mirrors another registry takes no pushes.
    case mirrorsOnly(RepositoryName)
    /// More work is queued than can be done in time; the client may retry after these seconds.
    case overloaded(retryAfter: Int)
    /// The trust policy keeps the image back, for these requirements and reasons.
    case untrusted(Digest, [(requirement: String, reason: String)])
    /// The digest is in quarantine, or holds what is.
    case quarantined(Digest, cause: Digest, reason: String)
    /// The log has nothing of what was asked for.
    case notInLog(String)
    /// The log will have it in a moment.
    case logBehind(String)
    /// The change is made, and no other region has said that it has it.
    case notReplicated(String)
    /// The log refuses what a witness, or a reader, asked for.
    case journal(JournalError)
    /// What was asked of retention cannot be; the sentence says why.
    case retention(RetentionRefusal, String)
    /// The store failed; the reason is for the log, not for the client.
    case fault(String)
}

/// Why a blob is not served.
package enum BlobAbsence: Sendable {
    /// The repository has no link to it.
    case notLinked
    /// The catalog lists it, its file is missing: the next push of it heals it.
    case fileMissing
    /// Its bytes were found not to match its digest: the next push of it heals it.
    case corrupt
}

/// Why something that was asked of retention is not done.
package enum RetentionRefusal: String, Sendable {
    case unknownRun = "RUN_UNKNOWN"
    /// Without rules there is nothing to plan.
    case noRules = "RETENTION_NO_RULES"
    /// The run is not where this can be done with it.
    case wrongState = "RUN_STATE"
    /// The plan that was read is not the one that would be applied.
    case wrongPlan = "PLAN_CHANGED"
    /// Somebody has to read the warnings.
    case needsConfirmation = "CONFIRMATION_REQUIRED"
    /// The undo window has ended.
    case tooLate = "UNDO_EXPIRED"
}
