// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

/// Random operations on the catalog and on a model of it in plain dictionaries: each result and, from time to time, the
/// whole state must be equal, also after a restart.
@Suite struct ModelTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomOperationsDoWhatTheModelDoes(seed: UInt64) async throws {
        let run = try ModelRun(seed: seed)
        for step in 0..<1_000 {
            try await run.step(step)
            if step % 100 == 99 { try await run.compareAll(step) }
            if step % 250 == 249 { try await run.restart() }
        }
    }
}

/// SplitMix64: the same seed, the same run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// What a repository is to the model.
private struct ModelRepository {
    /// Digest to the end of its lease, for what is linked; and what of it is hidden.
    var leases: [Digest: Int64] = [:]
    var hidden: Set<Digest> = []
    var live: Set<Digest> = []
    var trashed: Set<Digest> = []
    var tags: [String: Digest] = [:]
    /// What each tag had, oldest first.
    var history: [String: [Digest]] = [:]
}

private final class ModelRun {
    private let fixture: CatalogFixture
    private var catalog: Catalog
    private var random: SeededGenerator
    private var now: Int64 = 0
    private var repositories: [String: ModelRepository] = [:]
    private var corrupt: Set<Digest> = []
    private var sizes: [Digest: Int64] = [:]
    /// The universe: images over few blobs, indexes over images, and a subject that many name.
    private let manifests: [SampleManifest]
    private let blobs: [Int] = Array(0..<8)
    private let names = ["a", "b/c", "d"]
    private let tagNames = ["latest", "v1", "v2", "x"]

    init(seed: UInt64) throws {
        fixture = try CatalogFixture()
        catalog = try fixture.catalog
        random = SeededGenerator(seed: seed)
        let subject = try Sample.digest(500)
        var manifests: [SampleManifest] = []
        for number in 0..<8 {
            let layers = try [number % 7 + 1, (number * 3) % 7 + 1].map { (try Sample.digest($0), Int64($0)) }
            manifests.append(
                try SampleManifest.image(
                    number,
                    config: (Sample.digest(0), 0),
                    layers: layers,
                    subject: number % 2 == 0 ? subject : nil
                )
            )
        }
        manifests.append(try SampleManifest.index(8, [manifests[0], manifests[1]]))
        manifests.append(try SampleManifest.index(9, [manifests[8], manifests[2]], subject: subject))
        self.manifests = manifests
    }

    func step(_ step: Int) async throws {
        let name = names.randomElement(using: &random) ?? "a"
        switch random.next() % 100 {
        case 0..<25: try await push(name)
        case 25..<55: try await put(name, step)
        case 55..<63: try await untag(name, step)
        case 63..<75: try await trash(name, step)
        case 75..<83: try await deleteBlob(name, step)
        case 83..<88: try await mount(name, step)
        case 88..<90: try await damage()
        case 90..<96: try await touch(name, step)
        default:
            let seconds = Int64(random.next() % 400)
            fixture.clock.advance(seconds: seconds)
            now += seconds
        }
    }

    // MARK: - Operations

    private func push(_ name: String) async throws {
        let seed = blobs.randomElement(using: &random) ?? 0
        let digest = try await catalog.link(seed, in: name)
        link(digest, Int64(seed), name)
        corrupt.remove(digest)
    }

    private func link(_ digest: Digest, _ size: Int64, _ name: String) {
        sizes[digest] = size
        repositories[name, default: ModelRepository()].leases[digest, default: 0] = max(
            repositories[name]?.leases[digest] ?? 0,
            now + Sample.lease
        )
        repositories[name]?.hidden.remove(digest)
    }

