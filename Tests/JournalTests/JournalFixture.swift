// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import GRDB
import Journal
import Logging
import OCI
import Synchronization
import TestSupport
import Transparency

/// A file system that fails from one call on, for every call that changes something.
final class FailingDisk: Sendable {
    private let state = Mutex<(calls: Int, failsAt: Int)>((0, .max))

    /// Calls so far that change something.
    var calls: Int { state.withLock { $0.calls } }

    /// Lets the call of that number fail, counted from now, and all that follow it.
    func fail(at call: Int) { state.withLock { $0 = (0, call) } }

    private func pass(_ call: SystemCall) throws(SystemCallError) {
        let fails = state.withLock { state in
            defer { state.calls += 1 }
            return state.calls >= state.failsAt
        }
        if fails { throw SystemCallError(call, errno: EIO) }
    }

    var filesystem: Filesystem {
        var filesystem = Filesystem.live
        let live = Filesystem.live
        filesystem.fsync = { [self] descriptor throws(SystemCallError) in
            try pass(.fsync)
            try live.fsync(descriptor)
        }
        filesystem.rename = { [self] from, to throws(SystemCallError) in
            try pass(.rename)
            try live.rename(from, to)
        }
        filesystem.link = { [self] from, to throws(SystemCallError) in
            try pass(.link)
            try live.link(from, to)
        }
        filesystem.unlink = { [self] path throws(SystemCallError) in
            try pass(.unlink)
            try live.unlink(path)
        }
        filesystem.pwritev = { [self] descriptor, buffers, offset throws(SystemCallError) in
            try pass(.pwritev)
            return try live.pwritev(descriptor, buffers, offset)
        }
        filesystem.makeDirectory = { [self] path, mode throws(SystemCallError) in
            try pass(.mkdir)
            try live.makeDirectory(path, mode)
        }
        return filesystem
    }
}

/// A catalog and its log in a directory of their own, with the signer beside them.
final class JournalFixture: Sendable {
    static let origin = "registry.example/log/test"

    let directory: TemporaryDirectory
    let disk = FailingDisk()
    let catalog: Catalog
    let opened: Journal.Opened
    /// What would have stopped the process.
    let fatal = EventLog()

    var root: String { directory.path + "/store" }
    var signer: String { directory.path + "/signer" }
    var journal: Journal { opened.journal }
    var sealer: Sealer { opened.sealer }

    /// Opens what is in the directory, as a process does that starts there.
    init(in directory: TemporaryDirectory? = nil, origin: String = JournalFixture.origin) async throws {
        let directory = try directory ?? TemporaryDirectory()
        self.directory = directory
        try FileManager.default.createDirectory(
            atPath: directory.path + "/store/meta",
            withIntermediateDirectories: true
        )
        let counter = Mutex<UInt64>(0)
        var settings = Catalog.Settings()
        settings.origin = origin
        let catalog = try Catalog.open(
            path: directory.path + "/store/meta/registry.db",
            settings: settings,
            environment: Catalog.Environment(
                wallMilliseconds: { 1_700_000_000_000 },
                monotonicNanoseconds: { 1_000_000_000 },
                randomBytes: { count in
                    let seed = counter.withLock { value in
                        value += 1
                        return value
                    }
                    return (0..<count).map { UInt8(truncatingIfNeeded: seed >> UInt64($0 % 8 * 8)) }
                },
                fatal: { _ in },
                logger: TestStore.silent
            )
        )
        self.catalog = catalog
        let fatal = fatal
        var options = Journal.Options(
            root: directory.path + "/store",
            signer: directory.path + "/signer",
            origin: origin,
            logger: TestStore.silent
        )
        options.filesystem = disk.filesystem
        do {
            opened = try await Journal.open(options, catalog: catalog) { fatal.add($0.reason) }
        } catch {
            await catalog.close()
            throw error
        }
    }

    func close() async {
        await journal.shutDown()
        await catalog.close()
    }

    /// Runs a test with a fixture, and closes it whatever happens.
    static func with<Result>(
        in directory: TemporaryDirectory? = nil,
        _ body: (JournalFixture) async throws -> Result
    ) async throws -> Result {
        let fixture = try await JournalFixture(in: directory)
        do {
            let result = try await body(fixture)
            await fixture.close()
            return result
        } catch {
            await fixture.close()
            throw error
        }
    }

    /// Makes changes, each an event.
    func change(_ count: Int, from first: Int = 0) async throws {
        for number in first..<(first + count) {
            try await catalog.recordChange(
                .robotCreated(name: "robot-\(number)"),
                context: Catalog.Context(actor: "someone", requestID: "r-\(number)")
            )
        }
    }

    func seal() async throws {
        while try await sealer.seal() > 0 {}
    }

    var size: Int64 { journal.published?.checkpoint.size ?? 0 }
    var root32: TreeHash? { journal.published?.checkpoint.root }

    /// Runs SQL on the database behind the catalog's back.
    func tamper(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws {
        let queue = try DatabaseQueue(path: root + "/meta/registry.db")
        try queue.write { try $0.execute(sql: sql, arguments: arguments) }
        try queue.close()
    }

    var files: [String] {
        let base = root + "/log"
        let names = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
        return names.filter { name in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: base + "/" + name, isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }.sorted()
    }
}
