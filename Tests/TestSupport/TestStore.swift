// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
package import Logging
import NIOCore
package import OCI
package import Registry
import Synchronization

/// A registry over a store in a temporary directory, assembled as the server does it, with a clock that stands.
package final class TestStore: Sendable {
    package let directory: TemporaryDirectory
    package let clock: ManualClock
    package let content: ContentStore
    package let catalog: Catalog
    package let registry: Registry
    /// What would have stopped the process.
    package let fatal: EventLog
    /// The ids of upload sessions whose progress was recorded.
    package let recorded: EventLog

    package struct Options: Sendable {
        package var limits = ContentLimits()
        package var filesystem = Filesystem.live
        package var settings = Catalog.Settings()
        package var statementTrace: (@Sendable (String) -> Void)?
        package var blobLimit: Int64 = 1 << 40
        package var fetching = FetchOptions()
        package init() {}

        /// Upload sessions open at once.
        package var uploads: Int {
            get { limits.uploads }
            set { limits.uploads = newValue }
        }
        package var tagsPerRepository: Int {
            get { settings.tagsPerRepository }
            set { settings.tagsPerRepository = newValue }
        }
        package var indexDepth: Int {
            get { settings.indexDepth }
            set { settings.indexDepth = newValue }
        }
    }

    /// Opens a store; a second one in the same directory is what a restarted process sees.
    package init(
        in directory: TemporaryDirectory? = nil,
        clock: ManualClock = ManualClock(),
        options: Options = Options()
    ) async throws {
        let directory = try directory ?? TemporaryDirectory()
        let (fatal, recorded, link) = (EventLog(), EventLog(), Link())
        var contentOptions = ContentStore.Options()
        contentOptions.limits = options.limits
        contentOptions.limits.blobBytes = options.blobLimit
        // The reserve of a full disk is not what these tests are about, and many stores stand at once.
        contentOptions.limits.ballastBytes = min(contentOptions.limits.ballastBytes, 1 << 20)
        contentOptions.filesystem = options.filesystem
        // The machine that tests may have only a container's layer to offer.
        contentOptions.unsafeFilesystem = true
        contentOptions.serviceTime = { link.registry?.catalog.serviceTime.seconds ?? 0 }
        contentOptions.durableProgress = { id, offset in
            guard let registry = link.registry else { return }
            Task {
                await registry.recordProgress(id, durableOffset: offset)
                recorded.add(id.description)
            }
        }
        contentOptions.fatal = { fatal.add($0) }
        contentOptions.logger = Self.silent
        content = try await ContentStore.open(root: directory.path, options: contentOptions)
        do {
            catalog = try Catalog.open(
                path: content.layout.database,
                settings: options.settings,
                environment: Catalog.Environment(
                    wallMilliseconds: { clock.wallMilliseconds },
                    monotonicNanoseconds: { clock.monotonicNanoseconds },
                    randomBytes: { count in Array(repeating: 0xA5, count: count) },
                    fatal: { fatal.add($0.reason) },
                    logger: Self.silent,
                    statementTrace: options.statementTrace
                )
            )
        } catch {
            await content.shutdown()
            throw error
        }
        registry = Registry(
            content: content,
            catalog: catalog,
            retention: RetentionRunner(
                catalog: catalog,
                clock: RetentionClock(wall: { clock.wallSeconds }) {
                    Int64(clock.monotonicNanoseconds / 1_000_000_000)
                },
                logger: Self.silent
            ),
            pullTimes: PullTimes(catalog: catalog, now: { clock.wallSeconds }),
            blobLimit: options.blobLimit,
            fetching: options.fetching,
            logger: Self.silent
        )
        link.set(registry)
        self.directory = directory
        self.clock = clock
        self.fatal = fatal
        self.recorded = recorded
    }

    package static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// Runs a test with a store, and closes it whatever happens.
    package static func with<Result>(
        in directory: TemporaryDirectory? = nil,
        clock: ManualClock = ManualClock(),
        options: Options = Options(),
        _ body: (TestStore) async throws -> Result
    ) async throws -> Result {
        let store = try await TestStore(in: directory, clock: clock, options: options)
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    package func close() async {
        await catalog.close()
        await content.shutdown()
    }

    /// Lets the content store reach the registry, which is made after it.
    private final class Link: Sendable {
        private let held = Mutex<Registry?>(nil)
        var registry: Registry? { held.withLock { $0 } }
        func set(_ registry: Registry) { held.withLock { $0 = registry } }
    }
}

extension TestStore {
    package static let caller = Caller(principal: "someone", requestID: "request-1")

    /// Stores a blob.
    @discardableResult
    package func push(_ bytes: [UInt8], in name: String = "team/app") async throws -> Digest {
        let digest = try Sample.digest(bytes)
        try await registry.putBlob(
            ByteBuffer(bytes: bytes),
            as: digest,
            in: Sample.repository(name),
            caller: Self.caller
        )
        return digest
    }

    /// Stores a manifest under its digest, and under a tag where one is named.
    @discardableResult
    package func put(
        _ manifest: [UInt8],
        tag: String? = nil,
        in name: String = "team/app",
        condition: TagCondition = .none
    ) async throws -> Digest {
        let digest = try Sample.digest(manifest)
        var push = ManifestPush(
            reference: try tag.map { .tag(try Sample.tag($0)) } ?? .digest(digest),
            contentType: nil,
            bytes: manifest
        )
        push.condition = condition
        return try await registry.putManifest(push, in: Sample.repository(name), caller: Self.caller).digest
    }

    /// Stores an image of one layer with its blobs.
    @discardableResult
    package func putImage(seed: UInt64, tag: String? = nil, in name: String = "team/app") async throws -> Digest {
        let (config, layer) = (Array("{}".utf8), Sample.bytes(64, seed: seed))
        try await push(config, in: name)
        try await push(layer, in: name)
        return try await put(Sample.image(config: config, layers: [layer]), tag: tag, in: name)
    }

    /// Opens an upload session.
    package func startUpload(in name: String = "team/app") async throws -> UploadSession {
        try await registry.startUpload(
            in: Sample.repository(name),
            hint: nil,
            expectedBytes: nil,
            caller: Self.caller
        )
    }

    /// Deletes a tag or a manifest, and answers with the id of the event.
    @discardableResult
    package func delete(
        _ reference: Reference,
        in name: String = "team/app",
        condition: TagCondition = .none
    ) async throws -> String {
        try await registry.deleteManifest(
            reference,
            in: Sample.repository(name),
            condition: condition,
            caller: Self.caller
        )
    }

    /// Links a blob of another repository, or of any.
    package func mount(_ digest: Digest, from source: String?, to target: String) async throws -> Bool {
        try await registry.mount(
            digest,
            from: source.map { try Sample.repository($0) },
            to: Sample.repository(target),
            caller: Self.caller
        )
    }

    /// What a tag points to now.
    package func get(_ tag: String, in name: String = "team/app") async throws -> Digest {
        try await registry.manifest(.tag(Sample.tag(tag)), in: Sample.repository(name)).digest
    }

    /// When a manifest was pulled last, once what waits is written; nil where it was not.
    package func lastPull(of digest: Digest, in name: String = "team/app") async throws -> Int64? {
        await registry.pullTimes?.flush()
        return try await catalog.lastPull(of: digest, in: Sample.repository(name))
    }

    /// The path of a blob's file within the directory.
    package func file(of digest: Digest) -> String { "blobs/\(digest.algorithm.name)/\(digest.hex)" }
}
