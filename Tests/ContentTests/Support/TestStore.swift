// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Foundation
import NIOCore
import OCI
import Synchronization
import Testing

/// A directory that goes with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/cairn-content-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func files(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []).sorted()
    }
}

/// A store in a temporary directory, over a fault plan, that can be closed and opened again.
final class TestStore: Sendable {
    let directory: TemporaryDirectory
    let plan: FaultPlan
    let store: ContentStore
    let fatal: Log
    let durable: Log

    /// Lines that callbacks wrote.
    final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    static func options(_ plan: FaultPlan, _ limits: ContentLimits = ContentLimits()) -> ContentStore.Options {
        var options = ContentStore.Options()
        options.limits = limits
        options.filesystem = plan.filesystem
        // The machine that tests may have only a container's layer to offer.
        options.unsafeFilesystem = true
        return options
    }

    init(
        in directory: TemporaryDirectory? = nil,
        plan: FaultPlan = FaultPlan(),
        limits: ContentLimits = ContentLimits()
    ) async throws {
        let (fatal, durable) = (Log(), Log())
        self.directory = try directory ?? TemporaryDirectory()
        self.plan = plan
        self.fatal = fatal
        self.durable = durable
        var options = Self.options(plan, limits)
        options.fatal = { fatal.add($0) }
        options.durableProgress = { durable.add("\($0) \($1)") }
        store = try await ContentStore.open(root: self.directory.path, options: options)
    }

    /// Runs a test with a store, and shuts it down whatever happens.
    static func with(
        in directory: TemporaryDirectory? = nil,
        plan: FaultPlan = FaultPlan(),
        limits: ContentLimits = ContentLimits(),
        _ body: (TestStore) async throws -> Void
    ) async throws {
        let test = try await TestStore(in: directory, plan: plan, limits: limits)
        do {
            try await body(test)
        } catch {
            await test.store.shutdown()
            throw error
        }
        await test.store.shutdown()
    }

    var blobs: [String] { directory.files(in: "blobs/sha256") }
    var uploads: [String] { directory.files(in: "uploads") }

    /// A new session, claimed.
    func claimed(hint: Digest.Algorithm? = nil, expectedBytes: Int64? = nil) async throws -> UploadClaim {
        try Self.claim(try await store.startUpload(hint: hint, expectedBytes: expectedBytes))
    }

    static func claim(_ session: UploadSession) throws -> UploadClaim {
        guard case .claimed(let claim) = session.claim() else {
            throw ContentError(.sessionEnded, "the session could not be claimed")
        }
        return claim
    }

    /// Uploads bytes in pieces and commits them.
    @discardableResult
    func push(_ bytes: [UInt8], piece: Int = 100_000, algorithm: Digest.Algorithm = .sha256) async throws -> Digest {
        let claim = try await claimed()
        try await claim.append(all: bytes, piece: piece)
        let digest = try Digest.of(bytes, algorithm: algorithm)
        try await claim.commit(expecting: digest) {}
        return digest
    }

    func contents(_ digest: Digest) async throws -> [UInt8]? {
        guard let file = try await store.open(digest) else { return nil }
        return Array(buffer: try await file.read(at: 0, count: Int(file.size)))
    }
}

extension UploadClaim {
    func append(all bytes: [UInt8], piece: Int = 100_000) async throws(ContentError) {
        var start = 0
        while start < bytes.count {
            let end = min(start + piece, bytes.count)
            try await append(ByteBuffer(bytes: bytes[start..<end]))
            start = end
        }
    }
}

/// Bytes that differ from seed to seed and do not repeat soon.
func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

/// Runs a body that has to fail with a `ContentError`, and returns it.
@discardableResult
func contentError(
    _ code: ContentError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async throws -> ContentError {
    do {
        try await body()
    } catch let error as ContentError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        return error
    }
    let issue: Comment = "it did not fail"
    Issue.record(issue, sourceLocation: sourceLocation)
    throw ContentError(code, "it did not fail")
}

/// The record of a commit that has to fail before it.
func neverRecorded(sourceLocation: SourceLocation = #_sourceLocation) {
    Issue.record("it was recorded", sourceLocation: sourceLocation)
}
