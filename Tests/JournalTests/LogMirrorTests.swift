// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Foundation
import Journal
import TestSupport
import Testing
import Transparency

/// A copy of a log that grows, and what a peer may try instead.
@Suite(.timeLimit(.minutes(2))) struct LogMirrorTests {
    private let directory: TemporaryDirectory
    private let disk = FailingDisk()
    private let threads = FileThreads(count: 1)

    init() throws { directory = try TemporaryDirectory() }

    private func open(_ peer: PeerLog) async throws -> LogMirror {
        try await LogMirror(
            of: peer.origin,
            in: directory.path + "/mirror",
            keys: [peer.signer.verifier],
            filesystem: disk.filesystem,
            threads: threads
        )
    }

    private func extend(
        _ mirror: inout LogMirror,
        by peer: PeerLog,
        to size: Int,
        changing: (TilePath, [[UInt8]]) -> [[UInt8]] = { $1 }
    ) async throws {
        guard let target = try mirror.examine(peer.note(size)) else { return }
        var way = MirrorExtension(of: mirror, to: target)
        while case let paths = way.next(limit: 7), !paths.isEmpty {
            for path in paths { try await way.append(changing(path, peer.bundle(path)), at: path) }
        }
        try await way.finish(&mirror)
    }

    /// The tiles and bundles that tlog-tiles names for a tree, with what they hold.
    private func files(of peer: PeerLog, _ size: Int) throws -> [String: [UInt8]] {
        var edge = TreeEdge()
        var files: [String: [UInt8]] = [:]
        for file in try edge.append(Array(peer.entries.prefix(size))) { files["\(file.path)"] = file.bytes }
        return files
    }

    @Test(arguments: [[1, 2, 3], [255, 256, 257], [700], [300, 301, 900, 66_000], [65_536, 65_537]])
    func isTheSameByteForByte(sizes: [Int]) async throws {
        let peer = try PeerLog(entries: sizes.last ?? 0)
        var mirror = try await open(peer)
        for size in sizes {
            try await extend(&mirror, by: peer, to: size)
            #expect(mirror.size == Int64(size))
            // What a restarted process finds is the same.
            mirror = try await open(peer)
            #expect(mirror.size == Int64(size))
        }
        let last = sizes.last ?? 0
        for (path, bytes) in try files(of: peer, last) {
            #expect(try directory.read("mirror/\(path)") == bytes, "\(path)")
        }
        #expect(try directory.read("mirror/checkpoint") == peer.note(last))
        #expect(try mirror.examine(peer.note(last)) == nil)
    }

    /// More entries than are held at once wait on the disk.
    @Test func largeEntriesWaitOnTheDisk() async throws {
        let peer = try PeerLog(entries: 700, bytes: 60_000)
        var mirror = try await open(peer)
        try await extend(&mirror, by: peer, to: 700)
        for (path, bytes) in try files(of: peer, 700) { #expect(try directory.read("mirror/\(path)") == bytes) }
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/mirror/staged"))
        #expect(try await open(peer).size == 700)
    }

    // MARK: A peer that lies

    @Test func aSmallerTreeIsAnEquivocation() async throws {
        let peer = try PeerLog(entries: 500)
        var mirror = try await open(peer)
        try await extend(&mirror, by: peer, to: 400)
        let error = #expect(throws: LogMirror.Equivocation.self) { try mirror.examine(peer.note(399)) }
        #expect(try error?.known == peer.note(400) && error?.shown == peer.note(399))
    }

    @Test(arguments: [400, 401, 500]) func anotherTreeIsAnEquivocation(size: Int) async throws {
        let peer = try PeerLog(entries: 500)
        var other = peer
        other.entries[100] = Array("another".utf8)
        var mirror = try await open(peer)
        try await extend(&mirror, by: peer, to: 400)
        await #expect(throws: LogMirror.Equivocation.self) { try await extend(&mirror, by: other, to: size) }
        #expect(mirror.size == 400)
        // It goes on with the peer that it knew.
        try await extend(&mirror, by: peer, to: 500)
        #expect(mirror.size == 500)
    }

    @Test func entriesThatWereNotSignedAreNotTaken() async throws {
        let peer = try PeerLog(entries: 900)
        var mirror = try await open(peer)
        try await extend(&mirror, by: peer, to: 100)
        let lies: [(TilePath, [[UInt8]]) -> [[UInt8]]] = [
            { path, bundle in path.index == 1 ? bundle.dropLast() + [[1]] : bundle },
            { path, bundle in path.index == 0 ? [[1]] + bundle.dropFirst() : bundle },
            { path, bundle in path.index == 3 ? Array(bundle.dropLast()) : bundle },
            { path, bundle in path.index == 2 ? bundle.reversed() : bundle },
        ]
        for lie in lies {
            await #expect(throws: (any Error).self) { try await extend(&mirror, by: peer, to: 900, changing: lie) }
            #expect(mirror.size == 100)
            #expect(try await open(peer).size == 100)
        }
        try await extend(&mirror, by: peer, to: 900)
        #expect(mirror.size == 900)
    }

    @Test func onlyThePinnedKeyAndNameCount() async throws {
        let peer = try PeerLog(entries: 3)
        let mirror = try await open(peer)
        for other in try [PeerLog(entries: 3, seed: 2), PeerLog(entries: 3, name: "other.example/log")] {
            #expect(throws: JournalError.self) { try mirror.examine(other.note(3)) }
        }
        #expect(throws: JournalError.self) { try mirror.examine(Array("nonsense".utf8)) }
        #expect(throws: JournalError.self) { try mirror.examine([]) }
    }

    // MARK: Crashes

    /// A disk that fails at any call leaves the former copy, which then goes on.
    @Test func aFailureAtAnyPointIsGoneOnFrom() async throws {
        let peer = try PeerLog(entries: 600)
        var failures = 0
        for call in 0..<10_000 {
            try FileManager.default.removeItem(atPath: directory.path)
            try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
            var mirror = try await open(peer)
            try await extend(&mirror, by: peer, to: 100)
            disk.fail(at: call)
            let failed: Bool
            do {
                try await extend(&mirror, by: peer, to: 600)
                failed = false
            } catch is JournalError {
                failed = true
            } catch is ContentError {
                failed = true
            }
            disk.fail(at: .max)
            var next = try await open(peer)
            #expect(next.size == 100 || next.size == 600)
            try await extend(&next, by: peer, to: 600)
            #expect(next.size == 600)
            guard failed else { break }
            failures += 1
        }
        #expect(failures > 10)
    }
}
