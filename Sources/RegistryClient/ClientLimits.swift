// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of the client.
package enum ClientLimits {
    /// Bytes of an answer that reports an error.
    static let errorBodyBytes = 64 * 1024
    /// Reasons of a registry's policy that are shown.
    static let shownReasons = 32
    /// Bytes of one text of a server that are shown.
    static let shownBytes = 2_048
    /// Bytes of an answer about trust, quarantine, or a page of a tag's history.
    static let documentBytes = 8 << 20
    /// What another region tells of its state, or of a bucket of it.
    static let stateBytes = 64 << 20
    /// Values of a tag that are listed, and pages that are asked for them.
    package static let historyItems = 10_000
    static let historyPages = 128
    /// Records of a list that are shown, records that one page is asked for, and values in the JSON of a page.
    package static let records = 100_000
    static let recordsOfPage = 1_000
    static let recordNodes = 100_000
    /// Bytes of an answer of a token service.
    static let tokenAnswerBytes = 256 * 1024
    /// Bytes of a token.
    static let tokenBytes = 64 * 1024
    /// Bytes of a `WWW-Authenticate` header, all fields together.
    static let challengeBytes = 16 * 1024
    /// Challenges, and parameters of one.
    static let challenges = 16
    /// Tokens kept for the scopes of one registry.
    static let tokens = 64
    /// Bytes of a file of credentials.
    static let credentialFileBytes = 1 << 20
    /// Bytes of a URL.
    static let addressBytes = 16 * 1024
    /// Bytes of a host name.
    static let hostBytes = 255
    /// Redirects that one request follows.
    package static let redirects = 5
    /// Attempts of one request at one registry.
    static let attempts = 5
    /// Seconds that a registry may ask to wait before the next attempt; for more the request fails.
    static let retryAfterSeconds = 60
    /// Milliseconds before the second attempt; doubled with each further one, up to `retryPauseLimit`.
    static let retryPause = 250
    static let retryPauseLimit = 10_000
    /// Base hosts of one pull.
    package static let regions = 16
    /// Blobs that are fetched at once.
    static let parallelBlobs = 4
    /// Bytes above which a blob is fetched in pieces.
    package static let pieceThreshold: Int64 = 32 << 20
    /// Bytes of a piece.
    package static let pieceBytes: Int64 = 4 << 20
    /// Pieces of one blob that are fetched ahead and held in memory.
    package static let piecesAhead = 3
    /// Bytes that are gathered before they are hashed and written.
    static let writeBytes = 1 << 20
    /// Manifests that one pull fetches.
    static let manifests = 1_024
    /// Indexes within indexes.
    static let indexDepth = 4
    /// Distinct blobs of one pull.
    static let blobs = 16_384
    /// Bytes of the `index.json` of a layout.
    static let layoutIndexBytes = 16 << 20
    /// Pages of a list of referrers.
    static let referrerPages = 64
    /// Referrers of one image that are looked at.
    static let referrers = 256
    /// Bytes of one signature, attestation or report.
    static let attachmentBytes: Int64 = 16 << 20
    /// Bytes of all signatures, attestations and reports of one image.
    static let attachmentsBytes: Int64 = 64 << 20
    /// Bytes of a file with a predicate.
    package static let predicateBytes = 16 << 20
    /// Bytes of a policy.
    package static let policyBytes = 1 << 20
    /// Bytes of a key file or a passphrase.
    package static let keyBytes = 64 * 1024
    /// Bytes of a proof: the leaf in base64, the hashes and the checkpoint.
    static let proofBytes = 256 * 1024
    /// Bytes of a bundle of a log: 256 entries, each with its length.
    static let bundleBytes = 256 * (65_535 + 2)
    /// Bytes of a checkpoint, as served and as kept.
    static let checkpointBytes = 64 * 1024
    /// Tags of one log whose last index is kept.
    static let rememberedTags = 10_000
    /// Bytes of the file that keeps them.
    static let rememberedTagsBytes = 8 << 20
    /// Milliseconds between attempts to lock a state file, and how many there are.
    static let lockPause = 50
    static let lockAttempts = 200
    /// Tiles that are fetched at once.
    static let parallelTiles = 4
    /// Milliseconds between two looks at a scrub that is waited for.
    static let scrubPoll = 500
    /// Attempts to add to a tag that others change at the same time.
    static let tagConflicts = 5
}
