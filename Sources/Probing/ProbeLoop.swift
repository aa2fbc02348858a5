// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import RegistryClient

/// What one or more rounds say of a region: how many samples, from which moment on.
package struct ProbeSample: Sendable, Hashable {
    package let target: String
    package let isGood: Bool
    /// Seconds since 1970 of the first one.
    package let at: Int64
    /// A round that takes longer than the space between two stands for those that it held up.
    package let count: Int64
    /// Seconds from one to the next.
    package let every: Int64
}

/// Probes one registry again and again.
package struct ProbeLoop: Sendable {
    package struct Environment: Sendable {
        package var prober: Prober.Environment
        /// Seconds since 1970.
        package var wall: @Sendable () -> Int64
        package var sleep: @Sendable (Duration) async throws -> Void

        package init(
            prober: Prober.Environment,
            wall: @escaping @Sendable () -> Int64,
            sleep: @escaping @Sendable (Duration) async throws -> Void
        ) {
            self.prober = prober
            self.wall = wall
            self.sleep = sleep
        }
    }

    private let target: ProbeTarget
    private let every: Int64
    private let pushEvery: Int64
    private let environment: Environment

    /// - Parameters:
    ///   - target: Which registry.
    ///   - every: Seconds from the begin of a round to that of the next.
    ///   - pushEvery: Seconds from one canary to the next.
    ///   - environment: Clocks and chance.
    package init(_ target: ProbeTarget, every: Int64, pushEvery: Int64, _ environment: Environment) {
        precondition(ProbeLimits.every.contains(every) && ProbeLimits.pushEvery.contains(pushEvery))
        self.target = target
        self.every = every
        self.pushEvery = pushEvery
        self.environment = environment
    }

    /// How many samples a round stands for that took so long from its turn on: one, or as many as had their turns
    /// while it went on. The last turn that has come is the next round's.
    package static func samples(nanoseconds: UInt64, every: Int64) -> Int64 {
        min(max(1, Int64(nanoseconds / 1_000_000_000) / every), ProbeLimits.samplesOfRound)
    }

    /// Until the task is cancelled.
    ///
    /// - Parameter note: Takes what each round says. A round that the end of the process cut off says nothing.
    package func run(_ note: @Sendable (ProbeSample, ProbeReport) async -> Void) async {
        let prober = Prober(environment.prober)
        var canary: Canary?
        var pushedAt: UInt64?
        var isCleared = false
        var deleteRefusal: String?
        var wasAvailable = true
        let space = UInt64(every) * 1_000_000_000
        var turn = environment.prober.monotonic()
        while !Task.isCancelled {
            let (begin, at) = (environment.prober.monotonic(), environment.wall())
            // Where nothing can be pulled a push would only take the time of the next round.
            let isDue = wasAvailable && pushedAt.map { begin &- $0 >= UInt64(pushEvery) * 1_000_000_000 } ?? true
            let former = canary
            var report = await prober.round(target, &canary, pushes: isDue)
            guard !Task.isCancelled else { return }
            if canary != former || report.refusal != nil { pushedAt = begin }
            wasAvailable = report.isAvailable
            let deletion = report.steps.first { $0.step == .delete }
            if former != nil, canary != former, deletion == nil || deletion?.failure != nil { isCleared = false }
            // Deleted is seldom: that it may not be holds until it may.
            if let deletion { deleteRefusal = deletion.failure?.code == .denied ? deletion.failure?.reason : nil }
            if report.refusal == nil { report.refusal = deleteRefusal }
            let count = Self.samples(nanoseconds: environment.prober.monotonic() &- turn, every: every)
            await note(
                ProbeSample(target: target.name, isGood: report.isAvailable, at: at, count: count, every: every),
                report
            )
            if !isCleared, report.isAvailable, report.refusal == nil, let kept = canary {
                isCleared = await clear(prober, but: kept)
            }
            turn &+= UInt64(count) * space
            let now = environment.prober.monotonic()
            // Turns that came since are the next round's; of a process that stood still for long nothing is known.
            if now > turn, now - turn >= UInt64(ProbeLimits.samplesOfRound) * space { turn = now }
            guard now < turn else { continue }
            do { try await environment.sleep(.nanoseconds(Int64(turn - now))) } catch { return }
        }
    }

    /// Deletes what runs and rounds before this one have left.
    private func clear(_ prober: Prober, but kept: Canary) async -> Bool {
        do throws(ClientError) {
            try await prober.clearLeftovers(target, but: kept)
            return true
        } catch {
            return error.code == .denied
        }
    }
}
