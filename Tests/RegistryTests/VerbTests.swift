// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

/// What each verb does when nothing is in its way.
@Suite(.serialized, .timeLimit(.minutes(1))) struct VerbTests {
    @Test(arguments: [0, 1, 1000, 3_000_000])
    func aBlobIsReadAsItWasWritten(_ size: Int) async throws {
        try await TestStore.with { store in
            let (bytes, name) = (Sample.bytes(size), try Sample.repository())
            let digest = try await store.push(bytes)
            #expect(try await store.registry.statBlob(digest, in: name) == Int64(size))
            let file = try await store.registry.openBlob(digest, in: name)
            #expect(file.size == Int64(size))
            if size > 0 { #expect(try await file.read(at: 0, count: size) == ByteBuffer(bytes: bytes)) }
        }
    }

    @Test(arguments: Digest.Algorithm.allCases)
    func aSessionBecomesABlobUnderEitherAlgorithm(_ algorithm: Digest.Algorithm) async throws {
        try await TestStore.with { store in
            let (bytes, name) = (Sample.bytes(100_000), try Sample.repository())
            let digest = try Sample.digest(bytes, algorithm)
            for hint in [nil, .sha256, .sha512] as [Digest.Algorithm?] {
                let session = try await store.registry.startUpload(
                    in: name,
                    hint: hint,
                    expectedBytes: 100_000,
                    caller: TestStore.caller
                )
                let claim = try store.registry.claim(session)
                try await claim.append(ByteBuffer(bytes: bytes))
                try await store.registry.commit(claim, as: digest, in: name, caller: TestStore.caller)
                #expect(try store.directory.read(store.file(of: digest)) == bytes)
                #expect(store.directory.files(in: "uploads").isEmpty)
            }
        }
    }

    @Test func aBlobIsDeletedForItsRepositoryAlone() async throws {
        try await TestStore.with { store in
            let digest = try await store.push([1, 2, 3])
            try await store.push([1, 2, 3], in: "team/other")
            let name = try Sample.repository()
            try await store.registry.deleteBlob(digest, in: name, caller: TestStore.caller)
            #expect(try await Self.refusal(of: digest, store) == "blobUnknown")
            #expect(try await Self.refusal(of: digest, store, in: "team/other") == nil)
            // What is hidden is no source of a mount: only the other repository is.
            #expect(try await store.mount(digest, from: "team/app", to: "team/new") == false)
            #expect(try await store.mount(digest, from: nil, to: "team/new"))
            try await store.push([1, 2, 3])
            #expect(try await Self.refusal(of: digest, store) == nil)
        }
    }

    @Test func aMountByDigestAloneNeedsAVisibleLinkSomewhere() async throws {
        try await TestStore.with { store in
            let digest = try await store.push([1, 2, 3], in: "a")
            #expect(try await store.mount(digest, from: nil, to: "b"))
            // What is mounted is the target's own.
            for name in ["a", "b"] {
                #expect(try await store.mount(digest, from: nil, to: "c"))
                try await store.registry.deleteBlob(digest, in: Sample.repository(name), caller: TestStore.caller)
            }
            #expect(try await Self.refusal(of: digest, store, in: "c") == nil)
            try await store.registry.deleteBlob(digest, in: Sample.repository("c"), caller: TestStore.caller)
            #expect(try await store.mount(digest, from: nil, to: "d") == false)
            #expect(try await !store.catalog.repositoryExists(Sample.repository("d")))
        }
    }

    /// Index, images, blobs: each can go once nothing above it is left, and not before.
    @Test func whatIsReferredToGoesLast() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            let image = try await store.putImage(seed: 1, tag: "image")
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            let inner = try Sample.index([bytes])
            let outer = try Sample.index([inner], of: Sample.indexType)
            let indexes = [try await store.put(inner), try await store.put(outer, tag: "index")]
            let layer = try Sample.digest(Sample.bytes(64, seed: 1))
            let delete: @Sendable (Digest) async throws -> Void = {
                try await store.registry.deleteBlob($0, in: name, caller: TestStore.caller)
            }
            #expect(try await TestSupport.refusal { try await delete(layer) } == "blobReferenced")
            #expect(try await TestSupport.refusal { try await store.delete(.digest(image)) } == "manifestReferenced")
            #expect(
                try await TestSupport.refusal { try await store.delete(.digest(indexes[0])) } == "manifestReferenced"
            )
            try await store.delete(.digest(indexes[1]))
            #expect(try await TestSupport.refusal { try await store.delete(.digest(image)) } == "manifestReferenced")
            try await store.delete(.digest(indexes[0]))
            #expect(try await TestSupport.refusal { try await delete(layer) } == "blobReferenced")
            // Both tags fell with what they named.
            try await store.delete(.digest(image))
            #expect(try await store.registry.tags(in: name, after: nil, limit: 10).elements.isEmpty)
            try await delete(layer)
            #expect(try await Self.refusal(of: layer, store) == "blobUnknown")
            // The bytes stay for as long as the manifests can be brought back.
            #expect(store.directory.files(in: "blobs/sha256").contains(layer.hex))
        }
    }

    @Test func aTagsDeletionLeavesItsManifest() async throws {
        try await TestStore.with { store in
            let image = try await store.putImage(seed: 1, tag: "v1")
            try await store.putImage(seed: 1, tag: "v2")
            let first = try await store.delete(.tag(Sample.tag("v1")), condition: .matches(image))
            #expect(try await store.get("v2") == image)
            let second = try await store.delete(.digest(image), condition: .exists)
            #expect(first != second)
            #expect(try await TestSupport.refusal { _ = try await store.get("v2") } == "manifestUnknown")
        }
    }

    @Test func aPushByDigestSetsItsTagsAsOneChange() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            let old = try await store.putImage(seed: 1, tag: "b")
            try await store.putImage(seed: 2)
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 2)])
            var push = ManifestPush(reference: .digest(try Sample.digest(bytes)), contentType: nil, bytes: bytes)
            push.tags = try ["a", "b", "c"].map(Sample.tag)
            push.condition = .absent
            let pushing = push
            let refused = try await TestSupport.refusal {
                _ = try await store.registry.putManifest(pushing, in: name, caller: TestStore.caller)
            }
            #expect(refused == "preconditionFailed")
            #expect(try await store.registry.tags(in: name, after: nil, limit: 10).elements == [Sample.tag("b")])
            #expect(try await store.get("b") == old)
            push.condition = .none
            let stored = try await store.registry.putManifest(push, in: name, caller: TestStore.caller)
            #expect(stored.tags == push.tags)
            for tag in push.tags { #expect(try await store.get(tag.description) == stored.digest) }
        }
    }

    @Test func aManifestMayHaveASHA512Digest() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            try await store.putImage(seed: 1)
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            let digest = try Sample.digest(bytes, .sha512)
            var push = ManifestPush(reference: .digest(digest), contentType: nil, bytes: bytes)
            push.tags = [try Sample.tag("v1")]
            #expect(try await store.registry.putManifest(push, in: name, caller: TestStore.caller).digest == digest)
            #expect(try await store.get("v1") == digest)
            let served = try await store.registry.manifest(.digest(digest), in: name)
            #expect(served.bytes == ByteBuffer(bytes: bytes))
        }
    }

    @Test func listsArePagedInByteOrder() async throws {
        try await TestStore.with { store in
            let tags = ["0", "A", "B.1", "_x", "a", "aa", "b"]
            for tag in tags.reversed() { try await store.putImage(seed: 1, tag: tag) }
            for name in ["b", "a/b", "a-b", "a"] { try await store.putImage(seed: 1, in: name) }
            // A repository without a manifest is not listed.
            try await store.push([1], in: "blobs/only")
            for limit in 1...8 {
                var (seen, last): ([String], OCI.Tag?) = ([], nil)
                while true {
                    let page = try await store.registry.tags(in: Sample.repository(), after: last, limit: limit)
                    seen += page.elements.map(\.description)
                    #expect(page.hasMore == (seen.count < tags.count))
                    #expect(page.elements.count == min(limit, tags.count - seen.count + page.elements.count))
                    guard page.hasMore else { break }
                    last = page.elements.last
                }
                #expect(seen == tags)
            }
            let first = try await store.registry.repositories(after: nil, limit: 3)
            #expect(first.elements.map(\.description) == ["a", "a-b", "a/b"])
            #expect(first.hasMore)
            let second = try await store.registry.repositories(after: first.elements.last, limit: 3)
            #expect(second.elements.map(\.description) == ["b", "team/app"])
            #expect(!second.hasMore)
        }
    }

    @Test func referrersAreThoseOfTheRepositoryAndTheType() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            let subject = Array("subject".utf8)
            var digests: [Digest] = []
            try await store.push(Array("{}".utf8))
            for number in 0..<4 {
                let type = number == 3 ? "application/vnd.example.sbom" : "application/vnd.example.signature"
                let annotations = ["number": "\(number)"]
                digests.append(
                    try await store.put(
                        Sample.image(subject: subject, artifactType: type, annotations: annotations)
                    )
                )
            }
            let of = try Sample.digest(subject)
            let all = try await store.registry.referrers(of: of, in: name, artifactType: nil, after: nil, limit: 10)
            #expect(all.elements.map(\.digest) == digests.sorted())
            #expect(!all.hasMore)
            let sbom = try MediaType(parsing: "application/vnd.example.sbom")
            let some = try await store.registry.referrers(of: of, in: name, artifactType: sbom, after: nil, limit: 10)
            #expect(some.elements.map(\.digest) == [digests[3]])
            #expect(some.elements.first?.annotations == #"{"number":"3"}"#)
            #expect(some.elements.first?.artifactType == sbom)
            let elsewhere = try Sample.repository("none")
            let none = try await store.registry.referrers(
                of: of,
                in: elsewhere,
                artifactType: nil,
                after: nil,
                limit: 10
            )
            #expect(none.elements.isEmpty && !none.hasMore)
        }
    }

    private static func refusal(of digest: Digest, _ store: TestStore, in name: String = "team/app") async throws
        -> String?
    {
        try await TestSupport.refusal { _ = try await store.registry.statBlob(digest, in: Sample.repository(name)) }
    }
}

