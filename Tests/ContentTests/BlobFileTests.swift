// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Glibc
import NIOCore
import OCI
import Testing

@Suite("Open blobs")
struct BlobFileTests {
    @Test("any range can be read", arguments: [0, 1, 4_095, 99_999], [0, 1, 1_000])
    func ranges(offset: Int, count: Int) async throws {
        try await TestStore.with { test in
            let bytes = sample(101_000)
            let file = try #require(try await test.store.open(try await test.push(bytes)))
            #expect(file.size == 101_000)
            let read = try await file.read(at: Int64(offset), count: count)
            #expect(Array(buffer: read) == Array(bytes[offset..<offset + count]))
        }
    }

    @Test("what is not there is nil, not an error")
    func missing() async throws {
        try await TestStore.with { test in
            let digest = try Digest.of([1])
            #expect(try await test.store.open(digest) == nil)
            #expect(try await test.store.stat(digest) == nil)
            test.plan.fail(.open, errno: EMFILE) { $0.contains("/blobs/") }
            try await contentError(.tooManyFiles) { _ = try await test.store.open(digest) }
            test.plan.fail(.open, errno: EIO) { $0.contains("/blobs/") }
            try await contentError(.io) { _ = try await test.store.open(digest) }
        }
    }

    @Test("a symbolic link in the place of a blob is not followed")
    func symbolicLink() async throws {
        try await TestStore.with { test in
            let digest = try Digest.of([1])
            #expect(symlink("/etc/passwd", test.store.layout.blob(digest)) == 0)
            try await contentError(.io) { _ = try await test.store.open(digest) }
            guard case .unreadable = try await test.store.verify(digest) else {
                Issue.record("the link was followed")
                return
            }
            try await test.store.put([1], digest: digest) {}
            #expect(try await test.contents(digest) == [1])
        }
    }

    @Test("a file that has become shorter is told, not filled up")
    func truncated() async throws {
        try await TestStore.with { test in
            let digest = try await test.push(sample(10_000))
            let file = try #require(try await test.store.open(digest))
            #expect(truncate(test.store.layout.blob(digest), 5_000) == 0)
            try await contentError(.truncated) { _ = try await file.read(at: 0, count: 10_000) }
            try await contentError(.truncated) { try await file.warm(0..<10_000) }
        }
    }

    @Test("a blob that is pushed again meanwhile keeps its bytes for who has it open")
    func replaced() async throws {
        try await TestStore.with { test in
            let bytes = sample(10_000)
            let digest = try await test.push(bytes)
            try corrupt(test, digest)
            let old = try #require(try await test.store.open(digest))
            try await test.push(bytes)
            let new = try #require(try await test.store.open(digest))
            #expect(Array(buffer: try await old.read(at: 0, count: 10_000)) != bytes)
            #expect(Array(buffer: try await new.read(at: 0, count: 10_000)) == bytes)
        }
    }

    @Test("a region names the range and reads from the same file")
    func region() async throws {
        try await TestStore.with { test in
            let bytes = sample(10_000)
            let file = try #require(try await test.store.open(try await test.push(bytes)))
            let region = file.region(100..<600)
            #expect(region.readableBytes == 500)
            var read = [UInt8](repeating: 0, count: 500)
            let count = try region.fileHandle.withUnsafeFileDescriptor { descriptor in
                pread(descriptor, &read, 500, region.readerIndex)
            }
            #expect(count == 500)
            #expect(read == Array(bytes[100..<600]))
        }
    }

    @Test("warming reads the range, and a warm range says so")
    func warm() async throws {
        try await TestStore.with { test in
            let file = try #require(try await test.store.open(try await test.push(sample(700_000))))
            file.willNeed(0..<700_000)
            try await file.warm(0..<700_000)
            #expect(file.isResident(0..<700_000))
            #expect(file.isResident(5..<5))
        }
    }

    @Test("the descriptor is closed when the blob is released, on a thread when its file has no name any more")
    func closing() async throws {
        try await TestStore.with { test in
            let digest = try await test.push(sample(10))
            let path = test.store.layout.blob(digest)
            var file = try await test.store.open(digest)
            #expect(test.plan.openPaths.contains(path))
            #expect(file?.size == 10)
            file = nil
            #expect(!test.plan.openPaths.contains(path))
            file = try await test.store.open(digest)
            #expect(try await test.store.remove(digest) { true })
            #expect(file?.size == 10)
            file = nil
            while test.plan.openPaths.contains(path) { await Task.yield() }
        }
    }

    @Test("after the shutdown every call says so")
    func afterShutdown() async throws {
        let test = try await TestStore()
        let digest = try await test.push(sample(10))
        let file = try #require(try await test.store.open(digest))
        let session = try await test.store.startUpload()
        await test.store.shutdown()
        try await contentError(.shutDown) { _ = try await file.read(at: 0, count: 10) }
        try await contentError(.shutDown) { _ = try await test.store.open(digest) }
        try await contentError(.shutDown) { _ = try await test.store.startUpload() }
        try await contentError(.shutDown) { try await test.store.put([1], digest: digest) {} }
        try await contentError(.shutDown) { _ = try await test.store.verify(digest) }
        #expect(await session.cancel())
    }
}
