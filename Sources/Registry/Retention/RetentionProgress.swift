// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// How far the run that is being worked on has come: for those who wait for it.
package final class RetentionProgress: Sendable {
    package enum Work: String, Sendable {
        case planning, applying, restoring
    }

    package struct State: Sendable, Hashable {
        package var run: Int64
        package var work: Work
        /// Decisions that were made, carried out or undone, and how many there are; nil while that is not known.
        package var done: Int64 = 0
        package var total: Int64?
    }

    private let state = Mutex<State?>(nil)

    package init() {}

    package var current: State? { state.withLock { $0 } }

    func begin(_ work: Work, of run: Int64, total: Int64? = nil) {
        state.withLock { $0 = State(run: run, work: work, total: total) }
    }

    func advance(to done: Int64) { state.withLock { $0?.done = done } }

    func advance(by count: Int) { state.withLock { $0?.done += Int64(count) } }

    func end() { state.withLock { $0 = nil } }
}
