// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import Logging
import OCI
import Synchronization

/// Time in the hands of a test. The monotonic clock stands unless it is moved.
final class ManualClock: Sendable {
    private let monotonic = Mutex<UInt64>(1_000_000_000)
    private let wall = Mutex<Int64>(1_700_000_000_000)

    var monotonicNanoseconds: UInt64 { monotonic.withLock { $0 } }
    var wallMilliseconds: Int64 { wall.withLock { $0 } }

    func advance(seconds: Int64) {
        monotonic.withLock { $0 += UInt64(seconds) * 1_000_000_000 }
        wall.withLock { $0 += seconds * 1_000 }
    }

    func setWall(milliseconds: Int64) { wall.withLock { $0 = milliseconds } }
}

/// A catalog in a folder of its own, which is removed with the fixture.
final class CatalogFixture: Sendable {
    let clock = ManualClock()
    let fatalErrors = Mutex<[CatalogError]>([])
    /// Why the storage is not to be trusted.
    let storageFault = Mutex<String?>(nil)
    let statements = Mutex<Set<String>>([])
    let path: String
    let settings: Catalog.Settings
    private let folder: URL
    private let opened = Mutex<Catalog?>(nil)

    /// `prepare` may put a database at the path before it is opened.
    init(
        _ adjust: (inout Catalog.Settings) -> Void = { _ in },
        prepare: (String) throws -> Void = { _ in }
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "catalog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appending(path: "registry.db").path
        var settings = Catalog.Settings()
        settings.grace = Sample.grace
        settings.undo = Sample.undo
        adjust(&settings)
        self.settings = settings
        try prepare(path)
        try reopen()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var catalog: Catalog {
        get throws {
            guard let catalog = opened.withLock({ $0 }) else { throw CatalogError(.unavailable, "not open") }
            return catalog
        }
    }

    /// Opens the catalog again. Without a `close` before, the other one is as a crash leaves it: its last commit.
    @discardableResult
    func reopen(settings: Catalog.Settings? = nil) throws -> Catalog {
        let catalog = try Catalog.open(
            path: path,
            settings: settings ?? self.settings,
            environment: Catalog.Environment(
                wallMilliseconds: { [clock] in clock.wallMilliseconds },
                monotonicNanoseconds: { [clock] in clock.monotonicNanoseconds },
                randomBytes: { count in Array(repeating: 0xA5, count: count) },
                fatal: { [weak self] error in self?.fatalErrors.withLock { $0.append(error) } },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                storageFault: { [weak self] in self?.storageFault.withLock { $0 } },
                statementTrace: { [weak self] statement in
                    self?.statements.withLock { _ = $0.insert(statement) }
                }
            )
        )
        opened.withLock { $0 = catalog }
        return catalog
    }

    /// A connection that the catalog knows nothing of, for looking at rows and for trying to break them.
    func raw<Value>(_ body: (Database) throws -> Value) throws -> Value {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration).writeWithoutTransaction(body)
    }

    func count(_ query: String) throws -> Int {
        try raw { try Int.fetchOne($0, sql: query) ?? -1 }
    }

    /// Whatever a sound catalog must not have.
    func problems() async throws -> [String] {
        let catalog = try catalog
        return try await catalog.foreignKeyViolations(limit: 10) + catalog.integrityProblems(quick: false, limit: 10)
            + catalog.ruleViolations(limit: 10)
    }
}

/// Values that tests share.
enum Sample {
    static let grace: Int64 = 1_000
    static let lease: Int64 = 1_500
    static let undo: Int64 = 7_000
    static let context = Catalog.Context(actor: "someone", requestID: "request-1")

    /// A digest that stands for content number `seed`.
    static func digest(_ seed: Int, _ algorithm: Digest.Algorithm = .sha256) throws -> Digest {
        var state = UInt64(bitPattern: Int64(seed)) &+ 0x9E37_79B9_7F4A_7C15
        var bytes: [UInt8] = []
        while bytes.count < algorithm.byteCount {
            state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB &+ 1
            bytes += withUnsafeBytes(of: state.bigEndian, Array.init)
        }
        guard let digest = Digest(algorithm: algorithm, bytes: bytes) else { throw Missing() }
        return digest
    }

    static func repository(_ name: String = "team/app") throws -> RepositoryName {
        guard let name = RepositoryName(name) else { throw Missing() }
        return name
    }

    static func tag(_ name: String) throws -> OCI.Tag {
        guard let tag = OCI.Tag(name) else { throw Missing() }
        return tag
    }

    static func mediaType(_ name: String) throws -> MediaType {
        guard let type = MediaType(name) else { throw Missing() }
        return type
    }

