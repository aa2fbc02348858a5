// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// Runs work that may hang in the kernel, and gives up waiting for it at a deadline. The work itself cannot be ended:
/// while some of it hangs, `isStuck` says so, and nothing more should be begun.
final class Deadline: Sendable {
    private let hanging = Mutex(0)
    private let sleep: @Sendable (Duration) async throws -> Void

    init(sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.sleep = sleep
    }

    /// Whether work that was given up has not come back yet.
    var isStuck: Bool { hanging.withLock { $0 > 0 } }

    /// - Throws: `ScrubError` of code `.stuck`, `CancellationError`, or the error of the work.
    func run<Value: Sendable>(
        within limit: Duration,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let outcome = Outcome<Value>()
        Task {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            if !outcome.settle(result) { self.hanging.withLock { $0 -= 1 } }
        }
        let timer = Task {
            try await self.sleep(limit)
            self.giveUp(outcome, ScrubError(.stuck, "the disk has not answered within \(limit)"))
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await outcome.value
        } onCancel: {
            giveUp(outcome, CancellationError())
        }
    }

    private func giveUp<Value>(_ outcome: Outcome<Value>, _ error: any Error) {
        hanging.withLock { count in
            if outcome.settle(.failure(error)) { count += 1 }
        }
    }
}

/// A result that is there once, and whoever waits for it.
private final class Outcome<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, any Error>)
        case settled(Result<Value, any Error>)
        case over
    }

    private let state = Mutex(State.open)

    /// False when it was settled before.
    func settle(_ result: Result<Value, any Error>) -> Bool {
        let (isFirst, waiting) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .open:
                state = .settled(result)
                return (true, nil)
            case .awaited(let continuation):
                state = .over
                return (true, continuation)
            case .settled, .over: return (false, nil)
            }
        }
        waiting?.resume(with: result)
        return isFirst
    }

    var value: Value {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Value, any Error>? in
                    guard case .settled(let result) = state else {
                        state = .awaited(continuation)
                        return nil
                    }
                    state = .over
                    return result
                }
                if let result { continuation.resume(with: result) }
            }
        }
    }
}
