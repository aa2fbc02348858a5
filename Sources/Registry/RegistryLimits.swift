// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Bounds of the registry's own state. Sizes are bytes, times are seconds of service time.
package enum RegistryLimits {
    package static let manifestCacheBytes = 16 * 1024 * 1024
    package static let manifestCacheShards = 8
    /// What an entry costs beside its bytes, about.
    package static let manifestCacheOverhead = 512
    /// An upload session without a request for this long is dropped.
    package static let uploadIdleSeconds: Int64 = 3600
    /// An upload session lives at most this long.
    package static let uploadLifeSeconds: Int64 = 24 * 3600
    /// How often sessions are looked through for expired ones, and the disk for space.
    package static let housekeepingSeconds: Int64 = 5
    /// Retry-After of a refusal for load.
    package static let retryAfterSeconds = 1
    /// A report of a deployment that does not say how long it holds does so for as many seconds.
    static let reportSeconds: Int64 = 86_400
    /// Pulls of a manifest within so many seconds of one that was noted are not.
    static let pullSeconds: Int64 = 60
    /// Times of pulls that wait to be written, and the parts of the map that they wait in.
    package static let pullsPending = 65_536
    static let pullShards = 16
    /// Verdicts of the trust policy kept in memory.
    static let verdictsKept = 20_000
    /// Bytes of manifests of attachments that one evaluation reads.
    static let evidenceManifestBytes = 32 << 20
    /// How often an evaluation begins anew because something was attached meanwhile.
    static let evaluationTries = 5
    /// Copies of one manifest in several repositories that are held against its bytes at once.
    static let copiesPage = 64
    /// Between two looks at the queue of images to be scanned, and how many are taken from it at once.
    static let scanInterval: Duration = .seconds(1)
    static let scansPerTurn = 16
    /// Rows that one read, or one write, for retention takes.
    static let retentionPage = 5_000
    static let retentionReadPage = 200
    static let retentionWritePage = 500
    /// Tags that go with their manifest in one transaction; the others go before.
    static let retentionGroupTags = 1_000
    /// Groups of decisions that are carried out at once.
    static let retentionWidth = 64
    /// Between two looks at what is due.
    static let retentionTick: Duration = .seconds(60)
    /// Plans, applications and restores that may wait.
    package static let retentionQueue = 16
    /// Runs whose decisions are kept beside those that can still be undone.
    static let retentionRunsKept = 20
    /// Tags of one repository that may go without the share of them being asked about.
    package static let retentionFewTags = 10
    /// Manifests of an image that is fetched ahead, and blobs that are fetched so at one time.
    static let warmManifests = 2_048
    static let warmBlobs = 4_096
    /// Seconds that the wall clock may differ from the time that has passed.
    static let retentionClockSkew: Int64 = 3600
    /// Seconds after which pulls that were not written down any more count as unknown.
    static let pullTrackingStale: Int64 = 3600
    /// How old, in seconds, may be what is known of the pulls in another region where a rule asks for pulls.
    static let regionPullsStale: Int64 = 7_200
    /// Links that one read for usage takes, names that one does, and links after which a page of usage ends.
    static let usagePage = 2_000
    static let usageNames = 100
    static let usageBlobs: Int64 = 50_000
    /// Other images that are counted for each blob of an image, and named; and manifests of an image.
    static let usageSharing = 1_000
    static let usageExamples = 3
    static let usageManifests = 256
    /// Services of an environment on one page.
    static let desiredPage = 100
    /// Places of an image that one look shows.
    static let inspectedPlaces = 20
    static let inspectedBuilds = 10
    /// Entries of the release record that one read takes, and images whose reports are looked at, for figures, in so
    /// many environments: the first by name after those that are asked for and those of production.
    static let figuresPage = 1_000
    static let figuresScans = 500
    static let figuresEnvironments = 100
    /// Bytes of attachments after which one computation of figures reads no more of them.
    static let figuresEvidenceBytes = 128 << 20
    /// Figures that are kept for so many milliseconds, and different ones that are waited for at once.
    static let recentFigures = 32
    static let figuresMilliseconds: Int64 = 30_000
    static let figuresWaiting = 16
    /// Milliseconds of the record that say what flaps: the health before the hour is a part of it.
    static let flappingSpan: Int64 = 25 * 3_600_000
    /// What of the release record is shown as metrics: environments, flapping rollouts, and the span of figures, which
    /// are computed again after a pause; times are milliseconds.
    static let shownEnvironments = 20
    static let shownFlapping = 50
    static let shownFiguresSpan: Int64 = 30 * 86_400_000
    static let figuresPause: Int64 = 60_000
    /// Between two looks at the release record.
    package static let releaseTick: Duration = .seconds(15)
    /// Names of repositories that one read of a list for people takes, and that one page of it looks at.
    static let browsedNames = 500
    static let browsedNamesPerPage = 5_000
    /// Bytes of entries of the log on one page for people: more than its entries can have.
    static let browsedLogBytes = 8 << 20
    /// Attachments of one image that are shown, documents of each, and the bytes that are read for that.
    static let shownAttachments = 64
    static let shownDocuments = 8
    static let shownAttachmentBytes = 8 << 20
    /// Attachments of which what was read is kept.
    static let attachmentNotes = 512
    /// Images of which is kept what their attachments say, and of each the claims of provenance, the bytes of one, and
    /// the scanners; and images whose attachments may wait to be read.
    static let evidenceNotes = 1_024
    static let notedClaims = 8
    static let notedClaimBytes = 2_048
    static let notedScanners = 8
    static let evidenceWaiting = 64
    /// The worst findings of a report that are shown, and the characters of their texts.
    static let shownFindings = 10
    static let shownFindingText = 96
    /// Bytes of an image's configuration that is read to be shown.
    static let shownConfigBytes: Int64 = 256 << 10
}