    struct Missing: Error {}
}

/// A manifest and the digest that the tests give its bytes.
struct SampleManifest: Sendable {
    let manifest: Manifest
    let digest: Digest

    static let imageType = "application/vnd.oci.image.manifest.v1+json"
    static let indexType = "application/vnd.oci.image.index.v1+json"
    static let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"
    static let configType = "application/vnd.oci.image.config.v1+json"

    /// An image whose blobs are given as digest and size.
    static func image(
        _ seed: Int,
        config: (Digest, Int64)? = nil,
        layers: [(Digest, Int64)] = [],
        subject: Digest? = nil,
        artifactType: String? = nil,
        annotations: [String: String] = [:]
    ) throws -> SampleManifest {
        var object: [String: Any] = [
            "schemaVersion": 2, "mediaType": imageType,
            "config": descriptor(try config ?? (Sample.digest(0), 2), configType),
            "layers": layers.map { descriptor($0, layerType) },
        ]
        object["subject"] = subject.map { descriptor(($0, 7), imageType) }
        object["artifactType"] = artifactType
        object["annotations"] = annotations.isEmpty ? nil : annotations
        return try make(seed, object)
    }

    static func index(
        _ seed: Int,
        _ children: [SampleManifest],
        subject: Digest? = nil,
        artifactType: String? = nil
    ) throws -> SampleManifest {
        var object: [String: Any] = [
            "schemaVersion": 2, "mediaType": indexType,
            "manifests": children.map { descriptor(($0.digest, $0.size), $0.manifest.mediaType.description) },
        ]
        object["subject"] = subject.map { descriptor(($0, 7), imageType) }
        object["artifactType"] = artifactType
        return try make(seed, object)
    }

    var size: Int64 { Int64(manifest.bytes.count) }

    static func make(_ seed: Int, _ object: [String: Any]) throws -> SampleManifest {
        let bytes = try Array(JSONSerialization.data(withJSONObject: object, options: .sortedKeys))
        return try SampleManifest(
            manifest: Manifest(parsing: bytes, contentType: nil),
            digest: Sample.digest(1_000_000 + seed)
        )
    }

    static func descriptor(_ blob: (digest: Digest, size: Int64), _ type: String) -> [String: Any] {
        ["mediaType": type, "digest": blob.digest.description, "size": blob.size]
    }
}

extension Catalog {
    /// Links the blob that stands for content number `seed`, of that many bytes.
    @discardableResult
    func link(_ seed: Int, in name: String = "team/app", size: Int64? = nil) async throws -> Digest {
        let digest = try Sample.digest(seed)
        _ = try await linkUploadedBlob(
            digest,
            size: size ?? Int64(seed),
            in: Sample.repository(name),
            upload: nil,
            context: Sample.context
        )
        return digest
    }

    /// Links the config that sample images have unless they name another.
    func linkConfig(in name: String = "team/app") async throws { try await link(0, in: name, size: 2) }

    func put(
        _ sample: SampleManifest,
        in name: String = "team/app",
        tags: [String] = [],
        _ condition: Precondition = .none,
        overwrites: [OCI.Tag: OverwriteVerdict] = [:],
        immutable: [String] = [],
        quotas: [StorageQuota] = []
    ) async throws -> ManifestPut {
        try await putManifest(
            sample.manifest,
            digest: sample.digest,
            in: Sample.repository(name),
            tags: tags.map(Sample.tag),
            condition: condition,
            overwrites: overwrites,
            immutable: Set(immutable.map(Sample.tag)),
            quotas: quotas,
            context: Sample.context
        )
    }

    func get(_ tag: String, in name: String = "team/app") async throws -> Digest? {
        try await manifest(.tag(Sample.tag(tag)), in: Sample.repository(name))?.digest
    }

    func get(_ digest: Digest, in name: String = "team/app") async throws -> Digest? {
        try await manifest(.digest(digest), in: Sample.repository(name))?.digest
    }

    func delete(_ digest: Digest, in name: String = "team/app") async throws -> ManifestDeletion {
        try await deleteManifest(digest, in: Sample.repository(name), context: Sample.context)
    }

    func untag(_ tag: String, in name: String = "team/app") async throws -> TagDeletion {
        try await deleteTag(Sample.tag(tag), in: Sample.repository(name), context: Sample.context)
    }
}

extension ManifestPut {
    var isStored: Bool { stored != nil }

    var stored: StoredManifest? {
        if case .stored(let stored) = self { stored } else { nil }
    }

    var unresolved: UnresolvedReferences? {
        if case .unresolved(let references) = self { references } else { nil }
    }
}
