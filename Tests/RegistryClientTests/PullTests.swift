// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import TestSupport
import Testing

@Suite("Pulls")
struct PullTests {
    private static func blob(_ digest: Digest) -> String { "layout/blobs/sha256/\(digest.hex)" }

    private static func index(_ directory: TemporaryDirectory) throws -> JSONValue {
        try JSONValue(parsing: directory.read("layout/index.json"))
    }

    /// The names under which the layout has anything.
    private static func blobs(_ directory: TemporaryDirectory) -> [String] {
        directory.files(in: "layout/blobs/sha256")
    }

    @Test func anImageBecomesALayout() async throws {
        let registry = DoubleRegistry()
        let directory = try TemporaryDirectory()
        let image = try registry.addImage(layers: [10, 3_000_000, 0], tag: "1.0")
        let (report, progress) = try await registry.with { server in
            try await ClientFixture().pull("1.0", from: [server], to: directory)
        }
        #expect(report.digest == image.digest && report.image == image.digest && report.blobs == 4)
        for layer in image.layers {
            let stored = try directory.read(Self.blob(try Sample.digest(layer)))
            #expect(stored == layer)
        }
        #expect(Self.blobs(directory).count == 5)
        let entry = try Self.index(directory)["manifests"]?.elements?.first
        #expect(entry?["digest"]?.text == image.digest.description)
        #expect(entry?["annotations"]?["org.opencontainers.image.ref.name"]?.text == "1.0")
        #expect(try directory.read("layout/oci-layout") == Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        #expect(directory.files(in: "layout") == ["blobs", "index.json", "oci-layout"])
        #expect(progress.bytesReceived == progress.bytesTotal && progress.blobsDone == 4)
    }

    @Test func anotherImageLeavesTheFirstAndTheSameNameIsReplaced() async throws {
        let registry = DoubleRegistry()
        let directory = try TemporaryDirectory()
        try registry.addImage(layers: [10], seed: 1, tag: "1")
        let second = try registry.addImage(layers: [10], seed: 2, tag: "2")
        let third = try registry.addImage(layers: [10], seed: 3)
        try await registry.with { server in
            let client = try ClientFixture()
            _ = try await client.pull("1", from: [server], to: directory)
            _ = try await client.pull("2", from: [server], to: directory)
            let manifest = registry.edit { $0.manifests[third.digest.description]?.bytes ?? [] }
            try registry.add(manifest: manifest, tag: "1")
            _ = try await client.pull("1", from: [server], to: directory)
        }
        let entries = try #require(try Self.index(directory)["manifests"]?.elements)
        #expect(entries.compactMap { $0["digest"]?.text } == [second.digest.description, third.digest.description])
    }

