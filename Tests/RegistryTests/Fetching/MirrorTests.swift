// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

/// What other registries have is here once it was asked for, as if it had been pushed; and nothing that they say does
/// harm.
@Suite(.timeLimit(.minutes(1))) struct MirrorTests {
    private let time = FetchTime()
    private let name = "docker.io/library/app"
    private let config = Array("{}".utf8)
    private let layer = Sample.bytes(5000)

    /// An image of the layer, and another one.
    private func image(_ seed: UInt64 = 0) throws -> [UInt8] {
        try Sample.image(config: config, layers: [layer], annotations: ["seed": "\(seed)"])
    }

    private func with(
        _ mirror: ScriptedMirror,
        mayFetch: Bool = true,
        _ work: (TestStore) async throws -> Void
    ) async throws {
        var options = TestStore.Options()
        var limits = FetchLimits()
        limits.rounds = 1
        options.fetching = time.options(limits)
        try await TestStore.with(options: options) { store in
            store.registry.setMirrors([
                MirroredRegistry(
                    name: try Sample.repository("docker.io"),
                    source: mirror,
                    fresh: .seconds(300),
                    defaultPrefix: "library",
                    mayFetch: { _ in mayFetch }
                )
            ])
            try await work(store)
        }
    }

    private func pull(_ reference: String, _ store: TestStore) async throws -> MirroredManifest? {
        let reference = try Reference(parsing: reference)
        return try await store.registry.mirroredManifest(
            reference,
            in: Sample.repository(name),
            caller: TestStore.caller
        )
    }

    private func digest(_ reference: String, _ store: TestStore) async throws -> Digest? {
        try await pull(reference, store)?.manifest.digest
    }

    private func pullBlob(_ digest: Digest, _ store: TestStore) async throws -> [UInt8] {
        switch try await store.registry.readBlob(digest, in: Sample.repository(name), observe: { _ in }) {
        case .here(let file): return Array(try await file.read(at: 0, count: Int(file.size)).readableBytesView)
        case .arriving(let blob):
            var bytes: [UInt8] = []
            while bytes.count < blob.size {
                bytes += try await blob.read(at: Int64(bytes.count), most: 10_000).readableBytesView
            }
            return bytes
        }
    }

    @Test func aTagIsFetchedOnceAndIsAManifestLikeAnyOther() async throws {
        let mirror = try ScriptedMirror()
        let expected = try mirror.add(try image(), tag: "v")
        try await with(mirror) { store in
            for reference in ["v", "v", "\(expected)"] {
                let found = try await pull(reference, store)
                #expect(found?.manifest.digest == expected)
                #expect(found?.staleness == nil)
                #expect(try (found?.manifest.bytes).map { Array($0.readableBytesView) } == image())
            }
            #expect(mirror.asked == ["v", "manifest"])
            let events = try await store.catalog.audit(.after(0), limit: 9, principal: "upstream:docker.io")
            #expect(events.map(\.kind).contains("tag.set"))
            #expect(events.map(\.kind).contains("manifest.put"))
            let problems = try await store.catalog.ruleViolations(limit: 9)
            #expect(problems == [])
        }
    }

    @Test func whatIsNotMirroredIsNotAsked() async throws {
        let mirror = try ScriptedMirror()
        try await with(mirror) { store in
            let found = try await store.registry.mirroredManifest(
                .tag(Sample.tag("v")),
                in: Sample.repository("team/app"),
                caller: TestStore.caller
            )
            #expect(found == nil)
            #expect(mirror.asked == [])
        }
    }

    @Test func aTagIsAskedForAgainOnceItsAnswerIsOld() async throws {
        let mirror = try ScriptedMirror()
        let first = try mirror.add(try image(1), tag: "v")
        try await with(mirror) { store in
            _ = try await pull("v", store)
            _ = mirror.asked
            time.advance(by: .seconds(301))
            let same = try await digest("v", store)
            #expect(same == first)
            #expect(mirror.asked == ["v"])
            let second = try mirror.add(try image(2), tag: "v")
            let known = try await digest("v", store)
            #expect(known == first)
            time.advance(by: .seconds(301))
            let moved = try await digest("v", store)
            #expect(moved == second)
            let former = try await digest("\(first)", store)
            #expect(former == first)
            #expect(mirror.asked == ["v", "manifest"])
            // It goes back to what is here: only the tag is asked for.
            try mirror.add(try image(1), tag: "v")
            time.advance(by: .seconds(301))
            let back = try await digest("v", store)
            #expect(back == first)
            #expect(mirror.asked == ["v"])
        }
    }

    @Test func aRegistryThatGivesNoDigestsIsAskedConditionally() async throws {
        let mirror = try ScriptedMirror()
        mirror.answersPlainly()
        let first = try mirror.add(try image(1), tag: "v")
        try await with(mirror) { store in
            for _ in 0..<2 {
                let found = try await digest("v", store)
                #expect(found == first)
                #expect(mirror.asked == ["v"])
                time.advance(by: .seconds(301))
            }
            let second = try mirror.add(try image(2), tag: "v")
            let moved = try await digest("v", store)
            #expect(moved == second)
        }
    }

    @Test func whatIsHereIsServedWithAWarningWhileTheRegistryFails() async throws {
        let mirror = try ScriptedMirror()
        let expected = try mirror.add(try image(), tag: "v")
        try await with(mirror) { store in
            _ = try await pull("v", store)
            _ = mirror.asked
            mirror.failure = .unavailable
            time.advance(by: .seconds(301))
            for _ in 0..<3 {
                let found = try await pull("v", store)
                #expect(found?.manifest.digest == expected)
                #expect(found?.staleness != nil)
            }
            // It is left alone for a moment.
            #expect(mirror.asked == ["v"])
            let refused = try await refusal { _ = try await pull("other", store) }
            #expect(refused == "elsewhere")
            mirror.failure = nil
            time.advance(by: .seconds(31))
            let found = try await pull("v", store)
            #expect(found?.staleness == nil)
            mirror.failure = .refused
            let denied = try await refusal { _ = try await pull("another", store) }
            #expect(denied == "upstreamRefuses")
        }
    }

    @Test func aTagThatIsGoneThereIsGoneHereButNotItsImage() async throws {
        let mirror = try ScriptedMirror()
        let expected = try mirror.add(try image(), tag: "v")
        try await with(mirror) { store in
            _ = try await pull("v", store)
            mirror.remove(tag: "v")
            time.advance(by: .seconds(301))
            _ = mirror.asked
            for _ in 0..<3 {
                let refused = try await refusal { _ = try await pull("v", store) }
                #expect(refused == "manifestUnknown")
            }
            #expect(mirror.asked == ["v"])
            let found = try await digest("\(expected)", store)
            #expect(found == expected)
            let tags = try await store.catalog.tags(in: Sample.repository(name), after: nil, limit: 9)
            #expect(tags?.isEmpty ?? true)
        }
    }

    @Test func manyWhoAskAtOnceCostOneQuestion() async throws {
        let gate = TestGate()
        let mirror = try ScriptedMirror([layer], gate: gate)
        let expected = try mirror.add(try image(), tag: "v")
        try await with(mirror) { store in
            try await withThrowingTaskGroup(of: Digest?.self) { group in
                for _ in 0..<20 { group.addTask { try await digest("v", store) } }
                gate.open()
                for try await found in group { #expect(found == expected) }
            }
            #expect(mirror.asked == ["v", "manifest"])
            let blob = try Sample.digest(layer)
            try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<20 { group.addTask { try await pullBlob(blob, store) } }
                for try await bytes in group { #expect(bytes == layer) }
            }
            #expect(mirror.blobs.asked == [0])
            // The manifest says how large it is.
            #expect(mirror.blobs.askedSizes == 0)
            let stored = try await store.registry.statBlob(blob, in: Sample.repository(name))
            #expect(stored == 5000)
        }
    }

    /// Who looks for what is here while another's question is answered does not ask again.
    @Test func manyWhoAskWhileAnAnswerComesCostOneQuestion() async throws {
        let mirror = try ScriptedMirror()
        try await with(mirror) { store in
            for round in 0..<50 {
                let tag = "v\(round)"
                let expected = try mirror.add(try image(UInt64(round)), tag: tag)
                try await withThrowingTaskGroup(of: Digest?.self) { group in
                    for client in 0..<20 {
                        group.addTask {
                            for _ in 0..<20 * client { await Task.yield() }
                            return try await digest(tag, store)
                        }
                    }
                    for try await found in group { #expect(found == expected) }
                }
                #expect(mirror.asked == [tag, "manifest"])
            }
        }
    }

    /// Whoever is elsewhere can name what only others here may see.
    @Test func aManifestGivesNobodyWhatItsRegistryHasNot() async throws {
        let mirror = try ScriptedMirror()
        try mirror.add(try image(), tag: "v")
        try await with(mirror) { store in
            let secret = try await store.push(layer, in: "secret/app")
            _ = try await pull("v", store)
            let refused = try await refusal { _ = try await pullBlob(secret, store) }
            #expect(refused == "nameUnknown" || refused == "blobUnknown")
        }
    }

    @Test func anIndexIsHereBeforeItsImagesAndHoldsThemOnceTheyCome() async throws {
        let mirror = try ScriptedMirror()
        let child = try mirror.add(try image())
        let index = try mirror.add(try Sample.index([try image(), try image(2)]), tag: "v", type: Sample.indexType)
        try await with(mirror) { store in
            let found = try await digest("v", store)
            #expect(found == index)
            #expect(mirror.asked == ["v", "manifest"])
            let image = try await digest("\(child)", store)
            #expect(image == child)
            let refused = try await refusal { try await store.delete(.digest(child), in: name) }
            #expect(refused == "manifestReferenced")
            let report = try await ConsistencyCheck(
                content: store.content,
                catalog: store.catalog,
                deep: true,
                repair: false
            ).run()
            #expect(report.problems == [])
        }
    }

    @Test func whatMayNotBeFetchedIsNot() async throws {
        let mirror = try ScriptedMirror()
        let expected = try mirror.add(try image(), tag: "v")
        try await with(mirror) { store in
            _ = try await pull("v", store)
            _ = mirror.asked
            store.registry.setMirrors([
                MirroredRegistry(
                    name: try Sample.repository("docker.io"),
                    source: mirror,
                    fresh: .seconds(1),
                    mayFetch: { _ in false }
                )
            ])
            time.advance(by: .seconds(301))
            let found = try await digest("v", store)
            #expect(found == expected)
            let refused = try await refusal { _ = try await pull("w", store) }
            #expect(refused == "manifestUnknown")
            let blob = try await refusal { _ = try await pullBlob(Sample.digest(layer), store) }
            #expect(blob == "blobUnknown")
            #expect(mirror.asked == [])
        }
    }

    @Test func whatIsNotWhatItSaysIsNotTaken() async throws {
        let mirror = try ScriptedMirror()
        try mirror.add(try image(1), tag: "lie", as: Sample.digest(try image(2)))
        try mirror.add(Array("<html>".utf8), tag: "html")
        let large = Array(repeating: UInt8(ascii: " "), count: OCILimits.manifestBytesLimit + 1)
        try mirror.add(large, tag: "large")
        try await with(mirror) { store in
            for tag in ["lie", "html", "large"] {
                let refused = try await refusal { _ = try await pull(tag, store) }
                #expect(refused == "elsewhere")
            }
            let exists = try await store.catalog.repositoryExists(Sample.repository(name))
            #expect(!exists)
        }
    }

    /// A size that is wrong breaks what says it, and nothing else.
    @Test func aWrongSizeIsFoundOut() async throws {
        let honest = try image()
        let text = String(decoding: honest, as: UTF8.self)
        let lie = Array(text.replacing("\"size\":5000", with: "\"size\":4999").utf8)
        let mirror = try ScriptedMirror([layer])
        try mirror.add(lie, tag: "lie")
        try mirror.add(honest, tag: "v")
        let blob = try Sample.digest(layer)
        try await with(mirror) { store in
            _ = try await pull("lie", store)
            let refused = try await refusal { _ = try await pullBlob(blob, store) }
            #expect(refused == "elsewhere")
            // Whoever awaits it says how large it is.
            try await store.delete(.digest(Sample.digest(lie)), in: name)
            _ = try await pull("v", store)
            let bytes = try await pullBlob(blob, store)
            #expect(bytes == layer)
            let again = try await refusal { _ = try await pull("\(Sample.digest(lie))", store) }
            #expect(again == "elsewhere")
        }
    }

    @Test func whatWasDeletedHereComesAgainWhenItIsAskedFor() async throws {
        let mirror = try ScriptedMirror()
        let expected = try mirror.add(try image(), tag: "v")
        try await with(mirror) { store in
            _ = try await pull("v", store)
            try await store.delete(.digest(expected), in: name)
            let found = try await digest("v", store)
            #expect(found == expected)
        }
    }

    @Test func aTagUnderAHoldStays() async throws {
        let mirror = try ScriptedMirror()
        let first = try mirror.add(try image(1), tag: "v")
        try await with(mirror) { store in
            _ = try await pull("v", store)
            let hold = try PinRequest(
                kind: .hold,
                repository: Sample.repository(name),
                subject: .tag(Sample.tag("v")),
                until: nil,
                reason: "evidence"
            )
            _ = try await store.registry.pin(hold, caller: TestStore.caller)
            let second = try mirror.add(try image(2), tag: "v")
            time.advance(by: .seconds(301))
            let held = try await pull("v", store)
            #expect(held?.manifest.digest == first)
            #expect(held?.staleness == nil)
            let other = try await digest("\(second)", store)
            #expect(other == second)
        }
    }

    @Test func namesArePlacedWhereTheyAreMeant() async throws {
        try await with(try ScriptedMirror()) { store in
            let cases: [(String, String?, String)] = [
                ("alpine", "docker.io", "docker.io/library/alpine"),
                ("library/alpine", "docker.io", "docker.io/library/alpine"),
                ("grafana/loki", "docker.io", "docker.io/grafana/loki"),
                ("docker.io/alpine", nil, "docker.io/library/alpine"),
                ("docker.io/a/b", nil, "docker.io/a/b"),
                ("team/app", nil, "team/app"),
                ("docker.io", nil, "docker.io"),
            ]
            for (path, namespace, expected) in cases {
                let placed = try store.registry.placed(Sample.repository(path), namespace: namespace)
                #expect(placed.description == expected)
            }
            for namespace in ["quay.io", "", "docker.io/library"] {
                let refused = try await refusal {
                    _ = try store.registry.placed(Sample.repository("a"), namespace: namespace)
                }
                #expect(refused == "upstreamUnknown")
            }
        }
    }

    @Test func withoutMirrorsANamespaceMeansNothing() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository("team/app")
            #expect(try store.registry.placed(name, namespace: "docker.io") == name)
        }
    }
}
