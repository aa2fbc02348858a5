// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Foundation
import Journal
import Replication
import Synchronization
import TestSupport
import Testing
import Transparency

/// A peer's log as it is followed over a network that the test plays.
@Suite(.timeLimit(.minutes(2))) struct LogFollowerTests {
    /// What the peer shows, which the test changes.
    private final class Network: Sendable {
        struct State {
            var log: PeerLog
            var size: Int
            /// Bundles that come wrong before one comes right.
            var lies = 0
            /// Requests that fail before one succeeds.
            var failures = 0
            /// Whether it shows no log.
            var isGone = false
        }

        struct Unreachable: Error {}

        let state: Mutex<State>
        private let changes = AsyncStream<Void>.makeStream()

        init(_ log: PeerLog, size: Int) { state = Mutex(State(log: log, size: size)) }

        func change(_ body: (inout State) -> Void) {
            state.withLock { body(&$0) }
            changes.continuation.yield()
        }

        var source: LogFollower.Source {
            LogFollower.Source { after in
                while true {
                    if self.state.withLock({ $0.isGone }) { return nil }
                    let note = try self.state.withLock { state -> [UInt8]? in
                        if state.failures > 0 {
                            state.failures -= 1
                            throw Unreachable()
                        }
                        guard state.size != Int(after) || state.lies > 0 else { return nil }
                        return try state.log.note(state.size)
                    }
                    if let note { return note }
                    for await _ in self.changes.stream { break }
                    try Task.checkCancellation()
                }
            } bundles: { paths in
                try self.state.withLock { state in
                    if state.failures > 0 {
                        state.failures -= 1
                        throw Unreachable()
                    }
                    let bundles = paths.map { state.log.bundle($0) }
                    guard state.lies > 0 else { return bundles }
                    state.lies -= 1
                    return bundles.map { $0.dropLast() + [[0]] }
                }
            }
        }
    }

    private let directory: TemporaryDirectory
    private let threads = FileThreads(count: 1)

    init() throws { directory = try TemporaryDirectory() }

    /// Runs a follower while the test changes what the peer shows.
    private func following(
        _ log: PeerLog,
        size: Int,
        heard: EventLog = EventLog(),
        _ body: (Network, LogFollower) async throws -> Void
    ) async throws {
        let network = Network(log, size: size)
        let pauses = EventLog()
        let follower = LogFollower(
            name: "us",
            origin: log.origin,
            environment: LogFollower.Environment(
                now: { 1_000 },
                sleep: { pauses.add("\($0)") },
                random: { _ in 0 },
                logger: TestStore.silent
            )
        )
        let mirror = try await open(log)
        let work = Task {
            await follower.run(mirror, from: network.source) {
                heard.add("\($0.size)")
            } grown: { _ in
            }
        }
        try await body(network, follower)
        work.cancel()
        network.change { _ in }
        _ = await work.value
    }

    private func open(_ log: PeerLog) async throws -> LogMirror {
        try await LogMirror(
            of: log.origin,
            in: directory.path + "/mirror",
            keys: [log.signer.verifier],
            filesystem: .live,
            threads: threads
        )
    }

    private func wait(_ follower: LogFollower, until isReached: (LogFollower.Status) -> Bool) async {
        while !isReached(follower.status) { await Task.yield() }
    }

    @Test func aGrowingLogIsFollowed() async throws {
        try await following(PeerLog(entries: 5_000), size: 3) { network, follower in
            for size in [3, 4, 300, 5_000] {
                network.change { $0.size = size }
                await wait(follower) { $0.entries == Int64(size) }
                #expect(follower.status.phase == .following && follower.status.reason == nil)
            }
            #expect(follower.status.shown == 5_000 && follower.status.verifiedAt == 1_000)
        }
        #expect(try await open(PeerLog(entries: 5_000)).size == 5_000)
    }

    @Test func aPeerThatFailsIsAskedAgain() async throws {
        let heard = EventLog()
        try await following(PeerLog(entries: 600), size: 100, heard: heard) { network, follower in
            await wait(follower) { $0.entries == 100 }
            network.change { state in
                state.failures = 7
                state.size = 600
            }
            await wait(follower) { $0.entries == 600 }
            #expect(follower.status.phase == .following)
        }
        #expect(heard.all == ["100", "600"], "when it is there, and when it is there again")
    }

    /// Bytes that somebody on the way has changed are no proof against the peer.
    @Test func wrongEntriesAreAskedForAgain() async throws {
        try await following(PeerLog(entries: 600), size: 100) { network, follower in
            await wait(follower) { $0.entries == 100 }
            network.change { state in
                state.lies = 2
                state.size = 600
            }
            await wait(follower) { $0.entries == 600 }
            #expect(follower.status.phase == .following)
        }
    }

    /// A peer that has no log any more is no peer without news.
    @Test func aLogThatIsGoneIsAFailure() async throws {
        try await following(PeerLog(entries: 11), size: 10) { network, follower in
            await wait(follower) { $0.entries == 10 }
            network.change { $0.isGone = true }
            await wait(follower) { $0.phase == .failing }
            #expect(follower.status.entries == 10 && follower.status.reason?.contains("no log any more") == true)
            network.change { state in
                state.isGone = false
                state.size = 11
            }
            await wait(follower) { $0.entries == 11 }
            #expect(follower.status.phase == .following)
        }
    }

    enum Lie: String, CaseIterable {
        case shrunk, twoRoots, anotherLog, endlessLies
    }

    @Test(arguments: Lie.allCases) func aPeerWithTwoLogsIsFrozenForGood(lie: Lie) async throws {
        let log = try PeerLog(entries: 600)
        try await following(log, size: 400) { network, follower in
            await wait(follower) { $0.entries == 400 }
            network.change { state in
                switch lie {
                case .shrunk: state.size = 399
                case .twoRoots: state.log.entries[7] = [1]
                case .anotherLog:
                    state.log.entries[7] = [1]
                    state.size = 500
                case .endlessLies:
                    state.lies = .max
                    state.size = 500
                }
                // A request is under way that waits for growth: another size wakes it.
                if lie == .twoRoots { state.lies = 1 }
            }
            await wait(follower) { $0.phase == .frozen }
            #expect(follower.status.entries == 400)
        }
        let mirror = try await open(log)
        #expect(mirror.size == 400)
        #expect(try directory.read("mirror/equivocation/known") == log.note(400))
        let reason = try await mirror.keptEvidence()
        #expect(reason?.contains(log.origin) == true)
        // A restart changes nothing; a person does.
        try await following(log, size: 600) { _, follower in
            await wait(follower) { $0.phase == .frozen }
            #expect(follower.status.reason == reason && follower.status.entries == 400)
        }
        // As docs/regions.md says it.
        try FileManager.default.moveItem(
            atPath: directory.path + "/mirror/equivocation",
            toPath: directory.path + "/mirror/equivocation.1"
        )
        try await following(log, size: 600) { _, follower in await wait(follower) { $0.entries == 600 } }
        #expect(try directory.read("mirror/equivocation.1/known") == log.note(400))
    }
}
