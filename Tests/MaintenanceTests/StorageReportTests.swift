// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Maintenance
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

@Suite("What uses the disk")
struct StorageReportTests {
    @Test("every byte is counted once, under what keeps it")
    func categories() async throws {
        try await CollectorFixture.with { fixture in
            let store = fixture.store
            try await store.putImage(seed: 1)
            let trashed = try await store.putImage(seed: 2)
            try await store.delete(.digest(trashed))
            try await store.push(Sample.bytes(500, seed: 3))
            let orphan = Sample.bytes(600, seed: 4)
            try await store.content.put(orphan, digest: Sample.digest(orphan)) {}
            let session = try await store.startUpload()
            let claim = try store.registry.claim(session)
            try await claim.append(ByteBuffer(bytes: Sample.bytes(700)))
            _ = try await claim.flush()
            claim.release()
            let report = try await StorageReport.measure(store.content, store.catalog)
            #expect(report.categories.live.blobs == 3)
            #expect(report.categories.trashed.blobs == 2, "the config is that of both images")
            #expect(report.categories.leased == StorageSum(blobs: 1, bytes: 500))
            #expect(report.orphans == StorageSum(blobs: 1, bytes: 600))
            #expect(report.uploads == StorageSum(blobs: 1, bytes: 700))
            #expect(report.quarantined == StorageSum())
            let categories = report.categories
            let rows = categories.live.bytes + categories.trashed.bytes + categories.leased.bytes
            #expect(report.bytes == rows + 600 + 700)
        }
    }
}
