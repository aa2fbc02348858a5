// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The port that the server listens on, once it does.
final class ListeningPort: Sendable {
    private let stream: AsyncStream<Int>
    private let continuation: AsyncStream<Int>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func set(_ port: Int) { continuation.yield(port) }

    /// Waits until the server listens; nil where the task is cancelled before. One waits at a time.
    func value() async -> Int? {
        var ports = stream.makeAsyncIterator()
        return await ports.next()
    }
}
