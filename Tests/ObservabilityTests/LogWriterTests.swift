// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Foundation
import Logging
import Observability
import Synchronization
import Testing

struct LogWriterTests {
    private func output(_ descriptor: Int32, queueBytes: Int = 1 << 20) -> (LogOutput, Logger) {
        var limits = LogLimits()
        limits.queueBytes = queueBytes
        let output = LogOutput(format: .json, descriptor: descriptor, limits: limits)
        return (output, Logger(label: "test") { output.handler(label: $0, metadataProvider: nil) })
    }

    @Test func keepsTheOrder() throws {
        let lines = try PipeReader.lines(.json) { output in
            let logger = Logger(label: "test") { output.handler(label: $0, metadataProvider: nil) }
            for number in 0..<300 { logger.info("\(number)") }
        }
        #expect(lines.enumerated().allSatisfy { $1.contains("\"message\":\"\($0)\"") })
        #expect(lines.count == 300)
    }

    @Test func flushWaitsForWhatCameBefore() throws {
        let reader = try PipeReader()
        let (output, logger) = output(reader.writeEnd)
        for number in 0..<20 { logger.info("\(number)") }
        #expect(output.writer.flush(within: .seconds(60)))
        logger.info("after")
        #expect(output.writer.close(within: .seconds(60)))
        close(reader.writeEnd)
        #expect(reader.readAll().split(separator: "\n").count == 21)
        #expect(output.writer.lostLines == 0)
    }

    @Test func aFullQueueDropsAndSaysSo() throws {
        let reader = try PipeReader()
        let (output, logger) = output(reader.writeEnd, queueBytes: 4096)
        // Nobody reads: the pipe's 64 KiB fill up, then the queue. No call waits.
        var written = 0
        repeat {
            for _ in 0..<20 { logger.info("\(written)") }
            written += 20
        } while output.writer.flush(within: .milliseconds(20))
        for _ in 0..<1000 { logger.info("\(written)") }
        written += 1000
        let lost = output.writer.lostLines
        #expect(lost > 0)
        let registry = PrometheusRegistry()
        registry.register(output.writer)
        let shown = try ExpositionParser.parse(registry.render(.text), .text).first {
            $0.name == "log_lines_lost_total"
        }
        #expect(shown?.samples.map(\.value) == [Double(lost)])
        let reading = reader.startReading()
        #expect(output.writer.close(within: .seconds(60)))
        close(reader.writeEnd)
        let lines = reading.lines()
        let notices = lines.filter { $0.contains("\"dropped\":") }
        #expect(lines.count - notices.count == written - lost)
        let noticed = try notices.map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(object?["dropped"] as? Int)
        }
        #expect(noticed.reduce(0, +) == lost)
    }

    @Test func aReaderThatLeftKillsNothing() throws {
        var reader: PipeReader? = try PipeReader()
        let descriptor = try #require(reader?.writeEnd)
        let (output, logger) = output(descriptor)
        reader = nil
        for _ in 0..<10 { logger.info("to nobody") }
        #expect(output.writer.close(within: .seconds(60)))
        #expect(output.writer.lostLines == 10)
        close(descriptor)
    }

    @Test func waitsForADescriptorThatDoesNotBlock() throws {
        let reader = try PipeReader()
        #expect(fcntl(reader.writeEnd, F_SETFL, O_NONBLOCK) == 0)
        let (output, logger) = output(reader.writeEnd)
        for number in 0..<3000 { logger.info("\(number)") }
        let reading = reader.startReading()
        #expect(output.writer.close(within: .seconds(60)))
        close(reader.writeEnd)
        #expect(reading.lines().count == 3000)
    }

    @Test func linesAfterTheEndAreWrittenByTheirCallers() throws {
        let reader = try PipeReader()
        let (output, logger) = output(reader.writeEnd)
        #expect(output.writer.close(within: .seconds(60)))
        #expect(output.writer.close(within: .seconds(60)))
        logger.info("late")
        close(reader.writeEnd)
        #expect(reader.readAll().contains("late"))
    }

    /// A socket that keeps the limits of each `write`, so that a line torn over two of them shows.
    @Test func linesAreNeverTorn() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        let (output, logger) = output(ends[1])
        // Nobody reads yet: the socket fills up, and many lines are written together later.
        let pad = String(repeating: "x", count: 250)
        for number in 0..<3000 {
            logger.info("m", metadata: ["pad": "\(pad.prefix(number % 251))"])
            if number == 2000 { logger.info("\(String(repeating: "long", count: 600))", metadata: Self.large) }
        }
        let written = Mutex<[[UInt8]]>([])
        let isOver = DispatchSemaphore(value: 0)
        let readEnd = ends[0]
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = read(readEnd, &buffer, buffer.count), count > 0 {
                written.withLock { $0.append(Array(buffer[..<count])) }
            }
            isOver.signal()
        }
        #expect(output.writer.close(within: .seconds(60)))
        close(ends[1])
        isOver.wait()
        close(readEnd)
        let writes = written.withLock { $0 }
        let newline = UInt8(ascii: "\n")
        #expect(writes.allSatisfy { $0.last == newline })
        #expect(writes.allSatisfy { $0.count <= 4096 || $0.count { $0 == newline } == 1 })
        #expect(writes.reduce(0) { $0 + $1.count { $0 == newline } } == 3001)
        #expect(writes.contains { $0.count > 4096 })
        #expect(writes.count < 1500)
    }

    private static let large: Logger.Metadata = Dictionary(
        uniqueKeysWithValues: (0..<16).map { ("k\($0)", .string(String(repeating: "v", count: 200))) }
    )

    @Test func takesLinesFromManyThreads() throws {
        let lines = try PipeReader.lines(.json) { output in
            let logger = Logger(label: "test") { output.handler(label: $0, metadataProvider: nil) }
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                for number in 0..<60 { logger.info("m", metadata: ["n": "\(thread) \(number)"]) }
            }
        }
        #expect(Set(lines).count == 240)
    }

    @Test func theNormalEndOfTheProgramFlushes() async throws {
        let result = try #require(
            await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
                let output = LogOutput(format: .json, descriptor: STDERR_FILENO)
                let logger = Logger(label: "test") { output.handler(label: $0, metadataProvider: nil) }
                output.writer.flushAtExit()
                for number in 0..<300 { logger.info("\(number)") }
                exit(0)
            }
        )
        let lines = result.standardErrorContent.split(separator: UInt8(ascii: "\n"))
        #expect(lines.count { $0.starts(with: Array("{\"time\"".utf8)) } == 300)
    }
}
