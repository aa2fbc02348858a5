// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry
import Synchronization
import TestSupport
import Testing

/// A number that tasks share.
private final class Shared: Sendable {
    private let number = Mutex(0)

    var value: Int {
        get { number.withLock { $0 } }
        set { number.withLock { $0 = newValue } }
    }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct ManifestCacheTests {
    @Test func aChangeIsVisibleAtOnce() async throws {
        try await TestStore.with { store in
            for seed in 1...20 {
                let digest = try await store.putImage(seed: UInt64(seed), tag: "v1")
                #expect(try await store.get("v1") == digest)
                // From the cache now.
                #expect(try await store.get("v1") == digest)
            }
        }
    }

    @Test func aDeletionIsVisibleAtOnce() async throws {
        try await TestStore.with { store in
            let digest = try await store.putImage(seed: 1, tag: "v1")
            let references: [Reference] = [.tag(try Sample.tag("v1")), .digest(digest)]
            let name = try Sample.repository()
            for reference in references { _ = try await store.registry.manifest(reference, in: name) }
            try await store.delete(.tag(Sample.tag("v1")))
            #expect(try await Self.refusal(of: .tag(Sample.tag("v1")), store) == "manifestUnknown")
            #expect(try await store.registry.manifest(.digest(digest), in: name).digest == digest)
            try await store.delete(.digest(digest))
            #expect(try await Self.refusal(of: .digest(digest), store) == "manifestUnknown")
        }
    }

    @Test func readersNeverSeeLessThanWhatWasAcknowledged() async throws {
        try await TestStore.with { store in
            var digests: [Digest] = []
            for seed in 0..<40 { digests.append(try await store.putImage(seed: UInt64(seed))) }
            let manifests = try digests.enumerated().map { seed, _ in
                try Sample.image(layers: [Sample.bytes(64, seed: UInt64(seed))])
            }
            try await store.put(manifests[0], tag: "v1")
            let order = Dictionary(uniqueKeysWithValues: digests.enumerated().map { ($1, $0) })
            let acknowledged = Shared()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for (number, manifest) in manifests.enumerated() {
                        try await store.put(manifest, tag: "v1")
                        acknowledged.value = number
                    }
                }
                for _ in 0..<4 {
                    group.addTask {
                        while !Task.isCancelled {
                            // A read from memory never waits, and would keep the writer off the threads.
                            await Task.yield()
                            let before = acknowledged.value
                            let seen = try #require(order[try await store.get("v1")])
                            #expect(seen >= before)
                            if before == manifests.count - 1 { return }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// One writer sets and deletes a tag in turn; each change has a number, even ones set it. What a reader sees is the
    /// state after some change that is not older than the last one acknowledged before it asked, and not newer than the
    /// one that may be under way when it has its answer.
    @Test func whatAReaderSeesWasTrueWhileItAsked() async throws {
        try await TestStore.with { store in
            let changes = 60
            var manifests: [[UInt8]] = []
            for seed in 0..<changes / 2 {
                try await store.putImage(seed: UInt64(seed))
                manifests.append(try Sample.image(layers: [Sample.bytes(64, seed: UInt64(seed))]))
            }
            let numbers = Dictionary(
                uniqueKeysWithValues: try manifests.enumerated().map { (try Sample.digest($1), 2 * $0) }
            )
            let pushes = manifests
            let acknowledged = Shared()
            try await store.put(pushes[0], tag: "v1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 1..<changes {
                        if number.isMultiple(of: 2) {
                            try await store.put(pushes[number / 2], tag: "v1")
                        } else {
                            try await store.delete(.tag(Sample.tag("v1")))
                        }
                        acknowledged.value = number
                    }
                }
                for _ in 0..<4 {
                    group.addTask {
                        while !Task.isCancelled {
                            // A read from memory never waits, and would keep the writer off the threads.
                            await Task.yield()
                            let before = acknowledged.value
                            let seen: Digest?
                            do {
                                seen = try await store.get("v1")
                            } catch RegistryError.manifestUnknown {
                                seen = nil
                            }
                            let after = acknowledged.value + 1
                            if let seen {
                                let number = try #require(numbers[seen])
                                #expect((before...after).contains(number))
                            } else {
                                #expect((before...after).contains { !$0.isMultiple(of: 2) })
                            }
                            if before == changes - 1 { return }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func repositoriesDoNotShareEntries() async throws {
        try await TestStore.with { store in
            let digest = try await store.putImage(seed: 1, tag: "v1", in: "a")
            #expect(try await store.get("v1", in: "a") == digest)
            #expect(try await Self.refusal(of: .tag(Sample.tag("v1")), store, in: "b") == "nameUnknown")
            #expect(try await Self.refusal(of: .digest(digest), store, in: "b") == "nameUnknown")
            let other = try await store.putImage(seed: 2, tag: "v1", in: "b")
            #expect(try await store.get("v1", in: "a") == digest)
            #expect(try await store.get("v1", in: "b") == other)
            #expect(try await Self.refusal(of: .digest(digest), store, in: "b") == "manifestUnknown")
        }
    }

    private static func refusal(of reference: Reference, _ store: TestStore, in name: String = "team/app") async throws
        -> String?
    {
        try await TestSupport.refusal { _ = try await store.registry.manifest(reference, in: Sample.repository(name)) }
    }
}
