// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import Synchronization
import TestSupport
import Testing

@Suite("Regions")
struct RegionTests {
    /// How a registry lies about the first layer.
    private typealias Lie = @Sendable ([UInt8]) -> (@Sendable (DoubleRequest, Int) -> DoubleReply?)

    private typealias Pulled = (first: [DoubleRequest], second: [DoubleRequest], error: ClientError?)

    /// Two registries with the same image, of which the first lies.
    private func pull(layers: [Int], lie: @escaping Lie) async throws -> Pulled {
        try await pull(layers: layers, near: lie, far: { _ in { _, _ in nil } })
    }

    /// Two registries with the same image; only a test whose registry stalls sets `idle`.
    private func pull(
        layers: [Int],
        pieces: BlobFetch.Pieces = BlobFetch.Pieces(),
        idle: Int64? = nil,
        near nearLie: @escaping Lie,
        far farLie: @escaping Lie
    ) async throws -> Pulled {
        let (near, far) = (DoubleRegistry(), DoubleRegistry())
        let image = try near.addImage(layers: layers, tag: "1")
        try far.addImage(layers: layers, tag: "1")
        near.lie(nearLie(image.layers[0]))
        far.lie(farLie(image.layers[0]))
        let directory = try TemporaryDirectory()
        var client = try ClientFixture()
        if let idle { client.options.timeouts.idle = idle }
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

    /// What was asked for of a layer, up to byte `end` of the layer, and then nothing.
    private static func stall(_ request: DoubleRequest, _ layer: [UInt8], end: Int) -> DoubleReply? {
        guard case .answer(let status, let headers, let body) = DoubleRegistry.part(of: layer, request) else {
            return nil
        }
        let first = request.range?.lowerBound ?? 0
        return .stall(status: status, headers: headers, body: body, after: max(end - first, 0))
    }

    @Test func afterACutInTheMiddleOfABlobTheNextOneGoesOn() async throws {
        let result = try await pull(layers: [300_000, 200]) { layer in
            { request, _ in
                guard Self.isLayer(request, layer) else { return nil }
                return .cut(status: 200, body: layer, after: 100_000)
            }
        }
        #expect(result.error == nil)
        // Bytes that came right before a connection ends may be lost with it.
        #expect(result.second.contains { $0.path.contains("/blobs/") })
        #expect(result.first.filter { $0.path.contains("/blobs/") }.count <= 3)
    }

    /// On a busy machine the idle time may pass before all of the part came: the next region is busy until then, and
    /// sends the client back.
    @Test func afterAStallInTheMiddleOfABlobTheNextOneGoesOn() async throws {
        let stalled = Mutex<[UInt8]>([])
        let sentBack = Mutex(0)
        let result = try await pull(
            layers: [300_000, 200],
            idle: 1_500,
            near: { layer in
                stalled.withLock { $0 = layer }
                return { request, _ in
                    Self.isLayer(request, layer) ? Self.stall(request, layer, end: 100_000) : nil
                }
            },
            far: { layer in
                { request, _ in
                    guard Self.isLayer(request, layer), request.range?.lowerBound != 100_000 else { return nil }
                    sentBack.withLock { $0 += 1 }
                    return .status(503)
                }
            }
        )
        #expect(result.error == nil)
        let layer = stalled.withLock { $0 }
        let ranges = result.second.filter { Self.isLayer($0, layer) }.compactMap(\.range)
        #expect(ranges.last == 100_000...299_999)
        let asked = result.first.filter { $0.path.contains("/blobs/") }.count
        let again = sentBack.withLock { $0 }
        #expect(asked <= 3 + again)
    }

    @Test func inTheMiddleOfAPieceTheNextOneGoesOn() async throws {
        let pieces = BlobFetch.Pieces(threshold: 50_000, bytes: 40_000, ahead: 2)
        // As with a whole blob; once one piece was handed over in its middle, the next region answers everything.
        let isHandedOver = Mutex(false)
        let result = try await pull(
            layers: [300_000],
            pieces: pieces,
            idle: 1_500,
            near: { layer in
                { request, _ in
                    guard Self.isLayer(request, layer), let first = request.range?.lowerBound, first >= 80_000 else {
                        return nil
                    }
                    return Self.stall(request, layer, end: first / 40_000 * 40_000 + 10_000)
                }
            },
            far: { layer in
                { request, _ in
                    guard Self.isLayer(request, layer), let range = request.range else { return nil }
                    let answers = isHandedOver.withLock { isHandedOver in
                        isHandedOver = isHandedOver || range.lowerBound % 40_000 == 10_000
                        return isHandedOver
                    }
                    return answers ? nil : .status(503)
                }
            }
        )
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
