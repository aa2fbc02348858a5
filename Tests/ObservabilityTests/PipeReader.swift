// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Foundation
import Logging
import Observability
import Synchronization

/// The reading end of a log under test: a pipe whose writing end a `LogOutput` gets.
final class PipeReader: Sendable {
    let writeEnd: Int32
    private let readEnd: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw CocoaError(.fileReadUnknown) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
    }

    /// Everything up to the end, which comes when the writing end is closed.
    func readAll() -> String {
        var content: [UInt8] = []
        while true {
            let part = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                count = max(0, read(readEnd, buffer.baseAddress, buffer.count))
            }
            if part.isEmpty { return String(decoding: content, as: UTF8.self) }
            content += part
        }
    }

    /// Reads everything on a thread of its own, so that a test may wait for a writer that waits for a reader.
    func startReading() -> Reading {
        let reading = Reading()
        Thread.detachNewThread {
            let text = self.readAll()
            reading.text.withLock { $0 = text }
            reading.isOver.signal()
        }
        return reading
    }

    final class Reading: Sendable {
        fileprivate let text = Mutex("")
        fileprivate let isOver = DispatchSemaphore(value: 0)

        /// Waits for the end. To be called once.
        func lines() -> [Substring] {
            isOver.wait()
            return text.withLock { $0 }.split(separator: "\n")
        }
    }

    /// Runs something with an output on the pipe and gives the lines that came through.
    static func lines(
        _ format: LogFormat,
        limits: LogLimits = LogLimits(),
        _ body: (LogOutput) -> Void
    ) throws -> [String] {
        let reader = try PipeReader()
        let output = LogOutput(
            format: format,
            descriptor: reader.writeEnd,
            level: .trace,
            limits: limits,
            clock: { Timestamp(seconds: 1_790_000_000, milliseconds: 7) }
        )
        let reading = reader.startReading()
        body(output)
        output.writer.close(within: .seconds(60))
        close(reader.writeEnd)
        return reading.lines().map(String.init)
    }
}
