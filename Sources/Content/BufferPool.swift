// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import DequeModule
internal import Synchronization

/// The memory that all uploads together may hold between the network and the disk, as a count of bytes.
///
/// First come, first served: a large request at the head is not overtaken by small ones. No deadlock is possible:
/// whoever waits here has handed everything that it gathered to the workers, who need nothing from the pool, and a
/// session that gathered bytes and now waits for its client is made to hand them over as soon as anybody waits.
final class BufferPool: Sendable {
    private struct Waiter {
        let bytes: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var free: Int {
            didSet { lowest = min(lowest, free) }
        }
        var lowest: Int
        var waiters = Deque<Waiter>()
        /// Sessions that may hold gathered bytes. Each leaves when it is reclaimed or ends.
        var parked: [UploadID: UploadSession] = [:]
    }

    let capacity: Int
    private let state: Mutex<State>
    private let limits: ContentLimits

    init(_ limits: ContentLimits) {
        capacity = limits.bufferPoolBytes
        state = Mutex(State(free: limits.bufferPoolBytes, lowest: limits.bufferPoolBytes))
        self.limits = limits
    }

    /// Bytes that are handed out now, and the most that ever were.
    var usage: (used: Int, peak: Int) { state.withLock { (capacity - $0.free, capacity - $0.lowest) } }

    /// How many wait. For tests and metrics.
    var waiting: Int { state.withLock { $0.waiters.count } }

    /// What a session should gather before it hands over: a whole batch while there is plenty, less when the pool runs
    /// low, so that many uploads share it.
    var batchTarget: Int {
        let free = state.withLock { $0.waiters.isEmpty ? $0.free : 0 }
        return min(limits.batchBytes, max(limits.minimumBatchBytes, free / 16))
    }

    /// Takes bytes if they are free and nobody came before.
    func tryTake(_ bytes: Int) -> Bool {
        state.withLock { state in
            guard state.waiters.isEmpty, state.free >= bytes else { return false }
            state.free -= bytes
            return true
        }
    }

    /// Waits its turn for bytes. The caller must hold nothing that only it can give back. Cannot be cancelled: what is
    /// waited for comes back from workers, not from clients.
    func take(_ bytes: Int) async {
        precondition(bytes <= capacity, "more than the pool can ever give")
        await withCheckedContinuation { continuation in
            let (granted, parked) = state.withLock { state -> (Bool, [UploadSession]) in
                if state.waiters.isEmpty, state.free >= bytes {
                    state.free -= bytes
                    return (true, [])
                }
                state.waiters.append(Waiter(bytes: bytes, continuation: continuation))
                let parked = Array(state.parked.values)
                state.parked = [:]
                return (false, parked)
            }
            if granted { continuation.resume() }
            for session in parked { session.handOverGathered() }
        }
    }

    func give(_ bytes: Int) {
        let served = state.withLock { state -> [Waiter] in
            state.free += bytes
            precondition(state.free <= capacity, "more was given back than was taken")
            var served: [Waiter] = []
            while let head = state.waiters.first, head.bytes <= state.free {
                state.free -= head.bytes
                served.append(state.waiters.removeFirst())
            }
            return served
        }
        for waiter in served { waiter.continuation.resume() }
    }

    /// Notes that the session keeps gathered bytes. False when somebody waits: then it has to hand them over instead.
    func park(_ session: UploadSession) -> Bool {
        state.withLock { state in
            guard state.waiters.isEmpty else { return false }
            state.parked[session.id] = session
            return true
        }
    }

    func unpark(_ id: UploadID) {
        _ = state.withLock { $0.parked.removeValue(forKey: id) }
    }
}
