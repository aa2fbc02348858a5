// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Lets one task wait until another has something for it. What was signalled before the wait counts.
struct Wakeup: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func signal() { continuation.yield() }

    /// Returns after a signal, and at the latest when `sleep` returns or the task is cancelled.
    func wait(_ sleep: @escaping @Sendable () async throws -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [stream] in for await _ in stream { return } }
            group.addTask { try? await sleep() }
            await group.next()
            group.cancelAll()
        }
    }
}
