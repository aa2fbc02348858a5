// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import Synchronization
import TestSupport
import Testing

@Suite("Regions")
struct RegionTests {
    /// Two registries with the same image, of which the first lies.
    private func pull(
        layers: [Int],
        pieces: BlobFetch.Pieces = BlobFetch.Pieces(),
        lie: @escaping @Sendable ([UInt8]) -> (@Sendable (DoubleRequest, Int) -> DoubleReply?)
    ) async throws -> (first: [DoubleRequest], second: [DoubleRequest], error: ClientError?) {
        let (near, far) = (DoubleRegistry(), DoubleRegistry())
        let image = try near.addImage(layers: layers, tag: "1")
        try far.addImage(layers: layers, tag: "1")
        near.lie(lie(image.layers[0]))
        let directory = try TemporaryDirectory()
        var client = try ClientFixture()
        client.options.timeouts.idle = 1_500
        return try await near.with { first in
            try await far.with { [client] second in
                let error = try await failure {
                    let report = try await client.pull("1", from: [first, second], to: directory, pieces: pieces)
                    #expect(report.progress.bytesReceived == report.progress.bytesTotal)
                    for layer in image.layers {
                        let stored = try directory.read("layout/blobs/sha256/\(try Sample.digest(layer).hex)")
                        #expect(stored == layer)
                    }
                }
                return (first.requests, second.requests, error)
            }
        }
    }

    private static func isLayer(_ request: DoubleRequest, _ layer: [UInt8]) -> Bool {
        (try? request.path.hasSuffix(Sample.digest(layer).description)) ?? false
    }

    @Test func aHealthyFirstRegionIsTheOnlyOneAsked() async throws {
        let result = try await pull(layers: [1_000]) { _ in { _, _ in nil } }
        #expect(result.error == nil && result.second.isEmpty)
    }

    @Test func aRegionThatIsDownIsLeft() async throws {
        for reply in [DoubleReply.drop, .status(503), .status(404), .status(401)] {
            let result = try await pull(layers: [1_000]) { _ in { _, _ in reply } }
            #expect(result.error == nil && !result.second.isEmpty)
        }
    }

    @Test(arguments: [false, true]) func inTheMiddleOfABlobTheNextOneGoesOn(stalls: Bool) async throws {
        let result = try await pull(layers: [300_000, 200]) { layer in
            { request, _ in
                guard Self.isLayer(request, layer) else { return nil }
                return stalls
                    ? .stall(status: 200, body: layer, after: 100_000) : .cut(status: 200, body: layer, after: 100_000)
            }
        }
        #expect(result.error == nil)
        // Bytes that came right before a connection ends may be lost with it.
        if stalls {
            let range = try #require(result.second.compactMap(\.range).first)
            #expect(range.lowerBound > 0 && range.lowerBound <= 100_000 && range.upperBound == 299_999)
        }
        #expect(result.second.contains { $0.path.contains("/blobs/") })
        #expect(result.first.filter { $0.path.contains("/blobs/") }.count <= 3)
    }

    @Test func inTheMiddleOfAPieceTheNextOneGoesOn() async throws {
        let pieces = BlobFetch.Pieces(threshold: 50_000, bytes: 40_000, ahead: 2)
        let result = try await pull(layers: [300_000], pieces: pieces) { layer in
            { request, _ in
                guard Self.isLayer(request, layer), let range = request.range, range.lowerBound >= 80_000,
                    case .answer(let status, let headers, let body) = DoubleRegistry.part(of: layer, request)
                else { return nil }
                return .stall(status: status, headers: headers, body: body, after: 10_000)
            }
        }
        #expect(result.error == nil)
        #expect(result.second.contains { $0.range.map { $0.lowerBound % 40_000 == 10_000 } ?? false })
    }

    @Test(arguments: [1_000, 999, 1_001]) func aRegionThatLiesIsNotLeftButToldOf(length: Int) async throws {
        let result = try await pull(layers: [1_000]) { layer in
            { request, _ in
                guard Self.isLayer(request, layer) else { return nil }
                return .answer(status: 200, body: Array((layer.reversed() + [0]).prefix(length)))
            }
        }
        #expect(result.error?.code == .integrity)
    }

    @Test func aBlobThatNoRegionHasIsNotFound() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [1_000], tag: "1")
        let digest = try Sample.digest(image.layers[0])
        registry.edit { $0.blobs[digest.description] = nil }
        let client = try ClientFixture()
        try await registry.with { first in
            try await registry.with { second in
                let error = try await failure {
                    _ = try await client.pull("1", from: [first, second], to: try TemporaryDirectory())
                }
                #expect(error?.code == .notFound && error?.exitStatus == 3)
            }
        }
        #expect(client.pauses.all.isEmpty)
    }

    @Test func eachHostIsAskedOnceAndTheImagesOwnLast() async throws {
        let image = try ImageReference(parsing: "home.example/team/app:1")
        let names = ["https://near.example/", "https://home.example", "https://near.example:443/x"]
        let before = try names.map { try WebAddress(parsing: $0).origin }
        let credentials = try CredentialSource(given: nil, environment: [:])
        let asked = try await Transport.with { transport async throws(ClientError) in
            let regions = try Regions(
                of: image,
                before: before,
                tls: .beyondLoopback,
                credentials: credentials,
                transport: transport
            )
            return regions.repositories.map(\.origin.description)
        }
        #expect(asked == ["https://near.example", "https://home.example"])
    }
}
