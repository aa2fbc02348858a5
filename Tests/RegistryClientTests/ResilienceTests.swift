// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import Synchronization
import TestSupport
import Testing

@Suite("Failures that pass")
struct ResilienceTests {
    private static func blob(_ digest: Digest) -> String { "layout/blobs/sha256/\(digest.hex)" }

    @Test func busyRegistriesAreAskedAgainWhenTheySay() async throws {
        let registry = DoubleRegistry()
        try registry.addImage(layers: [10], tag: "1")
        registry.lie { _, count in
            switch count {
            case 0: .status(429, [("Retry-After", "7")])
            case 1: .status(503)
            case 2: .drop
            default: nil
            }
        }
        let client = try ClientFixture()
        try await registry.with { server in
            _ = try await client.pull("1", from: [server], to: try TemporaryDirectory())
        }
        #expect(client.pauses.all == [7_000, 250, 500])
    }

    @Test func whatWillNotPassIsNotTriedAgain() async throws {
        for (status, code) in [(404, ClientError.Code.notFound), (403, .denied), (400, .network), (501, .network)] {
            let registry = DoubleRegistry()
            registry.lie { _, _ in .status(status) }
            try await registry.with { server in
                let error = try await failure {
                    _ = try await ClientFixture().pull("1", from: [server], to: try TemporaryDirectory())
                }
                #expect(error?.code == code, "\(status)")
                #expect(server.requests.count == 1, "\(status)")
            }
        }
    }

    @Test func pausesGrowAndEnd() {
        let failed = ClientError(.network, "", retry: .later)
        let pauses = (1...6).map { RetryPlan.pause(after: failed, failures: $0, random: { $0 - 1 }) }
        #expect(pauses == [250, 500, 1_000, 2_000, nil, nil])
        let busy = { ClientError(.network, "", retry: .after(seconds: $0)) }
        #expect(RetryPlan.pause(after: busy(60), failures: 1, random: { _ in 0 }) == 60_000)
        #expect(RetryPlan.pause(after: busy(61), failures: 1, random: { _ in 0 }) == nil)
        #expect(RetryPlan.pause(after: ClientError(.network, ""), failures: 1, random: { _ in 0 }) == nil)
    }

    @Test func slowBodiesAreTold() {
        var timeouts = Transport.Timeouts()
        (timeouts.window, timeouts.bytesPerWindow) = (1_000, 100)
        var rate = RateGuard(timeouts, start: 0)
        let steps: [(Int, UInt64)] = [(50, 900), (50, 1_000), (10, 1_900), (10, 2_000)]
        let admitted = steps.map { rate.admits($0, at: $1 * 1_000_000) }
        #expect(admitted == [true, true, true, false])
        // The time that the reader takes is not counted.
        var patient = RateGuard(timeouts, start: 0)
        patient.restart(at: 5_000_000_000)
        let isPatient = patient.admits(1, at: 5_100_000_000)
        #expect(isPatient)
    }

