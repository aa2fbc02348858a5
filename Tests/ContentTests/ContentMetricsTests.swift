// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Metrics
import MetricsTestKit
import NIOCore
import OCI
import Testing

@Suite("Content metrics")
struct ContentMetricsTests {
    @Test("syncs and bytes are counted")
    func counts() async throws {
        let metrics = TestMetrics()
        try await withMetricsFactory(metrics) {
            var limits = ContentLimits()
            limits.durableBytes = 100_000
            limits.batchBytes = 100_000
            limits.minimumBatchBytes = 100_000
            try await TestStore.with(limits: limits) { test in
                let claim = try await test.claimed()
                try await claim.append(all: sample(150_000), piece: 75_000)
                _ = try await claim.flush()
                while test.durable.all.isEmpty { await Task.yield() }
                try await claim.commit(expecting: Digest.of(sample(150_000))) {}
                try await test.store.put([1, 2], digest: Digest.of([1, 2])) {}
                _ = try await test.store.startUpload()
            }
        }
        func total(_ label: String, _ kind: String? = nil) throws -> Int64 {
            try metrics.expectCounter(label, kind.map { [("kind", $0)] } ?? []).totalValue
        }
        #expect(try total("cairn_fsyncs_total", "data") == 2)
        #expect(try total("cairn_fsyncs_total", "directory") == 2)
        #expect(try total("cairn_fsyncs_total", "progress") == 1)
        #expect(try total("cairn_written_bytes_total") == 150_002)
        #expect(try total("cairn_hashed_bytes_total") == 150_002)
        #expect(try metrics.expectGauge("cairn_uploads_open").lastValue == 1)
        #expect(try #require(metrics.expectGauge("cairn_storage_free_bytes").lastValue) > 0)
    }

    /// Where it stands is told in what the file system has free, so that an alert can compare the two.
    @Test("the limit of new uploads is told, with the room of BALLAST while that is gone")
    func softLimit() async throws {
        let metrics = TestMetrics()
        let total: Int64 = 64 << 20
        let (soft, ballast) = (total / 20, total / 16)
        func limit() throws -> Double? { try metrics.expectGauge("cairn_storage_soft_limit_bytes").lastValue }
        try await withMetricsFactory(metrics) {
            let plan = FaultPlan()
            plan.setSpace(FilesystemSpace(total: total, available: total / 2))
            try await TestStore.with(plan: plan) { test in
                try await test.store.gauge.refresh()
                #expect(try limit() == Double(soft))
                plan.setSpace(FilesystemSpace(total: total, available: 1000))
                #expect(try await test.store.gauge.refresh() == .hard)
                plan.setSpace(FilesystemSpace(total: total, available: soft + ballast - 1))
                #expect(try await test.store.gauge.refresh() == .soft)
                #expect(try limit() == Double(soft + ballast))
            }
        }
    }
}
