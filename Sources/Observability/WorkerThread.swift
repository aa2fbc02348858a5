// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// A thread of the system that takes no signals: those are for the threads that wait for them, and a
/// closed pipe shows as an error of the call.
enum WorkerThread {
    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Starts a detached thread.
    ///
    /// - Returns: Whether the system gave one.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        // Safety: one reference is handed over, and taken by the thread if and only if it came to be.
        let start = unsafe Unmanaged.passRetained(Start(body))
        var thread = pthread_t()
        let error = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                var signals = sigset_t()
                unsafe sigfillset(&signals)
                unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
                start.body()
                return nil
            },
            start.toOpaque()
        )
        guard error == 0 else {
            unsafe start.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
