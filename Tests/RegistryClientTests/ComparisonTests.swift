// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ImageDiff
import LayerSamples
import OCI
import RegistryClient
import Synchronization
import TestSupport
import Testing
import Trust

/// Comparing images of a registry.
@Suite struct ComparisonTests {
    let registry = DoubleRegistry()
    /// The paths of blobs that were asked for.
    private final class Asked: Sendable {
        let blobs = Mutex<Set<String>>([])
    }

    private let asked = Asked()

    static func layer(_ files: [(String, String)]) -> [UInt8] {
        var tar = TarWriter()
        for (path, text) in files { tar.add(path, Array(text.utf8)) }
        return Packing.gzip(tar.ended)
    }

    @discardableResult
    func add(
        _ tag: String,
        _ layers: [[UInt8]],
        config: String = "",
        annotations: [String: String] = [:]
    ) throws -> [UInt8] {
        let config = Array(#"{"architecture":"amd64","os":"linux","config":{\#(config)}}"#.utf8)
        for blob in [config] + layers { try registry.add(blob: blob) }
        let manifest = try Sample.image(config: config, layers: layers, annotations: annotations)
        try registry.add(manifest: manifest, tag: tag)
        return manifest
    }

    func compare(
        _ old: String,
        _ new: String,
        _ change: @Sendable (inout ImageComparison.Options) -> Void = { _ in }
    ) async throws -> ImageComparison {
        registry.lie { [asked] request, _ in
            if request.path.contains("/blobs/") { _ = asked.blobs.withLock { $0.insert(request.path) } }
            return nil
        }
        var options = ImageComparison.Options()
        change(&options)
        let final = options
        return try await registry.with { server in
            let names = try [old, new].map { try ImageReference(parsing: "127.0.0.1:\(server.port)/team/app:\($0)") }
            return try await ClientFixture().at([server]) { regions throws(ClientError) in
                try await ImageComparison.compare(
                    (names[0], regions),
                    (names[1], regions),
                    options: final,
                    progress: PullProgress()
                )
            }
        }
    }

    private func wasFetched(_ blob: [UInt8]) throws -> Bool {
        let digest = try Sample.digest(blob).description
        return asked.blobs.withLock { $0.contains { $0.hasSuffix(digest) } }
    }

    @Test func partsAreCompared() async throws {
        let base = Self.layer([("etc/a", "1"), ("var/lib/dpkg/status", "Package: p\nVersion: 1\n")])
        let key = "org.opencontainers.image.revision"
        try add("old", [base, Self.layer([("etc/a", "2")])], config: #""User":"1""#, annotations: [key: "aaa"])
        try add("new", [base, Self.layer([("etc/a", "33")])], config: #""Labels":{"\#(key)":"bbb"}"#)
        let comparison = try await compare("old", "new") { $0.files = true }
        #expect(!comparison.isSame)
        #expect(comparison.layers.common == 1 && comparison.layers.removed.count == 1)
        #expect(comparison.configuration.value?.map(\.field) == ["user", "label"])
        #expect(comparison.revision == [ValueChange("revision", key, old: "aaa", new: "bbb")])
        #expect(comparison.packages.value?.isEmpty == true)
        #expect(comparison.files.value?.changes.map(\.path.description) == ["etc/a"])
        #expect(comparison.lines.contains("  ~ etc/a (content 1 B -> 2 B)"))
        #expect(try !wasFetched(base), "what lies below does not matter")
        let document = try JSONValue(parsing: Array(comparison.json.utf8))
        #expect(document["files"]?["changed"] == .integer(1))
        let same = try await compare("old", "old") { $0.files = true }
        #expect(same.isSame && same.lines.last == "the same image")
    }

    @Test func commonLayersAreReadWhereTheyMatter() async throws {
        let base = Self.layer([("etc/a", "1"), ("var/lib/dpkg/status", "Package: p\nVersion: 1\n")])
        try add("old", [base, Self.layer([("x", "x")])])
        try add("new", [base, Self.layer([("var/lib/dpkg/status", "Package: p\nVersion: 2\n"), ("etc/a", "22")])])
        let comparison = try await compare("old", "new") { $0.files = true }
        #expect(comparison.packages.value?.changes.map(\.old) == [["1"]])
        #expect(
            comparison.files.value?.changes.map(\.path.description) == ["etc/a", "var/lib/dpkg/status", "x"]
        )
        #expect(try wasFetched(base))
        let aside = try await compare("old", "new") { $0.layers = false }
        #expect(aside.packages.value == nil)
    }

    @Test func wrongBytesAreFoundWhateverTheyHold() async throws {
        let layer = Self.layer([("a", "1")])
        try add("old", [Self.layer([("a", "0")])])
        try add("new", [layer])
        let path = "/blobs/\(try Sample.digest(layer))"
        var other = layer
        other[4] ^= 1  // The time in the header of gzip: the archive is the same.
        let damaged = Array(layer.prefix(layer.count / 2)) + [UInt8](repeating: 0, count: layer.count - layer.count / 2)
        for lie in [other, damaged] {
            registry.edit { $0.blobs[String(path.dropFirst(7))] = lie }
            let error = await #expect(throws: ClientError.self) { try await compare("old", "new") { $0.files = true } }
            #expect(error?.code == .integrity)
            #expect(error?.reason.contains("another digest") == true, "\(error?.reason ?? "")")
        }
    }

    @Test func layersThatContradictTheirFormatAreNamed() async throws {
        try add("old", [Self.layer([("a", "0")])])
        let cut = Array(Self.layer([("a", String(repeating: "x", count: 100_000))]).dropLast(20))
        try add("cut", [cut])
        let error = await #expect(throws: ClientError.self) { try await compare("old", "cut") }
        #expect(error?.code == .integrity)
        let digest = try Sample.digest(cut).description
        #expect(error?.reason.contains("the layer \(digest) cannot be compared") == true)
        try add("outside", [Self.layer([("../a", "0")])])
        let outside = await #expect(throws: ClientError.self) { try await compare("old", "outside") }
        #expect(outside?.code == .integrity)
    }

    /// A layer that is larger than what a pipe holds, with a reader that gives up at its beginning or goes to its end.
    @Test func largeLayersPass() async throws {
        var tar = TarWriter()
        tar.add("big", Sample.bytes(12 << 20))
        tar.add("end", Array("end".utf8))
        try add("old", [Self.layer([("end", "0")])])
        try add("new", [tar.ended])
        let comparison = try await compare("old", "new") { $0.files = true }
        #expect(comparison.files.value?.added == 1 && comparison.files.value?.changed == 1)
        try add("noise", [Sample.bytes(12 << 20, seed: 9)])
        let error = await #expect(throws: ClientError.self) { try await compare("old", "noise") }
        #expect(error?.code == .integrity)
    }

    @Test func inventoriesComeBeforeDatabases() async throws {
        let layers = [Self.layer([("var/lib/dpkg/status", "Package: p\nVersion: 1\n")]), Self.layer([("a", "1")])]
        for (tag, layer, version) in [("old", layers[0], "1"), ("new", layers[1], "2")] {
            let image = try add(tag, [layer])
            let list =
                #"{"spdxVersion":"SPDX-2.3","SPDXID":"x","packages":[{"name":"lib","versionInfo":"\#(version)"}]}"#
            let bytes = Array(list.utf8)
            let subject = Descriptor(
                mediaType: .imageManifest,
                digest: try Sample.digest(image),
                size: Int64(image.count)
            )
            let artifact = try TrustArtifact.referrer(of: subject, report: bytes, mediaType: .spdx, created: 0)
            for blob in artifact.blobs { try registry.add(blob: blob.bytes) }
            try registry.add(manifest: artifact.manifest)
            registry.edit { $0.referrers[subject.digest.description] = [artifact.manifest] }
        }
        let comparison = try await compare("old", "new")
        #expect(comparison.packages.value?.source == "spdx attached")
        #expect(comparison.packages.value?.changes.map(\.name.name) == ["lib"])
        #expect(try !wasFetched(layers[0]) && !wasFetched(layers[1]))
    }

    @Test func provenanceAndInventoriesInAnIndex() async throws {
        for (tag, commit) in [("old", "aaa"), ("new", "bbb")] {
            let image = try add("\(tag)-image", [Self.layer([("a", tag)])])
            let digest = try Sample.digest(image)
            let predicate =
                #"{"builder":{"id":"b"},"materials":[{"uri":"git+https://x/y","digest":{"sha1":"\#(commit)"}}]}"#
            let statement = try InTotoStatement.bytes(
                subject: InTotoStatement.Subject(digests: [digest]),
                predicateType: .provenanceV02,
                predicate: Array(predicate.utf8)
            )
            try registry.add(blob: statement)
            let holder = Array(
                #"""
                {"schemaVersion":2,"mediaType":"\#(Sample.imageType)","config":{"mediaType":"\#(Sample.configType)",\#
                "digest":"\#(try Sample.digest(Array("{}".utf8)))","size":2},"layers":[{"mediaType":\#
                "application/vnd.in-toto+json","digest":"\#(try Sample.digest(statement))","size":\#(statement.count)}]}
                """#.utf8
            )
            try registry.add(manifest: holder)
            let index = Array(
                #"""
                {"schemaVersion":2,"mediaType":"\#(Sample.indexType)","manifests":[\#
                {"mediaType":"\#(Sample.imageType)","digest":"\#(digest)","size":\#(image.count),\#
                "platform":{"os":"linux","architecture":"amd64"}},\#
                {"mediaType":"\#(Sample.imageType)","digest":"\#(try Sample.digest(holder))","size":\#(holder.count),\#
                "platform":{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":\#
                "attestation-manifest","vnd.docker.reference.digest":"\#(digest)"}}]}
                """#.utf8
            )
            try registry.add(manifest: index, type: Sample.indexType, tag: tag)
        }
        let comparison = try await compare("old", "new")
        #expect(comparison.revision == [ValueChange("provenance", "commit", old: "aaa", new: "bbb")])
        let platforms = try await compare("old", "new") { $0.platform = .all }
        #expect(platforms.platforms?.rows.map(\.platform) == ["linux/amd64"])
        #expect(!platforms.isSame && platforms.lines.last?.hasPrefix("~ linux/amd64 sha256:") == true)
    }

    /// What an image says cannot move the cursor of whoever reads it.
    @Test func textOfImagesIsShownSafely() async throws {
        try add("old", [Self.layer([("a", "0")])])
        try add("new", [Self.layer([("a\u{1B}[2J", "0")])], config: #""Env":["A=\u001b[2J\nB"]"#)
        let comparison = try await compare("old", "new") { $0.files = true }
        let text = comparison.lines.joined()
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 })
        #expect(text.contains(#"a\u{1b}[2J"#))
        let bounded = try await compare("old", "new") { options in
            options.files = true
            options.shown = 0
        }
        #expect(bounded.lines.contains { $0.contains("see --limit") })
    }
}
