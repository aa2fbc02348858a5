// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import Journal
import Logging
import OCI
import Registry
import Synchronization
import Transparency

/// The content store and the catalog of one directory, opened together.
struct Store: Sendable {
    let content: ContentStore
    let catalog: Catalog
    let registry: Registry
    /// The log and what seals it; nil for tools that only look.
    let log: Journal.Opened?

    /// What the log of a store is opened with.
    struct LogOptions {
        /// The directory of the signer.
        var signer: String
        /// The name of the log; nil for one that is made of the store's id.
        var origin: String?
        var passphrase: [UInt8]?
        var cosigners: Cosigners?
        /// The name under which other logs are cosigned, and their keys; nil where none are.
        var witness: (name: KeyName, logs: [NoteVerifier])?
        /// Called as entries are replayed into an older catalog.
        var replayProgress: @Sendable (ReplayProgress) async throws -> Void = { _ in }
    }

    /// Exit code of a process that stops because the disk failed it: what is on disk is the truth then, and the next
    /// start recovers from it.
    private static let diskFailure: Int32 = 70

    /// Opens a store, and its log where options for that are given. `origin` is the log's name in what is written
    /// without it.
    static func open(
        root: String,
        unsafeFilesystem: Bool,
        blobLimit: Int64,
        collection: CollectionSettings = CollectionSettings(),
        log logOptions: LogOptions? = nil,
        origin named: String? = nil
    ) async throws -> Store {
        let link = Link()
        var options = ContentStore.Options()
        options.limits.blobBytes = blobLimit
        options.unsafeFilesystem = unsafeFilesystem
        options.serviceTime = { link.registry?.catalog.serviceTime.seconds ?? 0 }
        options.durableProgress = { id, offset in
            guard let registry = link.registry else { return }
            Task { await registry.recordProgress(id, durableOffset: offset) }
        }
        options.fatal = { reason in stop(reason) }
        options.logger = Logger(label: "content")
        let content = try await ContentStore.open(root: root, options: options)
        let origin = logOptions?.origin ?? named ?? origin(of: content)
        let catalog = try openCatalog(content, origin: origin, collection)
        var log: Journal.Opened?
        if let logOptions {
            var options = Journal.Options(
                root: content.layout.root,
                signer: logOptions.signer,
                origin: origin,
                logger: Logger(label: "log")
            )
            options.passphrase = logOptions.passphrase
            options.cosigners = logOptions.cosigners
            options.content = content
            options.replayProgress = logOptions.replayProgress
            log = try await Journal.open(options, catalog: catalog) { error in stop("log: \(error.reason)") }
        }
        if let reason = log?.readOnly?.reason { catalog.freeze(reason: reason) }
        let witness = try logOptions?.witness.map { name, logs in
            try Witness(
                catalog: catalog,
                signer: logOptions?.signer ?? "",
                name: name,
                logs: logs,
                passphrase: logOptions?.passphrase,
                now: now
            )
        }
        let registry = Registry(
            content: content,
            catalog: catalog,
            journal: log?.journal,
            witness: witness,
            gate: TrustGate(now: now),
            retention: RetentionRunner(
                catalog: catalog,
                clock: RetentionClock(wall: now) { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000_000) },
                logger: Logger(label: "retention")
            ),
            pullTimes: PullTimes(catalog: catalog, now: now),
            blobLimit: blobLimit,
            logger: Logger(label: "registry")
        )
        link.set(registry)
        return Store(content: content, catalog: catalog, registry: registry, log: log)
    }

    /// The name of a log that was given none.
    static func origin(of content: ContentStore) -> String { "localhost/log/\(content.storeID)" }

    /// Seconds since 1970.
    private static let now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }

    /// Opens the catalog of a store that is open. `fatal` must stop the process.
    static func openCatalog(
        _ content: ContentStore,
        origin: String,
        _ collection: CollectionSettings = CollectionSettings(),
        fatal: @escaping @Sendable (CatalogError) -> Void = { stop("catalog: \($0.reason)") }
    ) throws -> Catalog {
        let environment = Catalog.Environment(
            wallMilliseconds: { Int64(Date().timeIntervalSince1970 * 1000) },
            monotonicNanoseconds: { DispatchTime.now().uptimeNanoseconds },
            randomBytes: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            },
            fatal: fatal,
            logger: Logger(label: "catalog"),
            storageFault: {
                do throws(ContentError) {
                    try content.confirmStorage()
                    return nil
                } catch {
                    return error.reason
                }
            }
        )
        var settings = Catalog.Settings()
        settings.origin = origin
        settings.grace = collection.grace
        settings.undo = collection.undo
        return try Catalog.open(path: content.layout.database, settings: settings, environment: environment)
    }

    /// Makes open uploads resumable, then closes.
    func drainAndClose() async {
        await registry.drain()
        await close()
    }

    func close() async {
        await log?.journal.shutDown()
        await catalog.close()
        await content.shutdown()
    }

    private static func stop(_ reason: String) -> Never {
        Logger(label: "cairn").critical("stopping: the disk failed", metadata: ["reason": "\(reason)"])
        Console.error("cairn: stopping: \(reason)")
        Console.flush()
        _exit(diskFailure)
    }

    /// Lets the content store reach the registry, which is made after it.
    private final class Link: Sendable {
        private let held = Mutex<Registry?>(nil)
        var registry: Registry? { held.withLock { $0 } }
        func set(_ registry: Registry) { held.withLock { $0 = registry } }
    }
}
