// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What became of one check.
enum Outcome: Sendable {
    case passed
    case failed(CheckFailure)
    /// A step before the check's own question failed.
    case blocked(SetupFailure)
    case notApplicable(String)

    var name: String {
        switch self {
        case .passed: "passed"
        case .failed: "failed"
        case .blocked: "blocked"
        case .notApplicable: "not applicable"
        }
    }

    var isPassed: Bool {
        if case .passed = self { true } else { false }
    }
}

/// A check and what became of it.
struct CheckResult: Sendable {
    let check: Check
    let outcome: Outcome
    let duration: Duration
}

/// Runs checks, several at once, and gives the results in the order of the checks.
struct Runner: Sendable {
    let prefix: String
    let seed: UInt64
    let jobs: Int
    let transport: Transport
    /// Called after each check, from one task.
    let progress: @Sendable (CheckResult) -> Void

    func run(_ checks: [Check]) async -> [CheckResult] {
        let shared = SharedContent()
        var results: [Int: CheckResult] = [:]
        await withTaskGroup(of: (Int, CheckResult).self) { group in
            var waiting = Array(checks.enumerated())[...]
            func start() {
                guard let (index, check) = waiting.popFirst() else { return }
                group.addTask { (index, await run(check, shared)) }
            }
            for _ in 0..<jobs { start() }
            for await (index, result) in group {
                results[index] = result
                progress(result)
                start()
            }
        }
        return checks.indices.compactMap { results[$0] }
    }

    private func run(_ check: Check, _ shared: SharedContent) async -> CheckResult {
        let session = Session(name: check.id, prefix: prefix, seed: seed, transport: transport, shared: shared)
        let clock = ContinuousClock()
        let start = clock.now
        let outcome: Outcome
        do {
            try await check.body(session)
            outcome = .passed
        } catch let failure as CheckFailure {
            outcome = .failed(failure)
        } catch let failure as SetupFailure {
            outcome = .blocked(failure)
        } catch let exemption as NotApplicable {
            outcome = .notApplicable(exemption.reason)
        } catch {
            outcome = .failed(CheckFailure(expected: check.claim, received: "\(error)", response: nil))
        }
        return CheckResult(check: check, outcome: outcome, duration: clock.now - start)
    }
}