    private func put(_ name: String, _ step: Int) async throws {
        guard let sample = manifests.randomElement(using: &random) else { return }
        let tags = tagNames.filter { _ in random.next() % 4 == 0 }
        let condition: Precondition =
            switch random.next() % 6 {
            case 0: .absent
            case 1: .exists
            case 2: .matches(manifests[Int(random.next() % 10)].digest)
            default: .none
            }
        let repository = repositories[name] ?? ModelRepository()
        let result = try await catalog.put(sample, in: name, tags: tags, condition)

        let targets: [Digest?] =
            tags.isEmpty
            ? [repository.live.contains(sample.digest) ? sample.digest : nil] : tags.map { repository.tags[$0] }
        let blobsHere = (sample.manifest.config.map { [$0] } ?? []) + sample.manifest.layers
        let isWhole = blobsHere.allSatisfy { isVisible($0.digest, name) && !corrupt.contains($0.digest) }
        let hasChildren = sample.manifest.manifests.allSatisfy {
            repository.live.contains($0.digest) && !corrupt.contains($0.digest)
        }
        if !targets.allSatisfy({ holds(condition, $0) }) {
            guard case .preconditionFailed = result else { return fail("precondition", step, result) }
        } else if !isWhole || !hasChildren {
            guard case .unresolved = result else { return fail("unresolved", step, result) }
        } else {
            guard let stored = result.stored, stored.existed == repository.live.contains(sample.digest),
                stored.tags.map(\.former) == tags.map({ repository.tags[$0] })
            else { return fail("stored", step, result) }
            link(sample.digest, sample.size, name)
            corrupt.remove(sample.digest)
            repositories[name]?.live.insert(sample.digest)
            repositories[name]?.trashed.remove(sample.digest)
            for tag in tags {
                if let former = repository.tags[tag], former != sample.digest { end(tag, former, name) }
                repositories[name]?.tags[tag] = sample.digest
            }
        }
    }

    private func holds(_ condition: Precondition, _ current: Digest?) -> Bool {
        switch condition {
        case .none: true
        case .matches(let digest): digest == current
        case .exists: current != nil
        case .absent: current == nil
        }
    }

    private func end(_ tag: String, _ digest: Digest, _ name: String) {
        repositories[name]?.history[tag, default: []].append(digest)
        repositories[name]?.tags[tag] = nil
    }

    private func untag(_ name: String, _ step: Int) async throws {
        let tag = tagNames.randomElement(using: &random) ?? "x"
        let result = try await catalog.untag(tag, in: name)
        if let former = repositories[name]?.tags[tag] {
            guard case .deleted(_, former) = result else { return fail("untag", step, result) }
            end(tag, former, name)
        } else if result != .notFound {
            fail("untag", step, result)
        }
    }

    private func trash(_ name: String, _ step: Int) async throws {
        guard let sample = manifests.randomElement(using: &random) else { return }
        let result = try await catalog.delete(sample.digest, in: name)
        guard let repository = repositories[name], repository.live.contains(sample.digest) else {
            if result != .notFound { fail("trash", step, result) }
            return
        }
        let parents = manifests.filter { parent in
            repository.live.contains(parent.digest)
                && parent.manifest.manifests.contains { $0.digest == sample.digest }
        }
        let tags = repository.tags.filter { $0.value == sample.digest }.keys.sorted()
        if !parents.isEmpty {
            guard case .held(let holders) = result, Set(holders) == Set(parents.map(\.digest)) else {
                return fail("held", step, result)
            }
        } else {
            guard case .deleted(_, let fallen) = result, fallen.map(\.description) == tags else {
                return fail("trash", step, result)
            }
            for tag in tags { end(tag, sample.digest, name) }
            repositories[name]?.live.remove(sample.digest)
            repositories[name]?.trashed.insert(sample.digest)
        }
    }

    private func deleteBlob(_ name: String, _ step: Int) async throws {
        let digest = try anyDigest()
        let result = try await catalog.deleteBlob(
            digest,
            in: Sample.repository(name),
            context: Sample.context
        )
        if !isVisible(digest, name) {
            if result != .notFound { fail("delete", step, result) }
        } else if isReferenced(digest, name, liveOnly: true) {
            guard case .referenced = result else { return fail("referenced", step, result) }
        } else {
            if result != .deleted { fail("delete", step, result) }
            repositories[name]?.hidden.insert(digest)
        }
    }

    private func mount(_ name: String, _ step: Int) async throws {
        let digest = try anyDigest()
        let source = names.randomElement(using: &random) ?? "a"
        let mounted =
            try await catalog.mount(
                digest,
                from: Sample.repository(source),
                to: Sample.repository(name),
                isReadable: { _ in true },
                context: Sample.context
            ) == .mounted
        let expected = isVisible(digest, source) && !corrupt.contains(digest)
        if mounted != expected { fail("mount", step, mounted) }
        if mounted { link(digest, sizes[digest] ?? 0, name) }
    }

