// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Dispatch
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

/// Each verb's refusals, and that nothing comes of what was refused.
@Suite(.serialized, .timeLimit(.minutes(1))) struct RefusalTests {
    /// What stands in `team/app` before the verb: an image under `v1`, another one under `v2` and in an index.
    struct Standing: Sendable {
        let store: TestStore
        let image: Digest
        let listed: Digest
        let index: Digest
        let layer: Digest
        let absent: Digest
        let name: RepositoryName

        init(_ store: TestStore) async throws {
            self.store = store
            image = try await store.putImage(seed: 1, tag: "v1")
            listed = try await store.putImage(seed: 2, tag: "v2")
            let listedBytes = try Sample.image(layers: [Sample.bytes(64, seed: 2)])
            index = try await store.put(Sample.index([listedBytes]), tag: "index")
            layer = try Sample.digest(Sample.bytes(64, seed: 1))
            absent = try Sample.digest(Array("absent".utf8))
            name = try Sample.repository()
        }

        /// All that a client could notice a change by.
        func state() async throws -> [String] {
            let tags = try await store.registry.tags(in: name, after: nil, limit: 100).elements
            var lines: [String] = []
            for tag in tags { lines.append("\(tag) \(try await store.get(tag.description))") }
            for repository in try await store.registry.repositories(after: nil, limit: 100).elements {
                lines.append(repository.description)
            }
            lines += store.directory.files(in: "uploads")
            for digest in [layer, image, index] {
                lines.append(String(try await store.registry.statBlob(digest, in: name)))
            }
            return lines + ["\(try await store.catalog.write { try $0.events() }) events"]
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let refusal: String
        let act: @Sendable (Standing) async throws -> Void

        init(_ name: String, _ refusal: String, _ act: @escaping @Sendable (Standing) async throws -> Void) {
            testDescription = name
            self.refusal = refusal
            self.act = act
        }
    }

    static let blobs = [
        Case("open in an unknown repository", "nameUnknown") {
            _ = try await $0.store.registry.openBlob($0.layer, in: Sample.repository("none"))
        },
        Case("open what is not linked", "blobUnknown") {
            _ = try await $0.store.registry.openBlob($0.absent, in: $0.name)
        },
        Case("stat in an unknown repository", "nameUnknown") {
            _ = try await $0.store.registry.statBlob($0.layer, in: Sample.repository("none"))
        },
        Case("stat what is not linked", "blobUnknown") {
            _ = try await $0.store.registry.statBlob($0.absent, in: $0.name)
        },
        Case("delete in an unknown repository", "blobUnknown") {
            let name = try Sample.repository("none")
            try await $0.store.registry.deleteBlob($0.layer, in: name, caller: TestStore.caller)
        },
        Case("delete what is not linked", "blobUnknown") {
            try await $0.store.registry.deleteBlob($0.absent, in: $0.name, caller: TestStore.caller)
        },
        Case("delete a layer in use", "blobReferenced") {
            try await $0.store.registry.deleteBlob($0.layer, in: $0.name, caller: TestStore.caller)
        },
        Case("delete a manifest's own bytes", "blobReferenced") {
            try await $0.store.registry.deleteBlob($0.image, in: $0.name, caller: TestStore.caller)
        },
        Case("put under another digest", "digestMismatch") {
            let bytes = ByteBuffer(bytes: [1, 2, 3])
            try await $0.store.registry.putBlob(bytes, as: $0.absent, in: $0.name, caller: TestStore.caller)
        },
        Case("commit under another digest", "digestMismatch") {
            let claim = try $0.store.registry.claim(await $0.store.startUpload())
            try await claim.append(ByteBuffer(bytes: [1, 2, 3]))
            try await $0.store.registry.commit(claim, as: $0.absent, in: $0.name, caller: TestStore.caller)
        },
    ]

    static let manifests = [
        Case("read a tag that is not set", "manifestUnknown") { _ = try await $0.store.get("v9") },
        Case("read in an unknown repository", "nameUnknown") { _ = try await $0.store.get("v1", in: "none") },
        Case("read a digest that is a blob's", "manifestUnknown") {
            _ = try await $0.store.registry.manifest(.digest($0.layer), in: $0.name)
        },
        Case("put what is no manifest", "manifestInvalid") { _ = try await $0.store.put(Array("{}".utf8), tag: "v1") },
        Case("put under another digest", "manifestDigestMismatch") {
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            let push = ManifestPush(reference: .digest($0.absent), contentType: nil, bytes: bytes)
            _ = try await $0.store.registry.putManifest(push, in: $0.name, caller: TestStore.caller)
        },
        Case("put with an absent layer", "manifestBlobUnknown") {
            try await $0.store.put(Sample.image(layers: [[9]]), tag: "v1")
        },
        Case("put with a layer of another repository", "manifestBlobUnknown") {
            try await $0.store.put(Sample.image(layers: [Sample.bytes(64, seed: 1)]), tag: "v1", in: "none")
        },
        Case("put an index with an absent entry", "manifestBlobUnknown") {
            try await $0.store.put(Sample.index([[9]]), tag: "v1")
        },
        Case("put with a wrong size", "manifestSizeInvalid") {
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            let wrong = String(decoding: bytes, as: UTF8.self).replacing("\"size\":64", with: "\"size\":63")
            try await $0.store.put(Array(wrong.utf8), tag: "v1")
        },
        Case("put where the tag must be absent", "preconditionFailed") {
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 2)])
            try await $0.store.put(bytes, tag: "v1", condition: .absent)
        },
        Case("put where the tag must be another", "preconditionFailed") {
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 2)])
            try await $0.store.put(bytes, tag: "v1", condition: .matches($0.index))
        },
        Case("put where the manifest must be absent", "preconditionFailed") {
            try await $0.store.put(Sample.image(layers: [Sample.bytes(64, seed: 2)]), condition: .absent)
        },
        Case("delete a tag that is not set", "manifestUnknown") {
            try await $0.store.delete(.tag(Sample.tag("v9")))
        },
        Case("delete a manifest that is not there", "manifestUnknown") {
            try await $0.store.delete(.digest($0.absent))
        },
        Case("delete a tag in an unknown repository", "nameUnknown") {
            try await $0.store.delete(.tag(Sample.tag("v1")), in: "none")
        },
        Case("delete a manifest in an unknown repository", "nameUnknown") {
            try await $0.store.delete(.digest($0.image), in: "none")
        },
        Case("delete a manifest in an index", "manifestReferenced") { try await $0.store.delete(.digest($0.listed)) },
        Case("delete a tag under another condition", "preconditionFailed") {
            try await $0.store.delete(.tag(Sample.tag("v1")), condition: .matches($0.listed))
        },
        Case("delete a manifest under another condition", "preconditionFailed") {
            try await $0.store.delete(.digest($0.image), condition: .matches($0.listed))
        },
        Case("list the tags of an unknown repository", "nameUnknown") {
            _ = try await $0.store.registry.tags(in: Sample.repository("none"), after: nil, limit: 10)
        },
    ]

    static let uploads = [
        Case("find what is no id", "uploadUnknown") {
            _ = try await $0.store.registry.upload("x", in: $0.name, caller: TestStore.caller)
        },
        Case("find an id of nobody", "uploadUnknown") {
            _ = try await $0.store.registry.upload(
                "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
                in: $0.name,
                caller: TestStore.caller
            )
        },
        Case("cancel an id of nobody", "uploadUnknown") {
            try await $0.store.registry.cancelUpload(
                "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
                in: $0.name,
                caller: TestStore.caller
            )
        },
        Case("cancel twice", "uploadUnknown") {
            let id = try await $0.store.startUpload().id.description
            try await $0.store.registry.cancelUpload(id, in: $0.name, caller: TestStore.caller)
            try await $0.store.registry.cancelUpload(id, in: $0.name, caller: TestStore.caller)
        },
        Case("claim after the end", "uploadUnknown") {
            let session = try await $0.store.startUpload()
            try await $0.store.registry.cancelUpload(session.id.description, in: $0.name, caller: TestStore.caller)
            _ = try $0.store.registry.claim(session)
        },
    ]

    @Test(arguments: blobs + manifests + uploads)
    func whatIsRefusedChangesNothing(_ refused: Case) async throws {
        try await TestStore.with { store in
            let standing = try await Standing(store)
            let before = try await standing.state()
            #expect(try await refusal { try await refused.act(standing) } == refused.refusal)
            #expect(try await standing.state() == before)
        }
    }

    @Test func aSessionHasOneWriter() async throws {
        try await TestStore.with { store in
            let session = try await store.startUpload()
            let claim = try store.registry.claim(session)
            try await claim.append(ByteBuffer(bytes: [1, 2, 3]))
            _ = try await claim.flush()
            do {
                _ = try store.registry.claim(session)
                Issue.record("it was claimed twice")
            } catch RegistryError.uploadBusy(let offset) {
                #expect(offset == 3)
            }
            claim.release()
            #expect(try store.registry.claim(session).offset == 3)
        }
    }

    @Test func boundsAreKept() async throws {
        var options = TestStore.Options()
        options.blobLimit = 1000
        options.uploads = 2
        options.tagsPerRepository = 2
        options.settings.referrersPerSubject = 1
        options.indexDepth = 1
        try await TestStore.with(options: options) { store in
            let name = try Sample.repository()
            try await store.push(Sample.bytes(1000))
            let outcome1 = try await refusal { try await store.push(Sample.bytes(1001)) }
            #expect(outcome1 == "blobTooLarge")
            let announced = try await refusal {
                _ = try await store.registry.startUpload(
                    in: name,
                    hint: nil,
                    expectedBytes: 1001,
                    caller: TestStore.caller
                )
            }
            #expect(announced == "blobTooLarge")
            try await store.putImage(seed: 1, tag: "a")
            try await store.putImage(seed: 1, tag: "b")
            let outcome2 = try await refusal { try await store.putImage(seed: 1, tag: "c") }
            #expect(outcome2 == "tooManyTags")
            let image = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            try await store.put(Sample.image(subject: image))
            let second = try Sample.image(subject: image, annotations: ["a": "b"])
            let outcome3 = try await refusal { try await store.put(second) }
            #expect(outcome3 == "tooManyTags")
            let index = try Sample.index([image])
            try await store.put(index)
            let nested = try Sample.index([index], of: Sample.indexType)
            let outcome4 = try await refusal { try await store.put(nested) }
            #expect(outcome4 == "manifestNestedTooDeep")
            for _ in 0..<2 { _ = try await store.startUpload() }
            let outcome5 = try await refusal { _ = try await store.startUpload() }
            #expect(outcome5 == "overloaded")
        }
    }

    @Test func aFullDiskTakesNothingAndServesWhatItHas() async throws {
        let disk = TestDisk()
        var options = TestStore.Options()
        disk.hold(&options)
        try await TestStore.with(options: options) { store in
            let image = try await store.putImage(seed: 1, tag: "v1")
            #expect(store.registry.isWritable)
            disk.isFull = true
            let layer = Sample.bytes(64, seed: 1)
            let outcome6 = try await refusal { try await store.push([1, 2, 3]) }
            #expect(outcome6 == "storageFull")
            let outcome7 = try await refusal { _ = try await store.startUpload() }
            #expect(outcome7 == "storageFull")
            #expect(
                try await refusal { try await store.put(Sample.image(layers: [layer]), tag: "v2") } == "storageFull"
            )
            #expect(!store.registry.isWritable)
            #expect(try await store.get("v1") == image)
            #expect(try await store.registry.openBlob(Sample.digest(layer), in: Sample.repository()).size == 64)
            try await store.delete(.tag(Sample.tag("v1")))
            disk.isFull = false
            try await store.put(Sample.image(layers: [layer]), tag: "v2")
            #expect(store.registry.isWritable)
        }
    }

    @Test func moreThanTheQueueHoldsIsRefusedAtOnce() async throws {
        var options = TestStore.Options()
        options.settings.writerQueue = 1
        try await TestStore.with(options: options) { store in
            let (entered, leave) = (EventLog(), DispatchSemaphore(value: 0))
            async let working: Void = store.catalog.write { _ in
                entered.add("in")
                leave.wait()
            }
            await entered.wait()
            async let waiting: Void = store.catalog.write { _ in }
            while store.catalog.writerQueueDepth == 0 { await Task.yield() }
            do {
                try await store.push([1, 2, 3])
                Issue.record("it was stored")
            } catch RegistryError.overloaded(let seconds) {
                #expect(seconds == RegistryLimits.retryAfterSeconds)
            }
            leave.signal()
            _ = try await (working, waiting)
            try await store.push([1, 2, 3])
        }
    }
}
