// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Logging
import Observability
import ServiceLifecycle
import Synchronization
import Testing
import Tracing

/// A receiver of telemetry whose answers a test decides.
private final class Receiver: Sendable {
    struct Unreachable: Error {}

    private struct State {
        var script: [Int?] = []
        var seen: [(url: String, body: [UInt8], headers: [String: String])] = []
        var pauses: [Duration] = []
    }

    private let state = Mutex(State())
    let isHanging = Mutex(false)
    private let arrivals = AsyncStream.makeStream(of: Void.self)

    /// `script` is what the first requests for spans are answered with, nil for no answer; all others are taken.
    init(_ script: [Int?] = []) { state.withLock { $0.script = script } }

    var seen: [(url: String, body: [UInt8], headers: [String: String])] { state.withLock { $0.seen } }
    var pauses: [Duration] { state.withLock { $0.pauses } }

    var transport: TelemetryTransport {
        TelemetryTransport { [self] request in
            let status = state.withLock { state -> Int? in
                let headers = Dictionary(request.headers.map { ($0, $1.reveal()) }) { $1 }
                state.seen.append((request.url, request.body, headers))
                guard request.url.hasSuffix("traces"), !state.script.isEmpty else { return 200 }
                return state.script.removeFirst()
            }
            // Read before the test hears of the request, and may change it.
            let hangs = isHanging.withLock { $0 }
            arrivals.continuation.yield()
            if hangs { try await Self.forEver() }
            guard let status else { throw Unreachable() }
            return TelemetryTransport.Answer(status: status, retryAfter: status == 429 ? 7 : nil)
        }
    }

    /// Waits between attempts pass at once; the turns of the exporter never come by themselves.
    var environment: TelemetryExporter.Environment {
        TelemetryExporter.Environment(
            now: { 1 },
            sleep: { [self] duration in
                if duration == .milliseconds(1_500) || duration == .seconds(1_234) { try await Self.forEver() }
                state.withLock { $0.pauses.append(duration) }
                if duration == .seconds(5) { try await Self.forEver() }
            },
            random: { _ in 0 },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Until the task is cancelled.
    private static func forEver() async throws {
        for await _ in AsyncStream<Never>.makeStream().stream {}
        throw CancellationError()
    }

    func requests(_ count: Int) async {
        var stream = arrivals.stream.makeAsyncIterator()
        for _ in 0..<count { _ = await stream.next() }
    }
}

@Suite(.timeLimit(.minutes(1))) struct TelemetryExporterTests {
    private let registry = PrometheusRegistry()
    private let queue = SpanQueue(capacity: 1_000)

    private func end(_ count: Int) {
        let tracer = SamplingTracer(sampler: HeadSampler(rate: 1), queue: queue, random: RandomBits(seed: 1))
        for number in 0..<count { tracer.startSpan("\(number)", context: .topLevel).end() }
    }

    /// Runs the exporter until `body` is done, then shuts it down.
    private func exporting(
        to receiver: Receiver,
        compresses: Bool = false,
        _ body: () async throws -> Void
    ) async throws {
        let exporter = TelemetryExporter(
            TelemetryExporter.Options(
                endpoint: "http://r",
                headers: [("x-key", Secret("k"))],
                metricsEvery: .seconds(1_234),
                compresses: compresses
            ),
            OTLP.resource,
            queue: queue,
            registry: registry,
            transport: receiver.transport,
            environment: receiver.environment
        )
        let group = ServiceGroup(
            services: [exporter],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let task = Task { try await group.run() }
        try await body()
        await group.triggerGracefulShutdown()
        try await task.value
    }

    private func value(_ name: String, _ labels: [String: String] = [:]) throws -> Double? {
        let families = try ExpositionParser.parse(registry.render(.text), .text)
        return families.flatMap(\.samples).first { $0.name == name && $0.labels == labels }?.value
    }

    private func dropped(_ reason: String) throws -> Double? {
        try value("cairn_telemetry_dropped_total", ["signal": "spans", "reason": reason])
    }

    @Test func deliversInBatchesAndTheRestAtTheEnd() async throws {
        let receiver = Receiver()
        try await exporting(to: receiver) {
            end(600)
            await receiver.requests(2)
            end(10)
        }
        let seen = receiver.seen
        let counts = try seen.filter { $0.url == "http://r/v1/traces" }.map { request in
            try (OTLP.value(request.body, "resourceSpans", 0, "scopeSpans", 0, "spans") as? [Any])?.count
        }
        #expect(counts.first == 512 && counts.compactMap { $0 }.reduce(0, +) == 610)
        #expect(seen.last?.url == "http://r/v1/metrics", "the last values are sent")
        #expect(seen.allSatisfy { $0.headers["x-key"] == "k" && $0.headers["Content-Type"] == "application/json" })
        #expect(try value("cairn_telemetry_spans_total") == 610)
    }

    @Test func triesAgainWhereTheReceiverIsBusyOrAway() async throws {
        let receiver = Receiver([503, nil, 429, 502, 200])
        try await exporting(to: receiver) {
            end(512)
            await receiver.requests(5)
        }
        #expect(receiver.pauses.prefix(4) == [.seconds(1), .seconds(2), .seconds(7), .seconds(8)])
        #expect(try dropped("unreachable") == 0 && dropped("refused") == 0)
        let bodies = receiver.seen.prefix(5).map(\.body)
        #expect(Set(bodies).count == 1, "it is the same spans each time")
    }

    @Test func givesUpInTheEnd() async throws {
        // Twice: where the end comes while the sixth answer is looked at, all is tried again, and given up again.
        let receiver = Receiver(Array(repeating: 503, count: 12))
        try await exporting(to: receiver) {
            end(512)
            // After 1 + 2 + 4 + 8 + 16 s of pauses the next would be beyond a minute.
            await receiver.requests(6)
        }
        #expect(try dropped("unreachable") == 512)
    }

    @Test func whatIsRefusedIsNotSentAgain() async throws {
        let receiver = Receiver([400])
        try await exporting(to: receiver) {
            end(512)
            await receiver.requests(1)
        }
        #expect(try dropped("refused") == 512)
        #expect(receiver.seen.count { $0.url.hasSuffix("traces") } == 1)
    }

    @Test func aReceiverThatHangsCostsTheOldest() async throws {
        let receiver = Receiver()
        receiver.isHanging.withLock { $0 = true }
        try await exporting(to: receiver) {
            end(512)
            await receiver.requests(1)
            end(5_000)
            #expect(queue.count == 1_000)
            receiver.isHanging.withLock { $0 = false }
        }
        // Those in flight come back, and are the oldest.
        #expect(try dropped("full") == 4_512)
        #expect(queue.count == 0)
    }

    @Test func bodiesCanBeCompressed() async throws {
        let receiver = Receiver()
        try await exporting(to: receiver, compresses: true) {
            end(512)
            await receiver.requests(1)
        }
        let request = try #require(receiver.seen.first)
        #expect(request.headers["Content-Encoding"] == "gzip" && request.body.prefix(2) == [0x1f, 0x8b])
        #expect(request.body.count < 512 * 100)
    }
}
