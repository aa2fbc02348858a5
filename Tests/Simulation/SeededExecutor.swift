// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Runs everything on one thread, one step at a time: which of the steps that could go on does so is thrown for.
///
/// A step is a part of a task between two suspensions, or one turn of what a file thread, the writer or a reader would
/// run. Tasks come here by their executor preference, and their children inherit it.
final class SeededExecutor: TaskExecutor {
    private enum Step {
        case job(UnownedJob)
        case work(@Sendable () -> Void)
    }

    private let ready = Mutex<[Step]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        ready.withLock { $0.append(.job(job)) }
    }

    func run(_ work: @escaping @Sendable () -> Void) {
        ready.withLock { $0.append(.work(work)) }
    }

    /// Runs the step that is chosen, of so many. False when there is none: everybody waits.
    func step(choosing choose: (Int) -> Int) -> Bool {
        let chosen: Step? = ready.withLock { ready in
            guard !ready.isEmpty else { return nil }
            ready.swapAt(choose(ready.count), ready.count - 1)
            return ready.removeLast()
        }
        switch chosen {
        case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
        case .work(let work): work()
        case nil: return false
        }
        return true
    }
}
