// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Registry
import Releases
import TestSupport
import Testing
import Trust

/// What attachments say of images, as inspecting and figures read it: bounded, and once.
@Suite(.serialized, .timeLimit(.minutes(1))) struct EvidenceTests {
    /// A report with so many critical vulnerabilities.
    private static func report(critical: Int) -> [UInt8] {
        let findings = (0..<critical).map { #"{"id":"CVE-\#($0)","ratings":[{"severity":"critical"}]}"# }
        let members = #""bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"timestamp":"2026-01-01T00:00:00Z"}"#
        return Array("{\(members),\"vulnerabilities\":[\(findings.joined(separator: ","))]}".utf8)
    }

    /// An image with documents attached to it, those that are there among them.
    private static func image(
        _ seed: UInt64,
        _ documents: [[UInt8]],
        known: [[UInt8]] = [],
        _ store: TestStore
    ) async throws -> Digest {
        let layer = Sample.bytes(64, seed: seed)
        let image = try Sample.image(layers: [layer])
        for blob in [Array("{}".utf8), layer] + documents { try await store.push(blob) }
        let digest = try await store.put(image)
        for document in documents + known {
            let type = "application/vnd.cyclonedx+json"
            try await store.put(Sample.image(layers: [document], subject: image, artifactType: type))
        }
        return digest
    }

    private static func promote(_ digest: Digest, to environment: String, _ service: String, _ store: TestStore)
        async throws
    {
        let promotion = PromotionReport(
            environment: try PlaceName(parsing: environment),
            service: try PlaceName(parsing: service)
        )
        _ = try await store.registry.promote(
            digest,
            promotion,
            in: Sample.repository(),
            caller: TestStore.caller
        )
    }

    /// M5 of the last so many days.
    private static func vulnerabilities(_ days: Int64, _ store: TestStore) async throws -> Figure {
        let figures = try await store.registry.figures(
            FigureRequest(span: days * 86_400_000),
            ReleaseSettings(),
            at: store.clock.wallMilliseconds + 1_000
        )
        return try #require(figures[.vulnerabilities])
    }

    @Test func whatWasReadIsNotReadAgain() async throws {
        try await TestStore.with { store in
            let document = Self.report(critical: 2)
            let image = try await Self.image(1, [document], store)
            let (registry, name) = (store.registry, try Sample.repository())
            let first = try await registry.evidenceNote(of: image, in: name)
            #expect(first.counts?[.critical] == 2 && first.isWhole)
            // Who reads it again does not find it.
            let file = store.file(of: try Sample.digest(document))
            try FileManager.default.removeItem(atPath: "\(store.directory.path)/\(file)")
            let second = try await registry.evidenceNote(of: image, in: name)
            #expect(second.counts?[.critical] == 2 && second.isWhole)
            _ = try await Self.image(2, [], store)
            let third = try await registry.evidenceNote(of: image, in: name)
            #expect(third.counts?[.critical] == 2 && third.isWhole, "after a change of something else")
        }
    }

    @Test func whatIsAttachedLaterCounts() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            for critical in 1...3 {
                // The same image each time, with another report of the same time.
                let image = try await Self.image(1, [Self.report(critical: critical)], store)
                let note = try await store.registry.evidenceNote(of: image, in: name)
                #expect(note.counts?[.critical] == critical && note.isWhole)
            }
        }
    }

    @Test func whatIsTooMuchIsLeftOut() async throws {
        try await TestStore.with { store in
            let long = [UInt8](repeating: UInt8(ascii: "x"), count: 9 << 20)
            for (number, critical) in [0, 0, 1].enumerated() {
                let documents = [Self.report(critical: critical)] + (number > 0 ? [long] : [])
                let image = try await Self.image(UInt64(number), documents, store)
                let note = try await store.registry.evidenceNote(of: image, in: Sample.repository())
                let counts = try #require(note.counts)
                #expect(counts[.critical, default: 0] == critical)
                #expect(note.isRead == (number == 0) && note.isWhole == (number == 0))
                try await Self.promote(image, to: "prod", "s\(number)", store)
            }
            let figure = try await Self.vulnerabilities(1, store)
            #expect(figure.count("images") == 3 && figure.count("critical") == 1)
            #expect(figure.count("unknown") == 1, "of one it cannot be said that nothing critical is in it")
        }
    }

    @Test func figuresReadSoMuchAtATimeAndGoOn() async throws {
        try await TestStore.with { store in
            // Sixteen documents of 8 MiB are as much as one computation reads.
            let long = [UInt8](repeating: UInt8(ascii: "x"), count: 8 << 20)
            try await store.push(long)
            for number in 0..<16 {
                let image = try await Self.image(UInt64(number), [], known: [long], store)
                try await Self.promote(image, to: "prod", "s\(number)", store)
            }
            let last = try await Self.image(16, [Self.report(critical: 1)], store)
            try await Self.promote(last, to: "staging", "web", store)
            let first = try await Self.vulnerabilities(1, store)
            #expect(first.count("images") == 17 && first.count("unknown") == 17)
            let second = try await Self.vulnerabilities(2, store)
            #expect(second.count("critical") == 1 && second.count("unknown") == 16)
        }
    }
}
