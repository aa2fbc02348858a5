// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import Journal
import OCI
import TestSupport
import Testing

/// A store with its log, opened and closed as often as a test likes, whose database can be put back to a former state.
final class ReplayFixture: Sendable {
    static let context = Catalog.Context(actor: "someone", requestID: "request-1")

    let directory: TemporaryDirectory
    private let base: TemporaryDirectory

    init() throws {
        base = try TemporaryDirectory()
        directory = try TemporaryDirectory()
    }

    var signer: String { base.path + "/signer" }

    /// A store that is open, and its log.
    struct Open {
        let store: TestStore
        let log: Journal.Opened

        var catalog: Catalog { store.catalog }
    }

    /// Opens the store as a start does, and closes it whatever happens. `step` is how many entries one transaction of a
    /// replay writes, `progress` is called after each; without `replays` an older catalog stays as it is.
    @discardableResult
    func with<Result>(
        origin: String = JournalFixture.origin,
        step: Int = 3,
        replays: Bool = true,
        progress: @escaping @Sendable (ReplayProgress) async throws -> Void = { _ in },
        _ body: (Open) async throws -> Result
    ) async throws -> Result {
        var settings = TestStore.Options()
        settings.settings.origin = origin
        return try await TestStore.with(in: directory, options: settings) { store in
            var options = Journal.Options(
                root: directory.path,
                signer: signer,
                origin: origin,
                logger: TestStore.silent
            )
            if replays { options.content = store.content }
            options.entriesPerReplay = step
            options.replayProgress = progress
            let log = try await Journal.open(options, catalog: store.catalog) { _ in }
            do {
                let result = try await body(Open(store: store, log: log))
                await log.journal.shutDown()
                return result
            } catch {
                await log.journal.shutDown()
                throw error
            }
        }
    }

    // MARK: States of the database

    /// Keeps the database as it is; nothing may have it open.
    func keep(_ name: String) throws {
        try FileManager.default.copyItem(atPath: directory.path + "/meta", toPath: "\(base.path)/\(name)")
    }

    func putBack(_ name: String) throws {
        try directory.remove("meta")
        try FileManager.default.copyItem(atPath: "\(base.path)/\(name)", toPath: directory.path + "/meta")
    }

    /// Another store with the same content, log and signer.
    func copy() throws -> ReplayFixture {
        let copy = try ReplayFixture()
        for (from, to) in [(directory.path, copy.directory.path), (signer, copy.signer)] {
            try? FileManager.default.removeItem(atPath: to)
            try FileManager.default.copyItem(atPath: from, toPath: to)
        }
        return copy
    }

    func takeDatabase(of other: ReplayFixture) throws {
        try directory.remove("meta")
        try FileManager.default.copyItem(atPath: other.directory.path + "/meta", toPath: directory.path + "/meta")
    }

    func loseDatabase() throws {
        for file in directory.files(in: "meta") { try directory.remove("meta/" + file) }
    }

    // MARK: A history

    /// Changes of every kind that a leaf carries, each of them one element.
    static func history() throws -> [@Sendable (Open) async throws -> Void] {
        let name = try Sample.repository()
        let config = Array("{}".utf8)
        let images = try (1...3).map { seed in try Sample.image(layers: [Sample.bytes(64, seed: seed)]) }
        let index = try Sample.index([images[0], images[1]])
        let referrer = try Sample.image(subject: images[0], artifactType: "application/x.sbom")
        let digests = try images.map { try Sample.digest($0) }
        return [
            { _ = try await $0.store.putImage(seed: 1, tag: "v1") },
            { _ = try await $0.store.putImage(seed: 2, tag: "v2") },
            { open in
                _ = try await open.store.put(images[1], tag: "latest")
                _ = try await open.store.put(index, tag: "multi")
            },
            { _ = try await $0.store.put(referrer) },
            { _ = try await $0.store.put(images[0], tag: "latest") },
            { _ = try await $0.catalog.deleteTag(Sample.tag("v2"), in: name, context: context) },
            { _ = try await $0.catalog.deleteManifest(Sample.digest(index), in: name, context: context) },
            { _ = try await $0.catalog.setQuarantine(digests[1], reason: "bad", context: context) },
            { _ = try await $0.store.put(index, tag: "again") },
            { open in
                _ = try await open.catalog.clearQuarantine(digests[1], reason: "good", context: context)
                _ = try await open.catalog.setQuarantine(Sample.digest(config), reason: "hm", context: context)
            },
            { open in
                _ = try await open.store.putImage(seed: 3, tag: "v1", in: "team/other")
                _ = try await open.store.putImage(seed: 1, tag: "v2", in: "team/other")
            },
            { _ = try await $0.catalog.recordChange(.robotCreated(name: "robot"), context: context) },
            { open in
                _ = try await open.catalog.deleteManifest(
                    digests[2],
                    in: Sample.repository("team/other"),
                    context: context
                )
            },
        ]
    }

