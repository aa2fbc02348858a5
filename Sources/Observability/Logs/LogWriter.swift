// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Dispatch
internal import Glibc
internal import Synchronization

/// Takes whole lines from any thread and writes them on one of its own, so that a slow terminal, pipe or disk holds up
/// no request.
///
/// The lines that wait are bounded: when they are too many, new ones are dropped and counted, and a notice stands in
/// their place. Lines keep their order. A line of up to `PIPE_BUF` bytes is never split over two `write` calls, so that
/// writers who share a pipe do not interleave; several short lines that wait share one call.
///
/// The thread holds the writer until `close`.
package final class LogWriter: Sendable {
    private struct Waiter {
        var target: UInt64
        var signal: DispatchSemaphore
    }

    /// What the thread does when it does not write.
    private enum Rest {
        case none
        /// It was busy a moment ago and lets lines gather: it is woken only if there are many, or somebody waits.
        case lingering
        /// It waits for a line.
        case idle
    }

    private struct State {
        /// Whole lines with their ends.
        var pending: [UInt8] = []
        /// Lines taken, and lines that the thread is done with.
        var taken: UInt64 = 0
        var done: UInt64 = 0
        /// Since the last notice.
        var dropped = 0
        /// Of all time: dropped, or refused by the descriptor.
        var lost = 0
        var rest = Rest.none
        var isClosing = false
        /// The thread is gone, or never came to be: lines are written by those who bring them.
        var isClosed = false
        var waiters: [Waiter] = []
    }

    /// Bytes that a pipe takes whole or not at all (POSIX `PIPE_BUF` on Linux).
    static let atomicBytes = 4096
    /// How long lines may gather under load, so that not each of them wakes the thread.
    private static let linger = DispatchTimeInterval.milliseconds(5)
    /// What a longer limit of `flush` or `close` is taken for.
    private static let longestWait = Duration.seconds(3600)

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let descriptor: Int32
    private let limits: LogLimits
    private let notice: @Sendable (Int) -> [UInt8]

    /// - Parameters:
    ///   - descriptor: Stays the caller's and must outlive the writer.
    ///   - limits: How much may wait.
    ///   - notice: Makes the line that says how many were dropped.
    init(descriptor: Int32, limits: LogLimits, notice: @escaping @Sendable (Int) -> [UInt8]) {
        self.descriptor = descriptor
        self.limits = limits
        self.notice = notice
        if !WorkerThread.start({ self.run() }) {
            state.withLock { $0.isClosed = true }
        }
    }

    /// Lines that were dropped or that the descriptor refused, ever.
    package var lostLines: Int { state.withLock { $0.lost } }

    /// Takes a line with its end. Returns at once, except after `close`, when the caller writes.
    func write(_ line: [UInt8]) {
        enum Outcome { case taken, wake, direct }
        let outcome: Outcome = state.withLock { state in
            if state.isClosed { return .direct }
            guard state.pending.count + line.count <= limits.queueBytes else {
                state.dropped += 1
                state.lost += 1
                return .taken
            }
            state.pending += line
            state.taken += 1
            let isMuch = state.pending.count > limits.queueBytes / 4
            return Self.mustWake(&state, isUrgent: isMuch) ? .wake : .taken
        }
        switch outcome {
        case .taken: break
        case .wake: wake.signal()
        case .direct: put(line)
        }
    }

    /// Waits until every line that was taken before is written, or the time is over. Blocks the calling thread, so it
    /// is for the end of the program and for tests.
    ///
    /// - Returns: Whether all was written.
    @discardableResult
    package func flush(within limit: Duration) -> Bool {
        wait(within: limit) { state in state.done == state.taken ? nil : state.taken }
    }

    /// Flushes and ends the thread. Lines that come later are written by those who bring them.
    ///
    /// - Returns: Whether all was written in time.
    @discardableResult
    package func close(within limit: Duration) -> Bool {
        let mustWake = state.withLock { state in
            state.isClosing = true
            return Self.mustWake(&state, isUrgent: true)
        }
        if mustWake { wake.signal() }
        return wait(within: limit) { _ in .max }
    }

    /// Waits until the thread is done with the line of this number; `.max` stands for its end.
    private func wait(within limit: Duration, for target: (State) -> UInt64?) -> Bool {
        let signal = DispatchSemaphore(value: 0)
        let (mustWait, mustWake) = state.withLock { state in
            guard !state.isClosed, let target = target(state) else { return (false, false) }
            state.waiters.append(Waiter(target: target, signal: signal))
            return (true, Self.mustWake(&state, isUrgent: true))
        }
        if !mustWait { return true }
        if mustWake { wake.signal() }
        let parts = min(limit, Self.longestWait).components
        let nanoseconds = Int(parts.seconds) * 1_000_000_000 + Int(parts.attoseconds / 1_000_000_000)
        if signal.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success { return true }
        return state.withLock { state in
            let count = state.waiters.count
            state.waiters.removeAll { $0.signal === signal }
            // Not there any more: the thread came just now.
            return state.waiters.count == count
        }
    }

    /// Has the program's normal end, by `exit` or by the return of its main function, wait for the lines, for at most
    /// two seconds.
    package func flushAtExit() {
        Self.flushedAtExit.withLock { $0.append(self) }
        Self.registerOnce
    }

    private static let flushedAtExit = Mutex<[LogWriter]>([])
    private static let registerOnce: Void = {
        _ = atexit {
            for writer in LogWriter.flushedAtExit.withLock({ $0 }) { writer.flush(within: .seconds(2)) }
        }
    }()

    /// Whether the thread rests and has to be woken. Once only: it does not rest any more then.
    private static func mustWake(_ state: inout State, isUrgent: Bool) -> Bool {
        guard state.rest == .idle || (state.rest == .lingering && isUrgent) else { return false }
        state.rest = .none
        return true
    }

    private enum Step {
        case write(dropped: Int, upTo: UInt64)
        case rest
        case end
    }

    /// The thread.
    private func run() {
        var batch: [UInt8] = []
        while true {
            batch.removeAll(keepingCapacity: true)
            switch state.withLock({ Self.next(&$0, &batch) }) {
            case .write(let dropped, let upTo):
                putAll(batch)
                if dropped > 0 { put(notice(dropped)) }
                finished(upTo)
                if state.withLock({ Self.mayLinger(&$0) }) { _ = wake.wait(timeout: .now() + Self.linger) }
            case .rest:
                wake.wait()
            case .end:
                finished(.max)
                return
            }
        }
    }

    private static func next(_ state: inout State, _ batch: inout [UInt8]) -> Step {
        if !state.pending.isEmpty || state.dropped > 0 {
            swap(&batch, &state.pending)
            state.rest = .none
            defer { state.dropped = 0 }
            return .write(dropped: state.dropped, upTo: state.taken)
        }
        if state.isClosing {
            state.isClosed = true
            return .end
        }
        state.rest = .idle
        return .rest
    }

    private static func mayLinger(_ state: inout State) -> Bool {
        guard state.waiters.isEmpty, !state.isClosing, state.pending.isEmpty else { return false }
        state.rest = .lingering
        return true
    }

    private func finished(_ upTo: UInt64) {
        let ready = state.withLock { state in
            state.done = min(upTo, state.taken)
            let ready = state.waiters.filter { $0.target <= upTo }
            state.waiters.removeAll { $0.target <= upTo }
            return ready
        }
        for waiter in ready { waiter.signal.signal() }
    }

    /// Writes lines in portions that end with a line and fit into `atomicBytes`, a longer line on its own.
    private func putAll(_ lines: [UInt8]) {
        var start = 0
        while start < lines.count {
            var end = min(start + Self.atomicBytes, lines.count)
            if end < lines.count {
                let newline = UInt8(ascii: "\n")
                if let last = lines[start..<end].lastIndex(of: newline) {
                    end = last + 1
                } else {
                    end = lines[end...].firstIndex(of: newline).map { $0 + 1 } ?? lines.count
                }
            }
            put(lines[start..<end])
            start = end
        }
    }

    /// One `write`, gone on with where it stopped. A descriptor that refuses loses these lines.
    private func put(_ lines: some Collection<UInt8>) {
        let isWritten = lines.withContiguousStorageIfAvailable { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = unsafe Glibc.write(
                    descriptor,
                    bytes.baseAddress?.advanced(by: offset),
                    bytes.count - offset
                )
                if count >= 0 {
                    offset += count
                } else if errno == EAGAIN {
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    unsafe _ = poll(&wanted, 1, -1)
                } else if errno != EINTR {
                    return false
                }
            }
            return true
        }
        guard isWritten != true else { return }
        let count = lines.count { $0 == UInt8(ascii: "\n") }
        state.withLock { $0.lost += count }
    }
}
