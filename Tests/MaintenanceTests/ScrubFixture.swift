// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Dispatch
import Foundation
import GRDB
import Glibc
import Maintenance
import OCI
import Registry
import Synchronization
import TestSupport

/// A disk whose faults the test names, by the path of a file.
final class FaultyDisk: Sendable {
    private struct State {
        var paths: [Int32: String] = [:]
        var opened: [String] = []
        /// Reads of a file that fail yet.
        var failing: [String: Int] = [:]
        /// How many files can be opened yet.
        var descriptors = Int.max
        var refusesDirect = false
        var gate: DispatchSemaphore?
    }

    private let state = Mutex(State())
    /// Opened once a read waits, and is given up then.
    let stalled = Latch()

    func hold(_ options: inout TestStore.Options) {
        let live = options.filesystem
        options.filesystem.open = { [self] path, flags, mode throws(SystemCallError) in
            let isBlob = path.contains("/blobs/sha256/")
            let error: Int32? = state.withLock { state in
                guard isBlob else { return nil }
                // O_DIRECT, on the two processors that are known here.
                if state.refusesDirect, flags & (0x4000 | 0x10000) != 0 { return EINVAL }
                state.opened.append(path)
                state.descriptors -= 1
                return state.descriptors < 0 ? EMFILE : nil
            }
            if let error { throw SystemCallError(.open, errno: error) }
            let descriptor = try live.open(path, flags, mode)
            state.withLock { $0.paths[descriptor] = path }
            return descriptor
        }
        options.filesystem.pread = { [self] descriptor, buffer, offset throws(SystemCallError) in
            let (fails, gate) = state.withLock { state -> (Bool, DispatchSemaphore?) in
                guard let path = state.paths[descriptor], path.contains("/blobs/sha256/") else { return (false, nil) }
                if let times = state.failing[path], times > 0 {
                    state.failing[path] = times - 1
                    return (true, nil)
                }
                return (false, state.gate)
            }
            if fails { throw SystemCallError(.pread, errno: EIO) }
            if let gate {
                stalled.open()
                gate.wait()
                gate.signal()
            }
            return try live.pread(descriptor, buffer, offset)
        }
    }

    /// The next reads of a file fail.
    func fail(_ path: String, times: Int = .max) { state.withLock { $0.failing[path] = times } }
    func heal() { state.withLock { $0.failing = [:] } }
    func refuseDirect() { state.withLock { $0.refusesDirect = true } }
    func allow(descriptors: Int) { state.withLock { $0.descriptors = descriptors } }
    /// Reads wait from now on, until the semaphore is signalled once.
    func stall() -> DispatchSemaphore {
        let gate = DispatchSemaphore(value: 0)
        state.withLock { $0.gate = gate }
        return gate
    }

    /// The files that were opened since the last time that this was asked, in order.
    func takeOpened() -> [String] {
        state.withLock { state in
            defer { state.opened = [] }
            return state.opened
        }
    }
}

/// A store with a scrubber, over a clock that only sleeping moves.
struct ScrubFixture: Sendable {
    let store: TestStore
    let disk: FaultyDisk
    let time: ScrubTime

    static func with<Result>(_ body: (ScrubFixture) async throws -> Result) async throws -> Result {
        let disk = FaultyDisk()
        var options = TestStore.Options()
        disk.hold(&options)
        return try await TestStore.with(options: options) { store in
            try await body(ScrubFixture(store: store, disk: disk, time: ScrubTime()))
        }
    }

    func scrubber(_ settings: ScrubSettings = ScrubSettings()) -> Scrubber {
        let (time, stalled) = (time, disk.stalled)
        return Scrubber(
            content: store.content,
            catalog: store.catalog,
            settings: settings,
            environment: Scrubber.Environment(
                now: { time.seconds },
                monotonic: { time.nanoseconds },
                sleep: { time.elapse($0) },
                timeout: { _ in try await stalled.wait() }
            ),
            logger: TestStore.silent
        )
    }

    /// Flips a bit of a blob's file.
    func flip(_ digest: Digest, bit: Int = 3) throws {
        var bytes = try store.directory.read(store.file(of: digest))
        bytes[bit / 8 % bytes.count] ^= UInt8(1 << (bit % 8))
        try store.directory.remove(store.file(of: digest))
        try store.directory.write(bytes, to: store.file(of: digest))
    }

    /// Changes what the catalog keeps of a manifest.
    func spoilCopies(of digest: Digest) async throws {
        try await store.catalog.write { transaction in
            try transaction.database.execute(
                sql: "UPDATE manifest SET payload = x'7b7d20' WHERE digest = ?",
                arguments: [digest.storageData]
            )
        }
    }

    /// Why a blob is not served: nil where it is.
    func absence(_ digest: Digest, in name: String = "team/app") async throws -> BlobAbsence? {
        do {
            _ = try await store.registry.openBlob(digest, in: Sample.repository(name))
            return nil
        } catch RegistryError.blobUnknown(_, let absence) {
            return absence
        }
    }

    func quarantined() -> [String] { store.directory.files(in: "quarantine") }

    func path(of digest: Digest) -> String { "\(store.directory.path)/\(store.file(of: digest))" }

    func health(_ digest: Digest) async throws -> BlobHealth? { try await store.catalog.blobRecord(digest)?.health }
}

/// Time that passes by sleeping.
final class ScrubTime: Sendable {
    private let elapsed = Mutex<UInt64>(1_000_000_000)

    var nanoseconds: UInt64 { elapsed.withLock { $0 } }
    var seconds: Int64 { 1_700_000_000 + Int64(nanoseconds / 1_000_000_000) }

    func elapse(_ duration: Duration) {
        elapsed.withLock { $0 += UInt64(max(0, duration / .nanoseconds(1))) }
    }
}

/// A door that is opened once; who waits before that waits until then, or until its task is cancelled.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
        try Task.checkCancellation()
    }
}

extension Digest {
    /// The key of its rows.
    var storageData: Data { Data(storageBytes) }
}