    /// Makes the changes from one element of the history on, seals after each but every third, and keeps the database
    /// after each as `state-<n>`, and before the seal as `open-<n>`.
    func grow() async throws -> Int {
        let history = try Self.history()
        for (number, change) in history.enumerated() {
            try await with { open in
                try await change(open)
            }
            try keep("open-\(number)")
            if number % 3 == 2 { continue }
            try await with { try await $0.seal() }
            try keep("state-\(number)")
        }
        try await with { try await $0.seal() }
        return history.count
    }
}

extension ReplayFixture.Open {
    func seal() async throws {
        while try await log.sealer.seal() > 0 {}
    }

    /// Everything that clients, auditors and the check of the store can see, but not the ids of events.
    func picture() async throws -> [String] {
        var lines: [String] = []
        for name in try await catalog.repositories(after: nil, limit: 100) {
            for tag in try await catalog.tags(in: name, after: nil, limit: 100) ?? [] {
                let manifest = try await catalog.manifest(.tag(tag), in: name)
                lines.append("\(name):\(tag) is \(manifest?.digest.description ?? "-")")
            }
            for text in ["v1", "v2", "latest", "multi", "again"] {
                let tag = try Sample.tag(text)
                for entry in try await catalog.tagHistory(tag, in: name, limit: 100) {
                    lines.append("\(name):\(tag) was \(entry.sequence) \(entry.digest) \(entry.reason) \(entry.ended)")
                }
                for change in try await catalog.changes(of: tag, in: name, before: nil, limit: 100) {
                    let leaf = String(decoding: change.leaf, as: UTF8.self)
                    lines.append("\(name):\(tag) \(change.index ?? -1) \(change.kind) \(change.timestamp) \(leaf)")
                }
            }
        }
        for manifest in try await catalog.manifestAudits(after: nil, limit: 100) {
            let edges = "\(manifest.blobEdges) \(manifest.manifestEdges)"
            lines.append(
                "\(manifest.repository)@\(manifest.digest) \(manifest.isLive) \(manifest.mediaType) "
                    + "\(manifest.depth) \(edges)"
            )
            let referrers = try await catalog.referrers(of: manifest.digest, in: manifest.repository, limit: 100)
            lines.append("referrers of \(manifest.digest): \(String(describing: referrers.referrers))")
        }
        for entry in try await catalog.quarantines() { lines.append("\(entry.digest) \(entry.reason) \(entry.since)") }
        for blob in try await catalog.blobRecords(after: nil, limit: 100) { lines.append("\(blob)") }
        return lines.sorted()
    }

    /// What checks of the log and of the catalog find.
    func problems() async throws -> [String] {
        let log = try await log.journal.check.run().problems
        let unmet = try await catalog.unmetEntries(after: .start, limit: 1_000).unmet.map(\.description)
        return try await log + unmet + catalog.ruleViolations(limit: 10) + catalog.foreignKeyViolations(limit: 10)
            + catalog.integrityProblems(quick: false, limit: 10)
    }
}
