// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Journal
import Logging
import RegistryClient
import Replication
import Transparency

/// Follows one other region: one task copies its log, another applies what came.
struct FollowedRegion: Sendable {
    private let settings: RegionSettings
    private let follower: LogFollower
    private let source: PeerSource
    private let store: Store
    private let environment: LogFollower.Environment
    private let intake: RegionIntake
    private let worker: RegionWorker
    private let mirrors: ServedMirrors
    private let backfill: BlobBackfill
    private let watch: ConfirmationWatch
    private let audits: RegionAudits
    private let homes: RepositoryHomes
    private let changes = Wakeup()
    private let traces = EntryTraces()

    init(
        _ settings: RegionSettings,
        _ follower: LogFollower,
        _ source: PeerSource,
        _ others: [PeerSource],
        _ store: Store,
        _ backfill: BlobBackfill,
        _ mirrors: ServedMirrors,
        _ confirmations: Confirmations,
        _ homes: RepositoryHomes,
        _ audits: RegionAudits,
        _ environment: LogFollower.Environment
    ) {
        self.mirrors = mirrors
        self.audits = audits
        self.homes = homes
        self.settings = settings
        self.follower = follower
        self.source = source
        self.store = store
        self.backfill = backfill
        self.environment = environment
        intake = RegionIntake(store.catalog, of: settings.log)
        worker = RegionWorker(
            store.catalog,
            of: settings.log,
            region: settings.name,
            content: RegionBytes(registry: store.registry, sources: [source] + others).content,
            followed: settings.repositories,
            backfill: backfill,
            environment: environment,
            traces: traces
        ) {
            homes.noteArrival()
            if settings.isFollowedWhole { await confirm(settings.log, by: mirrors, environment) }
        }
        watch = ConfirmationWatch(
            settings: settings,
            catalog: store.catalog,
            confirmations: confirmations,
            environment: environment
        )
    }

    var name: String { settings.name }

    /// An operator has paused it, or goes on.
    func stateHasChanged() { changes.signal() }

    /// Notes that it is followed. What is wrong with that is told when it is to be followed.
    func register() async throws {
        guard store.catalog.isWritable else { return }
        _ = try await store.catalog.addPeer(origin: settings.log, region: settings.name)
    }

    /// Until the task is cancelled.
    func run() async {
        let threads = FileThreads(count: 1)
        do {
            switch try await store.catalog.addPeer(origin: settings.log, region: settings.name) {
            case .added, .known: break
            case .own: throw CatalogError(.inconsistent, "its log '\(settings.log)' is this registry's own")
            case .tooMany(let limit): throw CatalogError(.inconsistent, "more than \(limit) regions were followed")
            }
            let mirror = try await LogMirror(
                of: settings.log,
                in: "\(store.content.layout.root)/log/mirror/\(settings.name)",
                keys: settings.keys,
                filesystem: .live,
                threads: threads
            )
            try await thaw(mirror)
            try await intake.follow(settings.repositories, mirror)
            try await follow(mirror)
        } catch is CancellationError {
        } catch {
            follower.stop("\(error)")
            environment.logger.critical(
                "a region cannot be followed",
                metadata: ["region": "\(settings.name)", "why": "\(error)"]
            )
        }
        await threads.shutDown()
    }

    /// A peer that was frozen goes on once a person has taken the evidence away.
    private func thaw(_ mirror: LogMirror) async throws {
        guard try await store.catalog.peer(settings.log)?.state == .frozen, try await mirror.keptEvidence() == nil
        else { return }
        _ = try await store.catalog.setPeer(settings.log, state: .following, reason: "")
    }

    /// Follows while it is to be followed.
    private func follow(_ mirror: LogMirror) async throws {
        var mirror = mirror
        while !Task.isCancelled {
            if try await store.catalog.peer(settings.log)?.state == .following {
                let known = mirror
                mirror = try await withThrowingTaskGroup(of: LogMirror?.self) { group in
                    group.addTask { try await connect(known) }
                    group.addTask {
                        try await hasChanged()
                        return nil
                    }
                    var last = known
                    while let ended = try await group.next() {
                        if let ended { last = ended } else { group.cancelAll() }
                    }
                    return last
                }
            } else {
                try await hasChanged()
            }
        }
    }

