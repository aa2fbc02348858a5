// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import DequeModule
import Dispatch
import Synchronization

/// A bounded queue whose items are worked off by at most a fixed number of threads of its own.
///
/// A worker is started for an item when fewer than the maximum run, and leaves when the queue is empty, so waiting
/// items cost no thread and nothing here ever blocks a caller.
final class WorkQueue<Item: Sendable>: Sendable {
    enum Admission {
        case accepted, full, closed
    }

    private struct State {
        var items = Deque<Item>()
        var workers = 0
        var isClosed = false
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let start: Catalog.Runner
    private let workerLimit: Int
    private let itemLimit: Int

    /// `runner` starts the workers; nil for threads of the queue's own.
    init(label: String, workerLimit: Int, itemLimit: Int, runner: Catalog.Runner?) {
        precondition(workerLimit > 0 && itemLimit > 0)
        if let runner {
            start = runner
        } else {
            let threads = DispatchQueue(label: label, qos: .userInitiated, attributes: .concurrent)
            start = { work in threads.async(execute: work) }
        }
        self.workerLimit = workerLimit
        self.itemLimit = itemLimit
    }

    var depth: Int { state.withLock { $0.items.count } }

    /// Queues an item. When a worker has to be started, `work` is its body: it calls `next()` until that is nil.
    func push(_ item: Item, work: @escaping @Sendable () -> Void) -> Admission {
        let (admission, starts) = state.withLock { state -> (Admission, Bool) in
            guard !state.isClosed else { return (.closed, false) }
            guard state.items.count < itemLimit else { return (.full, false) }
            state.items.append(item)
            guard state.workers < workerLimit else { return (.accepted, false) }
            state.workers += 1
            return (.accepted, true)
        }
        if starts { start(work) }
        return admission
    }

    /// The next item for a worker; nil ends the worker: it must return without another call.
    func next() -> Item? {
        let (item, waiters) = state.withLock { state -> (Item?, [CheckedContinuation<Void, Never>]) in
            if let item = state.items.popFirst() { return (item, []) }
            state.workers -= 1
            guard state.workers == 0, state.isClosed else { return (nil, []) }
            defer { state.idleWaiters = [] }
            return (nil, state.idleWaiters)
        }
        for waiter in waiters { waiter.resume() }
        return item
    }

    /// The next item if one waits. The worker goes on either way.
    func nextIfPresent() -> Item? {
        state.withLock { $0.items.popFirst() }
    }

    /// Accepts nothing more and returns once every accepted item has been worked off. May be called again.
    func close() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                state.isClosed = true
                if state.workers == 0 { return true }
                state.idleWaiters.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