    @Test func theImageOfThePlatformIsChosen() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [10], seed: 7)
        let bytes = registry.edit { $0.manifests[image.digest.description]?.bytes ?? [] }
        let platform = #""platform":{"architecture":"s390x","os":"linux"}"#
        let text = String(decoding: try Sample.index([bytes]), as: UTF8.self)
        let index = Array(text.replacing(#""size":"#, with: platform + #","size":"#).utf8)
        let digest = try registry.add(manifest: index, type: Sample.indexType, tag: "multi")
        try await registry.with { server in
            let client = try ClientFixture()
            let chosen = try TemporaryDirectory()
            let (one, _) = try await client.pull("multi", from: [server], to: chosen) { options in
                options.platforms = .one(os: "linux", architecture: "s390x", variant: nil)
            }
            #expect(one.digest == digest && one.image == image.digest)
            #expect(!Self.blobs(chosen).contains(digest.hex))
            let whole = try TemporaryDirectory()
            let (all, _) = try await client.pull("multi", from: [server], to: whole) { $0.platforms = .all }
            #expect(all.image == digest && Self.blobs(whole).contains(digest.hex))
            let other = try await failure {
                _ = try await client.pull("multi", from: [server], to: try TemporaryDirectory()) { options in
                    options.platforms = .one(os: "linux", architecture: "riscv64", variant: nil)
                }
            }
            #expect(other?.code == .notFound && other?.reason.contains("linux/s390x") == true)
        }
    }

    @Test(arguments: [true, false]) func aLargeBlobComesInPieces(ignoresRanges: Bool) async throws {
        let registry = DoubleRegistry()
        let directory = try TemporaryDirectory()
        let image = try registry.addImage(layers: [1_000_001], tag: "big")
        registry.edit { $0.ignoresRanges = ignoresRanges }
        let pieces = BlobFetch.Pieces(threshold: 100_000, bytes: 70_000, ahead: 2)
        let requests = try await registry.with { server in
            _ = try await ClientFixture().pull("big", from: [server], to: directory, pieces: pieces)
            return server.requests
        }
        let stored = try directory.read(Self.blob(try Sample.digest(image.layers[0])))
        #expect(stored == image.layers[0])
        let ranges = Set(requests.compactMap(\.range))
        #expect(ignoresRanges || ranges.count == 15)
    }

    // MARK: Lies

    @Test func wrongBytesAreRefusedAndGetNoName() async throws {
        let registry = DoubleRegistry()
        let directory = try TemporaryDirectory()
        let image = try registry.addImage(layers: [5_000, 200], tag: "1")
        let digest = try Sample.digest(image.layers[0])
        registry.edit { $0.blobs[digest.description]?[2_500] ^= 1 }
        let error = try await registry.with { server in
            try await failure { _ = try await ClientFixture().pull("1", from: [server], to: directory) }
        }
        #expect(error?.code == .integrity && error?.exitStatus == 11)
        #expect(error?.reason.contains(digest.description) == true)
        #expect(!Self.blobs(directory).contains(digest.hex))
        #expect(try Self.index(directory)["manifests"] == .array([]))
        #expect(!directory.files(in: "layout/.partial").contains { $0.hasSuffix(digest.hex) })
    }

    @Test func aManifestOfAnotherDigestIsRefused() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [10])
        let other = try registry.addImage(layers: [10], seed: 2)
        registry.edit { $0.manifests[image.digest.description] = $0.manifests[other.digest.description] }
        let error = try await registry.with { server in
            try await failure {
                let directory = try TemporaryDirectory()
                _ = try await ClientFixture().pull(image.digest.description, from: [server], to: directory)
            }
        }
        #expect(error?.code == .integrity)
        #expect(error?.reason.contains(other.digest.description) == true)
    }

    @Test func aTagWhoseHeaderSaysAnotherDigestIsRefused() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [10], tag: "1")
        let manifest = registry.edit { $0.manifests["1"]?.bytes ?? [] }
        registry.lie { request, _ in
            guard request.path.hasSuffix("/manifests/1") else { return nil }
            let stated = "sha256:" + String(repeating: "0", count: 64)
            let headers = [("Content-Type", Sample.imageType), ("Docker-Content-Digest", stated)]
            return .answer(status: 200, headers: headers, body: manifest)
        }
        let error = try await registry.with { server in
            try await failure {
                _ = try await ClientFixture().pull("1", from: [server], to: try TemporaryDirectory())
            }
        }
        #expect(error?.code == .integrity && error?.reason.contains(image.digest.description) == true)
    }

    @Test(arguments: [-1, 1]) func aBlobOfAnotherLengthIsRefused(difference: Int) async throws {
        for isChunked in [false, true] {
            let registry = DoubleRegistry()
            let image = try registry.addImage(layers: [5_000], tag: "1")
            let layer = image.layers[0]
            let served = difference < 0 ? Array(layer.dropLast(-difference)) : layer + [0]
            let digest = try Sample.digest(layer)
            registry.lie { request, _ in
                guard request.path.hasSuffix(digest.description) else { return nil }
                return isChunked ? .chunked(served) : .answer(status: 200, body: served)
            }
            let error = try await registry.with { server in
                try await failure {
                    _ = try await ClientFixture().pull("1", from: [server], to: try TemporaryDirectory())
                }
            }
            #expect(error?.code == .integrity)
            let fact = isChunked ? (difference < 0 ? "too few" : "more bytes") : "where 5000 were to come"
            #expect(error?.reason.contains(fact) == true)
        }
    }

    @Test func anIndexThatSaysAnotherSizeIsRefused() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [10])
        let bytes = registry.edit { $0.manifests[image.digest.description]?.bytes ?? [] }
        let text = String(decoding: try Sample.index([bytes]), as: UTF8.self)
        let wrong = Array(text.replacing(#""size":\#(bytes.count)"#, with: #""size":\#(bytes.count + 1)"#).utf8)
        try registry.add(manifest: wrong, type: Sample.indexType, tag: "multi")
        let error = try await registry.with { server in
            try await failure {
                let directory = try TemporaryDirectory()
                _ = try await ClientFixture().pull("multi", from: [server], to: directory) { $0.platforms = .all }
            }
        }
        #expect(error?.code == .integrity && error?.reason.contains("its index says") == true)
    }

    @Test func anotherRangeThanAskedForIsRefused() async throws {
        let registry = DoubleRegistry()
        try registry.addImage(layers: [500_000], tag: "1")
        registry.lie { request, _ in
            guard let range = request.range else { return nil }
            let part = [UInt8](repeating: 1, count: range.count)
            let header = "bytes \(range.lowerBound + 1)-\(range.upperBound + 1)/500000"
            return .answer(status: 206, headers: [("Content-Range", header)], body: part)
        }
        let pieces = BlobFetch.Pieces(threshold: 100_000, bytes: 70_000, ahead: 2)
        let error = try await registry.with { server in
            try await failure {
                _ = try await ClientFixture().pull("1", from: [server], to: try TemporaryDirectory(), pieces: pieces)
            }
        }
        #expect(error?.code == .integrity && error?.reason.contains("another part") == true)
    }

    @Test func aRegistryThatAlwaysCutsIsANetworkFailure() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [5_000], tag: "1")
        let digest = try Sample.digest(image.layers[0])
        registry.lie { request, _ in
            request.path.hasSuffix(digest.description)
                ? .cut(status: 200, body: image.layers[0], after: 0) : nil
        }
        let error = try await registry.with { server in
            try await failure {
                _ = try await ClientFixture().pull("1", from: [server], to: try TemporaryDirectory())
            }
        }
        #expect(error?.code == .network && error?.exitStatus == 12)
    }
}
