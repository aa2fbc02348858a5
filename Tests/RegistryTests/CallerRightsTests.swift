// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

/// What a caller's rights and quotas change about the verbs.
@Suite(.serialized, .timeLimit(.minutes(1))) struct CallerRightsTests {
    private static func caller(_ adjust: (inout Caller) -> Void = { _ in }) -> Caller {
        var caller = Caller(principal: "user:bob", requestID: "r-1", method: "basic", address: "192.0.2.1")
        adjust(&caller)
        return caller
    }

    private static func push(_ bytes: [UInt8], in name: String, _ store: TestStore, _ caller: Caller) async throws {
        try await store.registry.putBlob(
            ByteBuffer(bytes: bytes),
            as: Sample.digest(bytes),
            in: Sample.repository(name),
            caller: caller
        )
    }

    private static func put(
        _ bytes: [UInt8],
        _ tags: [String],
        _ store: TestStore,
        _ caller: Caller
    ) async throws -> StoredPush {
        var push = ManifestPush(reference: .digest(try Sample.digest(bytes)), contentType: nil, bytes: bytes)
        push.tags = try tags.map(Sample.tag)
        return try await store.registry.putManifest(push, in: Sample.repository(), caller: caller)
    }

    // MARK: - Mounts

    @Test(arguments: ["a", nil])
    func aMountNeedsARepositoryThatTheCallerMayRead(_ source: String?) async throws {
        try await TestStore.with { store in
            let digest = try await store.push([1, 2, 3], in: "a")
            let target = try Sample.repository("b")
            for readable in ["b", "a"] {
                let caller = Self.caller { $0.isReadable = { $0.description == readable } }
                let mounted = try await store.registry.mount(
                    digest,
                    from: source.map { try Sample.repository($0) },
                    to: target,
                    caller: caller
                )
                #expect(mounted == (readable == "a"))
            }
            let outcome1 = try await refusal { _ = try await store.registry.statBlob(digest, in: target) }
            #expect(outcome1 == nil)
        }
    }

    // MARK: - Tags

    @Test func anImmutableTagIsOverwrittenByAnExemptionOnly() async throws {
        try await TestStore.with { store in
            let first = try await store.putImage(seed: 1, tag: "v1")
            let second = try Sample.image(annotations: ["n": "2"])
            let denied = Self.caller { caller in
                caller.mayOverwrite = { $0.description == "v1" ? .denied(reason: "it is immutable") : .allowed }
            }
            for isDeleted in [false, true] {
                if isDeleted { try await store.delete(.tag(Sample.tag("v1"))) }
                do {
                    _ = try await Self.put(second, ["new", "v1"], store, denied)
                    Issue.record("not refused")
                } catch RegistryError.overwriteDenied(let tag, let current, let reason) {
                    #expect(tag.description == "v1" && current == first && reason == "it is immutable")
                }
                let outcome2 = try await refusal { _ = try await store.get("new") }
                #expect(outcome2 == "manifestUnknown")
            }
            let exempted = Self.caller { $0.mayOverwrite = { _ in .exempted } }
            let stored = try await Self.put(second, ["v1"], store, exempted)
            #expect(try await store.get("v1") == stored.digest)
        }
    }

    // MARK: - Attaching only

    @Test func whoMayOnlySignPushesWhatIsAttachedAndNothingElse() async throws {
        try await TestStore.with { store in
            let signer = Self.caller { $0.mayPush = { _ in false } }
            let image = try await store.putImage(seed: 1, tag: "v1")
            let name = "sha256-\(image.hex)"
            let plain = try Sample.image(annotations: ["n": "2"])
            for tags in [[], ["v1"], ["latest"], ["\(name).sig", "v1"]] {
                let outcome = try await refusal { _ = try await Self.put(plain, tags, store, signer) }
                #expect(outcome == "pushDenied", "\(tags)")
            }
            #expect(try await store.get("v1") == image)
            let attached = try Sample.image(subject: plain, annotations: ["n": "3"])
            for tags in [["v1"], ["latest"]] {
                let outcome = try await refusal { _ = try await Self.put(attached, tags, store, signer) }
                #expect(outcome == "pushDenied", "\(tags)")
            }
            _ = try await Self.put(attached, [], store, signer)
            let signature = try await Self.put(plain, ["\(name).sig"], store, signer)
            #expect(try await store.get("\(name).sig") == signature.digest)
        }
    }

    // MARK: - Uploads

    @Test func anUploadIsForWhoOpenedIt() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            let opener = Self.caller()
            let session = try await store.registry.startUpload(in: name, hint: nil, expectedBytes: nil, caller: opener)
            let id = session.id.description
            let other = Caller(principal: "user:eve", requestID: "r-2")
            let found = try await refusal { _ = try await store.registry.upload(id, in: name, caller: other) }
            let ended = try await refusal { try await store.registry.cancelUpload(id, in: name, caller: other) }
            #expect(found == "uploadUnknown" && ended == "uploadUnknown")
            #expect(try await store.registry.upload(id, in: name, caller: opener).id == session.id)
            try await store.registry.cancelUpload(id, in: name, caller: opener)
        }
    }

    // MARK: - Quotas

    @Test func whatIsOverQuotaLeavesNothingBehind() async throws {
        try await TestStore.with { store in
            let caller = Self.caller { $0.quotas = [(prefix: "team/", bytes: 100)] }
            let (small, large) = (Sample.bytes(60, seed: 1), Sample.bytes(50, seed: 2))
            try await Self.push(small, in: "team/app", store, caller)
            let outcome3 = try await refusal { try await Self.push(large, in: "team/b", store, caller) }
            #expect(outcome3 == "quotaExceeded")
            let name = try Sample.repository("team/b")
            let early = try await refusal {
                _ = try await store.registry.startUpload(in: name, hint: nil, expectedBytes: 50, caller: caller)
            }
            #expect(early == "quotaExceeded")
            let session = try await store.registry.startUpload(
                in: name,
                hint: nil,
                expectedBytes: nil,
                caller: caller
            )
            let claim = try store.registry.claim(session)
            try await claim.append(ByteBuffer(bytes: large))
            do {
                try await store.registry.commit(claim, as: Sample.digest(large), in: name, caller: caller)
                Issue.record("not refused")
            } catch RegistryError.quotaExceeded(let prefix, let limit, let used, let needed) {
                #expect(prefix == "team/" && limit == 100 && used == 60 && needed == 50)
            }
            #expect(store.directory.files(in: "uploads").isEmpty)
            let gone = try await refusal {
                _ = try await store.registry.upload("\(session.id)", in: name, caller: caller)
            }
            #expect(gone == "uploadUnknown")
            #expect(try await store.content.stat(Sample.digest(large)) == nil)
            // What is there needs nothing, whatever its way in.
            try await Self.push(small, in: "team/app", store, caller)
            let again = try await store.registry.startUpload(
                in: Sample.repository(),
                hint: nil,
                expectedBytes: 60,
                digest: Sample.digest(small),
                caller: caller
            )
            #expect(await again.cancel())
        }
    }

    @Test func aMountAndAManifestCountToo() async throws {
        try await TestStore.with { store in
            let layer = try await store.push(Sample.bytes(60), in: "source")
            try await store.push(Array("{}".utf8))
            let caller = Self.caller { $0.quotas = [(prefix: "", bytes: 100)] }
            let target = try Sample.repository("target")
            let mounted = try await refusal {
                _ = try await store.registry.mount(layer, from: nil, to: target, caller: caller)
            }
            #expect(mounted == "quotaExceeded")
            let image = try Sample.image()
            let outcome4 = try await refusal { _ = try await Self.put(image, ["a"], store, caller) }
            #expect(outcome4 == "quotaExceeded")
            #expect(try await store.content.stat(Sample.digest(image)) == nil)
        }
    }

    @Test func aCallerHasHisOwnNumberOfSessions() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            let bob = Self.caller { $0.uploadLimit = 2 }
            let open = { try await store.registry.startUpload(in: name, hint: nil, expectedBytes: nil, caller: bob) }
            _ = try await store.startUpload()
            let first = try await open()
            _ = try await open()
            let outcome5 = try await refusal { _ = try await open() }
            #expect(outcome5 == "uploadsExhausted")
            try await store.registry.cancelUpload("\(first.id)", in: name, caller: bob)
            let outcome6 = try await refusal { _ = try await open() }
            #expect(outcome6 == nil)
        }
    }

    @Test func sessionsThatAreOpenedAtOnceCountToo() async throws {
        try await TestStore.with { store in
            let name = try Sample.repository()
            let bob = Self.caller { $0.uploadLimit = 5 }
            let opened = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        let session = try? await store.registry.startUpload(
                            in: name,
                            hint: nil,
                            expectedBytes: nil,
                            caller: bob
                        )
                        return session != nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(opened == 5)
            #expect(store.directory.files(in: "uploads").count == 5, "what was refused leaves nothing")
        }
    }

    // MARK: - Records

    @Test func changesNameTheCaller() async throws {
        try await TestStore.with { store in
            let caller = Self.caller()
            try await Self.push(Array("{}".utf8), in: "team/app", store, caller)
            let stored = try await Self.put(Sample.image(), ["a"], store, caller)
            let page = try await store.registry.auditPage(AuditQuery(order: .before(nil), limit: 2))
            #expect(page.hasMore && page.elements.map(\.kind) == ["tag.set", "manifest.put"])
            #expect(page.elements.first?.event == stored.event)
            for row in page.elements {
                #expect(row.principal == "user:bob" && row.method == "basic" && row.address == "192.0.2.1")
                #expect(row.request == "r-1" && row.repository?.description == "team/app")
            }
            let rest = try await store.registry.auditPage(
                AuditQuery(order: .after(0), limit: 10, principal: "user:bob", repository: Sample.repository())
            )
            #expect(!rest.hasMore && rest.elements.map(\.kind) == ["repo.create", "manifest.put", "tag.set"])
        }
    }

    @Test func denialsArePaged() async throws {
        try await TestStore.with { store in
            let recorder = DenialRecorder(
                catalog: store.catalog,
                wallMilliseconds: { 7_000 },
                sleep: { _ in throw CancellationError() }
            )
            for action in ["push", "delete", "push"] {
                recorder.record(
                    DenialNote(
                        context: Self.caller().context,
                        action: action,
                        repository: try Sample.repository(),
                        subject: "v1",
                        rule: "freeze",
                        reason: "no pushes on Fridays"
                    )
                )
            }
            await recorder.flush()
            let page = try await store.registry.denialPage(AuditQuery(order: .after(0), limit: 1))
            let row = try #require(page.elements.first)
            #expect(page.hasMore && row.action == "push" && row.count == 2 && row.at == 7 && row.rule == "freeze")
            #expect(row.principal == "user:bob" && row.address == "192.0.2.1" && row.subject == "v1")
        }
    }
}