/// What a client is promised about a blob it was told of, where no manifest refers to it yet.
@Suite(.serialized, .timeLimit(.minutes(1))) struct LeaseTests {
    private static let grace = Catalog.Settings().grace

    private static func remaining(_ digest: Digest, _ store: TestStore) async throws -> Int64? {
        guard case .present(let link) = try await store.catalog.blob(digest, in: Sample.repository()) else {
            return nil
        }
        return link.leaseRemaining
    }

    enum Look: CaseIterable, Sendable { case stat, open }

    @Test(arguments: Look.allCases)
    func whoeverIsToldOfABlobHasItForTheGrace(_ look: Look) async throws {
        let directory = try TemporaryDirectory()
        let digest = try Sample.digest([1, 2, 3])
        let left = try await TestStore.with(in: directory) { store in
            try await store.push([1, 2, 3])
            store.clock.advance(seconds: Self.grace)
            #expect(try #require(await Self.remaining(digest, store)) < Self.grace)
            switch look {
            case .stat: _ = try await store.registry.statBlob(digest, in: Sample.repository())
            case .open: _ = try await store.registry.openBlob(digest, in: Sample.repository())
            }
            let left = try #require(await Self.remaining(digest, store))
            #expect(left >= Self.grace)
            return left
        }
        // The promise outlives the process.
        try await TestStore.with(in: directory) { store in
            let remaining = try #require(await Self.remaining(digest, store))
            #expect(remaining >= left - 1)
        }
    }

    @Test func aLeaseThatIsLongEnoughIsLeftAlone() async throws {
        try await TestStore.with { store in
            let digest = try await store.push([1, 2, 3])
            let before = try #require(await Self.remaining(digest, store))
            store.clock.advance(seconds: before - Self.grace)
            _ = try await store.registry.statBlob(digest, in: Sample.repository())
            #expect(try await Self.remaining(digest, store) == Self.grace)
            store.clock.advance(seconds: 1)
            _ = try await store.registry.statBlob(digest, in: Sample.repository())
            #expect(try await Self.remaining(digest, store) == before)
        }
    }

    @Test func aBlobThatAManifestRefersToNeedsNoLease() async throws {
        try await TestStore.with { store in
            try await store.putImage(seed: 1)
            let layer = try Sample.digest(Sample.bytes(64, seed: 1))
            store.clock.advance(seconds: 2 * Self.grace)
            let before = try #require(await Self.remaining(layer, store))
            #expect(before < 0)
            _ = try await store.registry.statBlob(layer, in: Sample.repository())
            #expect(try await Self.remaining(layer, store) == before)
        }
    }
}
