// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Cryptography
import Glibc
import OCI
import Probing
import RegistryClient
import Synchronization
import TestSupport
import Testing
import Transparency

/// The prober at a real registry.
@Suite struct ProberTests {
    /// Clocks that a test moves, and bytes that are never the same twice.
    private final class World: Sendable {
        let nanoseconds = Mutex<UInt64>(1)
        let wall = Mutex<Int64>(1_700_000_000)
        private let seed = Mutex<UInt8>(0)

        var environment: Prober.Environment {
            Prober.Environment(monotonic: { [self] in nanoseconds.withLock { $0 } }) { [self] count in
                let first = seed.withLock { seed in
                    seed &+= 1
                    return seed
                }
                return (0..<count).map { first ^ UInt8(truncatingIfNeeded: $0) }
            }
        }
    }

    /// A port of loopback that nobody else gets, and where nobody listens.
    private final class HeldPort {
        private let descriptor: Int32
        let port: Int

        init() throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isHeld = withUnsafeMutablePointer(to: &address) { [descriptor] pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
                }
            }
            port = Int(UInt16(bigEndian: address.sin_port))
            try #require(isHeld)
        }

        deinit { close(descriptor) }
    }

    private static func target(
        _ port: Int,
        pushes: Bool = true,
        name: String = "eu",
        logKeys: [NoteVerifier] = []
    ) throws -> ProbeTarget {
        ProbeTarget(
            name: name,
            origin: try Origin(parsing: "127.0.0.1:\(port)", tls: .nowhere),
            repository: pushes ? RepositoryName("cairn-canary/eu") : nil,
            credentials: try CredentialSource(given: nil, environment: [:]),
            logKeys: { logKeys },
            // A busy machine does not reach it.
            milliseconds: 30_000
        )
    }

    private static func tags(_ server: TestServer) async throws -> [OCI.Tag] {
        let name = try #require(RepositoryName("cairn-canary/eu"))
        return try await server.store.catalog.tags(in: name, after: nil, limit: 10) ?? []
    }

    @Test func aRoundPushesPullsAndDeletesTheFormerOne() async throws {
        try await TestServer.with { server in
            let (prober, target) = (Prober(World().environment), try Self.target(server.port))
            var canary: Canary?
            let first = await prober.round(target, &canary, pushes: true)
            #expect(first.isAvailable && first.failure == nil, "\(first.steps)")
            #expect(first.steps.map(\.step) == [.pushBlobs, .pushManifest, .pullTag, .pullDigest, .pullBlobs])
            let kept = try #require(canary)
            let second = await prober.round(target, &canary, pushes: false)
            #expect(second.steps.map(\.step) == [.pullTag, .pullDigest, .pullBlobs])
            #expect(canary == kept, "a round between two canaries pushes nothing")
            let third = await prober.round(target, &canary, pushes: true)
            #expect(third.steps.last?.step == .delete && third.failure == nil, "\(third.steps)")
            let left = try await Self.tags(server)
            #expect(left.map(\.description) == [canary?.tag.description], "one at a time")
        }
    }

    /// What cannot be proven can be fetched all the same: that is another failure than an outage.
    @Test func aProofThatIsMissingIsNoOutage() async throws {
        try await TestServer.with { server in
            let prober = Prober(World().environment)
            let key = try NoteVerifier(
                name: KeyName(parsing: "eu.example/log"),
                key: SigningKey(seed: [UInt8](repeating: 9, count: 32)).verificationKey
            )
            let target = try Self.target(server.port, logKeys: [key])
            var canary: Canary?
            for pushes in [true, false] {
                let report = await prober.round(target, &canary, pushes: pushes)
                #expect(report.steps.last?.step == .prove && report.failure?.step == .prove, "\(report.steps)")
                #expect(report.failure?.failure?.code == .policy, "this registry keeps no log")
                #expect(report.isAvailable && report.refusal == nil)
            }
        }
    }

    @Test func whatARunLeftGoesWithTheNext() async throws {
        try await TestServer.with { server in
            let (prober, target) = (Prober(World().environment), try Self.target(server.port))
            var (old, new): (Canary?, Canary?)
            _ = await prober.round(target, &old, pushes: true)
            _ = await prober.round(target, &new, pushes: true)
            try await prober.clearLeftovers(target, but: try #require(new))
            let left = try await Self.tags(server)
            #expect(left.map(\.description) == [new?.tag.description])
        }
    }

    /// Regions follow one another: the canaries of all targets of a prober meet in one repository.
    @Test func theCanariesOfOtherTargetsAreLeftAlone() async throws {
        try await TestServer.with { server in
            let prober = Prober(World().environment)
            var canaries: [String: Canary] = [:]
            for name in ["eu", "eu-west", "us"] {
                var canary: Canary?
                _ = await prober.round(try Self.target(server.port, name: name), &canary, pushes: true)
                let kept = try #require(canary)
                canaries[name] = kept
            }
            for name in ["eu", "us"] {
                let kept = try #require(canaries[name])
                try await prober.clearLeftovers(try Self.target(server.port, name: name), but: kept)
            }
            let left = try await Self.tags(server)
            #expect(Set(left) == Set(canaries.values.map(\.tag)))
        }
    }

    @Test func aRegistryThatIsGoneIsNotAvailable() async throws {
        let prober = Prober(World().environment)
        let held = try HeldPort()
        defer { withExtendedLifetime(held) {} }
        var canary: Canary?
        for pushes in [true, false] {
            let report = await prober.round(try Self.target(held.port, pushes: pushes), &canary, pushes: true)
            #expect(!report.isAvailable)
            #expect(report.failure?.failure?.code == .network)
            #expect(report.refusal == nil)
        }
    }

    /// One step is enough to know it, so that the next round asks soon.
    @Test func aRegistryThatIsGoneIsNotWaitedForByEachStep() async throws {
        let prober = Prober(World().environment)
        let held = try HeldPort()
        defer { withExtendedLifetime(held) {} }
        try await TestServer.with { server in
            var canary: Canary?
            _ = await prober.round(try Self.target(server.port), &canary, pushes: true)
            let kept = try #require(canary)
            let report = await prober.round(try Self.target(held.port), &canary, pushes: false)
            #expect(report.steps.map(\.step) == [.pullTag])
            #expect(!report.isAvailable && canary == kept)
        }
    }

    /// Its canary was deleted by somebody: that is an image that cannot be had, once.
    @Test func aCanaryThatIsGoneIsMissedAndPushedAgain() async throws {
        try await TestServer.with { server in
            let (prober, target) = (Prober(World().environment), try Self.target(server.port))
            var canary: Canary?
            _ = await prober.round(target, &canary, pushes: true)
            let first = try #require(canary)
            var report = ProbeReport(target: "eu")
            await prober.end(first, at: target, &report)
            let missed = await prober.round(target, &canary, pushes: false)
            #expect(!missed.isAvailable && canary == nil)
            let again = await prober.round(target, &canary, pushes: false)
            #expect(again.isAvailable && canary != nil)
        }
    }

    @Test func whoPushesNothingKnocks() async throws {
        try await TestServer.with { server in
            var canary: Canary?
            let target = try Self.target(server.port, pushes: false)
            let report = await Prober(World().environment).round(target, &canary, pushes: true)
            #expect(report.isAvailable && report.steps.map(\.step) == [.knock])
        }
    }

    @Test func aSlowRoundStandsForThoseThatItHeldUp() {
        #expect(ProbeLoop.samples(nanoseconds: 900_000_000, every: 1) == 1)
        #expect(ProbeLoop.samples(nanoseconds: 10_500_000_000, every: 1) == 10)
        #expect(ProbeLoop.samples(nanoseconds: 1_010_000_000, every: 1) == 1)
        #expect(ProbeLoop.samples(nanoseconds: 10_500_000_000, every: 30) == 1)
        #expect(ProbeLoop.samples(nanoseconds: .max, every: 1) == ProbeLimits.samplesOfRound)
    }

    /// In an outage in which each step takes long, each turn counts once.
    @Test func eachTurnCountsOnce() async throws {
        let world = World()
        let held = try HeldPort()
        defer { withExtendedLifetime(held) {} }
        let start = world.nanoseconds.withLock { $0 }
        let clock: @Sendable () -> UInt64 = {
            world.nanoseconds.withLock { now in
                now += 350_000_000
                return now
            }
        }
        let environment = ProbeLoop.Environment(
            prober: Prober.Environment(monotonic: clock, randomBytes: world.environment.randomBytes),
            wall: { world.wall.withLock { $0 } },
            sleep: { _ in Issue.record("a round that took longer than a turn is followed at once") }
        )
        let loop = ProbeLoop(try Self.target(held.port), every: 1, pushEvery: 15, environment)
        let seen = Mutex<[(turns: Int64, seconds: Int64)]>([])
        let running = Task {
            await loop.run { sample, _ in
                let seconds = Int64(world.nanoseconds.withLock { $0 } - start) / 1_000_000_000
                let isEnough = seen.withLock { seen in
                    seen.append(((seen.last?.turns ?? 0) + sample.count, seconds))
                    return seen.count == 20
                }
                if isEnough { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await running.value
        for round in seen.withLock({ $0 }) { #expect(abs(round.turns - round.seconds) <= 1, "\(round)") }
        #expect(seen.withLock { $0.count } == 20)
    }

    /// A canary each five minutes, and rounds that pull it in between; the loop ends with its task.
    @Test func theLoopKeepsToItsTimes() async throws {
        try await TestServer.with { server in
            let world = World()
            let samples = Mutex<[(ProbeSample, [ProbeStep])]>([])
            let environment = ProbeLoop.Environment(
                prober: world.environment,
                wall: { world.wall.withLock { $0 } },
                sleep: { duration in
                    let seconds = duration.components.seconds
                    world.nanoseconds.withLock { $0 += UInt64(seconds) * 1_000_000_000 }
                    world.wall.withLock { $0 += seconds }
                    if samples.withLock({ $0.count }) == 12 { throw CancellationError() }
                }
            )
            let loop = ProbeLoop(try Self.target(server.port), every: 30, pushEvery: 300, environment)
            await loop.run { sample, report in
                samples.withLock { $0.append((sample, report.steps.map(\.step))) }
            }
            let seen = samples.withLock { $0 }
            #expect(seen.allSatisfy { $0.0.isGood && $0.0.count == 1 })
            #expect(seen.map(\.0.at) == (0..<12).map { 1_700_000_000 + 30 * $0 })
            let pushes = seen.indices.filter { seen[$0].1.contains(.pushManifest) }
            #expect(pushes == [0, 10])
        }
    }
}