    /// Returns when the state is another one than that of following, or again that one.
    private func hasChanged() async throws {
        await changes.wait()
        try Task.checkCancellation()
    }

    private func connect(_ mirror: LogMirror) async throws -> LogMirror {
        var options = Transport.Options()
        settings.remote.configure(&options)
        // A question for news is answered after some twenty seconds at the latest.
        options.timeouts.answer = 35_000
        return try await Transport.with(options) { transport async throws(ClientError) in
            let registry = try RemoteRegistry(
                origin: settings.remote.origin,
                credentials: CredentialSource(given: settings.remote.credentials, environment: [:]),
                transport: transport
            )
            return await source.connected(settings, over: transport) {
                await follow(mirror, LogFeed(registry) { traces.note($0) })
            }
        }
    }

    private func follow(_ mirror: LogMirror, _ feed: LogFeed) async -> LogMirror {
        let source = LogFollower.Source { after in
            try await feed.checkpoint(after: after)
        } bundles: { paths in
            try await feed.entries(paths)
        }
        return await withTaskGroup(of: LogMirror?.self) { group in
            group.addTask {
                await worker.run()
                return nil
            }
            group.addTask {
                await watch.run(feed)
                return nil
            }
            group.addTask {
                await audits.run(settings.name, environment) { try await compare(feed) }
                return nil
            }
            group.addTask {
                await follower.run(mirror, from: source) { mirror in
                    try await intake.hear(mirror)
                    homes.noteArrival()
                    worker.wake()
                    backfill.wake()
                } grown: { mirror in
                    mirrors.update(mirror)
                    if try await intake.take(mirror) { worker.wake() }
                    if settings.isFollowedWhole { await confirm(settings.log, by: mirrors, environment) }
                } frozen: { reason in
                    _ = try await store.catalog.setPeer(settings.log, state: .frozen, reason: reason)
                }
            }
            var last = mirror
            for await ended in group {
                // Where the log is not followed any more, nothing of it is applied.
                if let ended { last = ended }
                group.cancelAll()
            }
            return last
        }
    }
}

extension FollowedRegion {
    /// Compares what is here with what the region has, and lets what differs be applied once more.
    private func compare(_ feed: LogFeed) async throws -> AuditReport {
        guard settings.isFollowedWhole else {
            throw RegionError(.partial, "only some of its repositories are followed: what the two have is not the same")
        }
        let audit = RegionAudit(store.catalog, of: settings.log, feed.state, environment)
        let report = try await audit.run { mirrors.mirror(MirrorPath.name(of: settings.log)) }
        if report.revisited > 0 { worker.wake() }
        return report
    }
}

extension LogFeed {
    /// What the registry tells of its state.
    fileprivate var state: RemoteState {
        RemoteState {
            let (size, applied) = try await positions()
            return RemoteState.Positions(size: size, applied: applied)
        } hashes: {
            try await stateHashes()
        } rows: { bucket in
            var rows: Set<PlacedRow> = []
            for fields in try await stateRows(bucket) {
                guard let row = PlacedRow(fields: fields) else {
                    throw ClientError(.network, "a row of bucket \(bucket) is none")
                }
                rows.insert(row)
            }
            return rows
        }
    }
}

/// Says to whoever asks what of a log is here. What fails is tried again with the next entry.
func confirm(_ origin: String, by mirrors: ServedMirrors, _ environment: LogFollower.Environment) async {
    do { try await mirrors.confirm(origin) } catch {
        environment.logger.warning(
            "what is here of a region's log could not be cosigned",
            metadata: ["log": "\(origin)", "error": "\(error)"]
        )
    }
}