    @Test(arguments: [false, true]) func aBlobThatIsCutGoesOnWhereItWas(isLarge: Bool) async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [400_000], tag: "1")
        let digest = try Sample.digest(image.layers[0])
        let cuts = Mutex(0)
        registry.lie { request, _ in
            guard request.path.hasSuffix(digest.description) else { return nil }
            let isFirst = cuts.withLock { cuts in
                cuts += 1
                return cuts <= 3
            }
            guard isFirst,
                case .answer(let status, let headers, let body) = DoubleRegistry.part(of: image.layers[0], request)
            else { return nil }
            return .cut(status: status, headers: headers, body: body, after: body.count / 2)
        }
        let directory = try TemporaryDirectory()
        let pieces = BlobFetch.Pieces(threshold: isLarge ? 100_000 : 1_000_000, bytes: 90_000, ahead: 2)
        let progress = try await registry.with { server in
            try await ClientFixture().pull("1", from: [server], to: directory, pieces: pieces).progress
        }
        let stored = try directory.read(Self.blob(digest))
        #expect(stored == image.layers[0])
        #expect(progress.bytesReceived == progress.bytesTotal)
    }

    // MARK: An interrupted pull

    /// Pulls from a registry that stalls in its large blob and then fails for good; answers with what is left on disk.
    private func interrupted(
        _ registry: DoubleRegistry,
        _ layer: [UInt8],
        after count: Int,
        in directory: TemporaryDirectory
    ) async throws -> String {
        let digest = try Sample.digest(layer)
        registry.lie { request, _ in
            guard request.path.hasSuffix(digest.description) else { return nil }
            // On a busy machine the idle time may pass before all of the part came: it fails only from then on.
            let first = request.range?.lowerBound ?? 0
            guard first < count,
                case .answer(let status, let headers, let body) = DoubleRegistry.part(of: layer, request)
            else { return .status(503) }
            return .stall(status: status, headers: headers, body: body, after: count - first)
        }
        var client = try ClientFixture()
        client.options.timeouts.idle = 1_500
        let error = try await registry.with { [client] server in
            try await failure { _ = try await client.pull("1", from: [server], to: directory) }
        }
        #expect(error?.code == .network)
        let entries = try JSONValue(parsing: directory.read("layout/index.json"))["manifests"]
        #expect(entries == .array([]))
        return "layout/.partial/sha256-\(digest.hex)"
    }

    @Test func aPullGoesOnWhereItWasInterrupted() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [3_000_000], tag: "1")
        let directory = try TemporaryDirectory()
        let partial = try await interrupted(registry, image.layers[0], after: 2_000_000, in: directory)
        let kept = try directory.read(partial).count
        #expect(kept > 0 && kept <= 2_000_000)
        registry.lie { _, _ in nil }
        let (requests, progress) = try await registry.with { server in
            let progress = try await ClientFixture().pull("1", from: [server], to: directory).progress
            return (server.requests, progress)
        }
        #expect(requests.compactMap(\.range) == [kept...2_999_999])
        #expect(progress.bytesReused >= Int64(kept))
        #expect(progress.bytesReused + progress.bytesReceived == progress.bytesTotal)
        let stored = try directory.read(Self.blob(try Sample.digest(image.layers[0])))
        #expect(stored == image.layers[0])
    }

    @Test func whatWasDamagedMeanwhileIsFetchedAgain() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [3_000_000], tag: "1")
        let digest = try Sample.digest(image.layers[0])
        let directory = try TemporaryDirectory()
        let partial = try await interrupted(registry, image.layers[0], after: 2_000_000, in: directory)
        var bytes = try directory.read(partial)
        bytes[100] ^= 1
        try directory.write(bytes, to: partial)
        registry.lie { _, _ in nil }
        try await registry.with { server in
            _ = try await ClientFixture().pull("1", from: [server], to: directory)
            // What has its final name is read and compared too.
            var blob = try directory.read(Self.blob(digest))
            #expect(blob == image.layers[0])
            blob[5] ^= 1
            try directory.write(blob, to: Self.blob(digest))
            _ = try await ClientFixture().pull("1", from: [server], to: directory)
        }
        let stored = try directory.read(Self.blob(digest))
        #expect(stored == image.layers[0])
    }

    @Test func oneProcessWritesToALayout() async throws {
        let directory = try TemporaryDirectory()
        let layout = try await ImageLayout.open(directory.path + "/layout")
        let error = try await failure { _ = try await ImageLayout.open(directory.path + "/layout") }
        #expect(error?.code == .usage)
        withExtendedLifetime(layout) {}
    }

    // MARK: The cache

    @Test func theCacheIsAskedFirstAndGivenWhatIsNew() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [50_000, 60_000], tag: "1")
        let first = try TemporaryDirectory()
        let cache = try TemporaryDirectory()
        try await registry.with { server in
            let client = try ClientFixture()
            _ = try await client.pull("1", from: [server], to: first) { $0.cache = cache.path }
            #expect(cache.files(in: "blobs/sha256").count == 3)
            // A damaged file of the cache is not taken, and not believed for its name.
            let damaged = try Sample.digest(image.layers[0])
            let junk = Sample.bytes(49_000, seed: 99)
            try cache.write(junk, to: "blobs/sha256/\(damaged.hex)")
            let before = server.requests.count
            let second = try TemporaryDirectory()
            let progress = try await client.pull("1", from: [server], to: second) { $0.cache = cache.path }.progress
            #expect(progress.bytesReceived == 50_000)
            #expect(try cache.read("blobs/sha256/\(damaged.hex)") == junk)
            #expect(server.requests.dropFirst(before).filter { $0.path.contains("/blobs/") }.count == 1)
            for layer in image.layers {
                let stored = try second.read(Self.blob(try Sample.digest(layer)))
                #expect(stored == layer)
            }
        }
    }
}