    private func damage() async throws {
        let digest = try anyDigest()
        if try await catalog.markBlob(digest, health: .corrupt) { corrupt.insert(digest) }
    }

    private func touch(_ name: String, _ step: Int) async throws {
        let digest = try anyDigest()
        let result = try await catalog.touchBlob(digest, in: Sample.repository(name))
        let lease = repositories[name]?.leases[digest] ?? 0
        let isReferenced = isReferenced(digest, name, liveOnly: false)
        if isVisible(digest, name), !corrupt.contains(digest), !isReferenced, lease - now < Sample.grace {
            repositories[name]?.leases[digest] = now + Sample.lease
        }
        try expect(result, digest, name, step)
    }

    // MARK: - Comparison

    private func anyDigest() throws -> Digest {
        let number = Int(random.next() % UInt64(blobs.count + manifests.count))
        return number < blobs.count ? try Sample.digest(number) : manifests[number - blobs.count].digest
    }

    private func isVisible(_ digest: Digest, _ name: String) -> Bool {
        guard let repository = repositories[name] else { return false }
        return repository.leases[digest] != nil && !repository.hidden.contains(digest)
    }

    private func isReferenced(_ digest: Digest, _ name: String, liveOnly: Bool) -> Bool {
        guard let repository = repositories[name] else { return false }
        let holders = liveOnly ? repository.live : repository.live.union(repository.trashed)
        return manifests.contains { sample in
            holders.contains(sample.digest)
                && (sample.digest == digest || sample.manifest.config?.digest == digest
                    || sample.manifest.layers.contains { $0.digest == digest })
        }
    }

    private func expect(_ result: BlobLookup, _ digest: Digest, _ name: String, _ step: Int) throws {
        if !isVisible(digest, name) {
            if result != .absent { fail("absent", step, result) }
        } else if corrupt.contains(digest) {
            if result != .corrupt { fail("corrupt", step, result) }
        } else {
            guard case .present(let link) = result, link.size == sizes[digest],
                link.isReferenced == isReferenced(digest, name, liveOnly: false),
                link.leaseRemaining == (repositories[name]?.leases[digest] ?? 0) - now
            else { return fail("present", step, result) }
        }
    }

    func compareAll(_ step: Int) async throws {
        for name in names {
            let repository = repositories[name] ?? ModelRepository()
            let path = try Sample.repository(name)
            let tags = try await catalog.tags(in: path, after: nil, limit: 100)
            #expect(tags?.map(\.description) ?? [] == repository.tags.keys.sorted(), "step \(step)")
            for tag in tagNames {
                #expect(try await catalog.get(tag, in: name) == repository.tags[tag], "step \(step)")
                let history = try await catalog.tagHistory(Sample.tag(tag), in: path, limit: 10_000)
                #expect(history.map(\.digest).reversed() == repository.history[tag] ?? [], "step \(step)")
            }
            for sample in manifests {
                let found = try await catalog.get(sample.digest, in: name)
                #expect((found != nil) == repository.live.contains(sample.digest), "step \(step)")
            }
            for digest in try blobs.map({ try Sample.digest($0) }) + manifests.map(\.digest) {
                try expect(try await catalog.blob(digest, in: path), digest, name, step)
            }
            let referrers = try await catalog.referrers(of: Sample.digest(500), in: path, limit: 100)
            let expected = manifests.filter { $0.manifest.subject != nil && repository.live.contains($0.digest) }
            #expect(referrers.referrers.map(\.digest) == expected.map(\.digest).sorted(), "step \(step)")
        }
        #expect(try await fixture.problems() == [], "step \(step)")
    }

    /// A clean stop on every other occasion; otherwise as after a crash.
    func restart() async throws {
        if random.next() % 2 == 0 {
            await catalog.close()
        } else {
            // Only written seconds survive a crash: write them, so that the model needs no second clock.
            try await catalog.housekeep()
        }
        catalog = try fixture.reopen()
        #expect(catalog.serviceTime.seconds == now)
    }

    private func fail(_ expected: String, _ step: Int, _ actual: Any) {
        Issue.record("step \(step): expected \(expected), got \(actual)")
    }
}
