// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
package import Journal
package import Logging
import OCI
import Releases
import Synchronization

/// The registry: one verb for each thing a client can mean, over the content store and the catalog.
///
/// Every verb that changes something returns only when the change is durable. The order is that of the store: file
/// data, directory entry, catalog commit, answer.
package final class Registry: Sendable {
    package let content: ContentStore
    package let catalog: Catalog
    /// nil where no log is kept: in tools that only look.
    package let journal: Journal?
    /// Cosigns other logs; nil where none is.
    package let witness: Witness?
    /// What may leave.
    package let gate: TrustGate
    /// Plans what may go; nil in tools that only look.
    package let retention: RetentionRunner?
    /// When what was pulled; nil where nobody pulls: in tools that only look.
    package let pullTimes: PullTimes?
    let uploads: Uploads
    let manifests: ManifestCache
    let attachmentNotes = AttachmentNotes()
    let evidenceNotes = EvidenceNotes()
    let evidenceTasks = SharedTasks<EvidenceNotes.Question, EvidenceReading>()
    /// Documents that are read to be shown: those of one attachment, or image, at a time.
    let evidenceTurns = Turns()
    /// What is being fetched from other registries.
    let fetcher: Fetcher
    let contentSources = Mutex<@Sendable (RepositoryName) -> [any ContentSource]>({ _ in [] })
    let warming = Warming()
    let silences = Silences()
    /// What no source had.
    let absentBlobs = RecentAnswers()
    let absentManifests = RecentAnswers()
    let sizeQuestions = SharedTasks<RecentAnswers.Key, Int64?>()
    let manifestQuestions = SharedTasks<RecentAnswers.Key, ServedManifest?>()
    /// The registries that are mirrored.
    let mirrors = Mirrors()
    let recentFigures = RecentResults<FigureRequest, FigureSet>()
    /// By the milliseconds of the record that they are of.
    let recentFlapping = RecentResults<Int64, [Flapping.Case]>()
    let figureTurns = Turns()
    let logger: Logger
    /// Bytes of the largest blob accepted.
    let blobLimit: Int64
    /// Seconds for which what ran somewhere stays protected after its report went stale.
    let graceSeconds = Atomic(ProtectionLimits.graceSeconds)

    package init(
        content: ContentStore,
        catalog: Catalog,
        journal: Journal? = nil,
        witness: Witness? = nil,
        gate: TrustGate = TrustGate(now: { 0 }),
        retention: RetentionRunner? = nil,
        pullTimes: PullTimes? = nil,
        blobLimit: Int64,
        fetching: FetchOptions = FetchOptions(),
        logger: Logger
    ) {
        self.blobLimit = blobLimit
        self.content = content
        self.catalog = catalog
        self.journal = journal
        self.witness = witness
        self.gate = gate
        self.retention = retention
        self.pullTimes = pullTimes
        self.logger = logger
        uploads = Uploads()
        manifests = ManifestCache()
        fetcher = Fetcher(options: fetching)
    }

    /// What recovery at start found and did.
    package struct Recovery: Sendable {
        /// Upload sessions that can be resumed.
        package var resumable = 0
        /// Files of upload sessions that no row names; deleted.
        package var strays = 0
    }

    /// Brings the upload sessions of a former run back, and deletes what none of them owns. Reads rows and one
    /// directory of sessions; never the blobs.
    ///
    /// Crash story: a row without its file is dropped when the session is next asked for; a file without a row is
    /// deleted here, since no client can name it.
    package func recover() async throws -> Recovery {
        var recovery = Recovery()
        try await refreshQuarantine()
        var known: Set<UploadID> = []
        // A catalog that is only read lets nothing expire.
        for id in catalog.isWritable ? try await catalog.expireUploads(limit: 10_000) : [] {
            logger.debug("upload session expired", metadata: ["upload": "\(id)"])
        }
        var last: String?
        while true {
            let page = try await catalog.uploads(after: last, limit: 500)
            for record in page {
                guard let id = UploadID(record.id) else { continue }
                known.insert(id)
                uploads.remember(Uploads.Dormant(record: record), id: id)
            }
            guard page.count == 500, let next = page.last?.id else { break }
            last = next
        }
        recovery.resumable = known.count
        recovery.strays = try await content.removeStrayUploads(keeping: known)
        return recovery
    }

    /// Whether a push may start now: the disk has room and the catalog takes commits.
    package var isWritable: Bool { content.gauge.state == .ok && catalog.isWritable }

    /// Whether the catalog takes commits, whatever the disk's room.
    package var catalogTakesChanges: Bool { catalog.isWritable }

    /// What the store and the catalog throw, as the registry's own errors.
    package func translated(_ error: any Error) -> any Error {
        switch error {
        case let error as CatalogError:
            switch error.code {
            case .overloaded: RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
            case .storageFull: RegistryError.storageFull(error.reason)
            case .readOnly: RegistryError.readOnly(error.reason)
            case .unavailable, .newerFormat, .inconsistent: RegistryError.fault(error.reason)
            }
        case let error as ContentError:
            switch error.code {
            case .noSpace: RegistryError.storageFull(error.description)
            case .tooLarge: RegistryError.blobTooLarge(limit: blobLimit)
            case .tooManyUploads, .tooManyFiles: RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
            default: RegistryError.fault(error.description)
            }
        case let error as JournalError:
            switch error.code {
            case .notSealed: RegistryError.logBehind(error.reason)
            case .storage, .damaged: RegistryError.fault(error.reason)
            default: RegistryError.journal(error)
            }
        default: error
        }
    }

    /// Runs a verb's work and translates what the lower layers throw.
    func translating<T: Sendable>(_ work: () async throws -> T) async throws -> T {
        do {
            return try await work()
        } catch {
            if let full = error as? CatalogError, full.code == .storageFull { await content.gauge.noteFull() }
            throw translated(error)
        }
    }
}
