// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import RegistryClient
import TestSupport
import Testing
import Transparency

@Suite("Proofs of the log")
struct LogCheckTests {
    private let directory: TemporaryDirectory
    private let digest: Digest
    private let other: Digest

    init() throws {
        directory = try TemporaryDirectory()
        digest = try Sample.digest([1])
        other = try Sample.digest([2])
    }

    private func prove(
        _ log: DoubleLog,
        _ registry: DoubleRegistry,
        reference: String = "1.0",
        keys: [NoteVerifier]? = nil,
        policy: TrustedLogs? = nil
    ) async throws -> LogCheck.Report {
        let check = LogCheck(
            keys: keys ?? [log.signer.verifier],
            policy: policy,
            statePath: directory.path + "/deep/state",
            environment: [:]
        )
        let reference = try Reference(parsing: reference)
        return try await registry.with { server in
            try await ClientFixture().at([server]) { [digest] regions async throws(ClientError) in
                try await check.prove(reference, is: digest, in: regions.repositories[0])
            }
        }
    }

    private func refusal(
        _ log: DoubleLog,
        _ registry: DoubleRegistry,
        reference: String = "1.0",
        keys: [NoteVerifier]? = nil
    ) async throws -> ClientError? {
        try await failure { _ = try await prove(log, registry, reference: reference, keys: keys) }
    }

    private var state: [UInt8]? { try? directory.read("deep/state") }

    @Test(arguments: [(0, 1), (1, 1), (200, 100), (256, 300), (255, 1)])
    func aLogThatGrowsIsFollowed(before: Int, growth: Int) async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        log.grow(by: before)
        let index = log.set("1.0", digest)
        try log.serve(on: registry, "1.0", index: index)
        let first = try await prove(log, registry)
        #expect(first.formerSize == nil && first.index == Int64(before) && first.entry.actor == "ci")
        #expect(state == (try log.note().bytes))
        log.grow(by: growth)
        try log.serve(on: registry, "1.0", index: index)
        let second = try await prove(log, registry)
        #expect(second.formerSize == Int64(before + 1) && second.size == Int64(before + 1 + growth))
        #expect(state == (try log.note().bytes))
    }

    @Test func aPartialTileThatIsGoneIsReadFromTheFullOne() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        log.grow(by: 99)
        let index = log.set("1.0", digest)
        try log.serve(on: registry, "1.0", index: index)
        _ = try await prove(log, registry)
        log.grow(by: 50)
        let middle = log
        log.grow(by: 200)
        try middle.serve(on: registry, "1.0", index: index)
        let full = Tile.bytes(of: log.tile(try TilePath(parsing: "tile/0/000")))
        registry.edit { state in
            for path in state.documents.keys where path.hasPrefix("/log/tile/") { state.documents[path] = nil }
            state.documents["/log/tile/0/000"] = full
        }
        let report = try await prove(log, registry)
        #expect(report.size == 150)
    }

    // MARK: Lies

    @Test func aTagThatWasSwappedIsRefused() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        try log.serve(on: registry, "1.0", setting: "1.0", to: other)
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.exitStatus == 11)
        #expect(error?.reason.contains(other.description) == true && error?.reason.contains(digest.description) == true)
        #expect(state == nil)
    }

    @Test func anEntryOfSomethingElseIsRefused() async throws {
        for change in 0..<4 {
            let registry = DoubleRegistry()
            var log = try DoubleLog()
            let index =
                switch change {
                case 0: log.set("2.0", digest)
                case 1: log.set("1.0", digest, repository: "team/other")
                case 2: log.set("1.0", digest, kind: "tag.delete")
                default: log.set("1.0", digest, origin: "another.example/log")
                }
            try log.serve(on: registry, "1.0", index: index)
            let error = try await refusal(log, registry)
            #expect(error?.code == .integrity, "change \(change)")
        }
    }

    @Test func aDigestIsProvenByItsPut() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        try log.serve(on: registry, digest.description, setting: "1.0", to: digest)
        let wrong = try await refusal(log, registry, reference: digest.description)
        #expect(wrong?.code == .integrity)
        try log.serve(on: registry, digest.description, setting: "1.0", to: digest, kind: "manifest.put")
        let report = try await prove(log, registry, reference: digest.description)
        #expect(report.index == 1)
    }

    @Test func aLogThatShrankIsRefusedWithBothNotes() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let index = log.set("1.0", digest)
        log.grow(by: 20)
        try log.serve(on: registry, "1.0", index: index)
        _ = try await prove(log, registry)
        try log.serve(on: registry, "1.0", index: index, size: 10)
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.reason.contains("shrank") == true)
        #expect(error?.evidence == [try log.note().description, try log.note(size: 10).description])
        #expect(state == (try log.note().bytes))
    }

    @Test(arguments: [0, 1, 300]) func aLogThatForkedIsRefusedWithBothNotes(growth: Int) async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let index = log.set("1.0", digest)
        var fork = log
        log.grow(by: 30)
        fork.grow(by: 30 + growth, "y")
        try log.serve(on: registry, "1.0", index: index)
        _ = try await prove(log, registry)
        try fork.serve(on: registry, "1.0", index: index)
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.reason.contains("forked") == true)
        #expect(error?.evidence == [try log.note().description, try fork.note().description])
        #expect(state == (try log.note().bytes))
    }

    @Test func aForkThatServesTheTilesOfTheHonestLogIsRefused() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let index = log.set("1.0", digest)
        var fork = log
        log.grow(by: 30)
        try log.serve(on: registry, "1.0", index: index)
        _ = try await prove(log, registry)
        log.grow(by: 30)
        fork.grow(by: 60, "y")
        try log.serve(on: registry, "1.0", index: index)
        let proof = Array(try fork.proof(of: index).description.utf8)
        registry.edit { $0.documents["/v2/team/app/_cairn/proof/1.0"] = proof }
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.evidence.count == 2)
    }

    @Test func anOlderEntryOfATagIsRefusedOnceALaterOneWasSeen() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let old = log.set("1.0", digest)
        log.grow(by: 3)
        let new = log.set("1.0", digest)
        try log.serve(on: registry, "1.0", index: new)
        _ = try await prove(log, registry)
        log.grow(by: 3)
        try log.serve(on: registry, "1.0", index: old)
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.reason.contains("entry \(new)") == true)
    }

    @Test func anotherKeyIsRefused() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog(seed: 1)
        let stranger = try DoubleLog(seed: 2)
        try log.serve(on: registry, "1.0", setting: "1.0", to: digest)
        let forged = try await refusal(log, registry, keys: [stranger.signer.verifier])
        #expect(forged?.code == .integrity)
        let unknown = try DoubleLog(origin: "elsewhere.example/log", seed: 1)
        let unpinned = try await refusal(log, registry, keys: [unknown.signer.verifier])
        #expect(unpinned?.code == .policy && unpinned?.exitStatus == 10)
        #expect(state == nil)
        let rotated = try await prove(log, registry, keys: [stranger.signer.verifier, log.signer.verifier])
        #expect(rotated.size == 1)
    }

    /// The prober has no history: each proof stands for itself.
    @Test func aCanaryIsProvenOrNot() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog(seed: 1)
        let stranger = try DoubleLog(seed: 2)
        try log.serve(on: registry, "1.0", setting: "1.0", to: digest)
        #expect(try await refusalOfCanary(log, registry, digest) == nil)
        #expect(try await refusalOfCanary(stranger, registry, digest)?.code == .integrity)
        let unknown = try DoubleLog(origin: "elsewhere.example/log", seed: 1)
        #expect(try await refusalOfCanary(unknown, registry, digest)?.code == .policy)
        #expect(try await refusalOfCanary(log, registry, other)?.code == .integrity)
        registry.edit { $0.documents = [:] }
        #expect(try await refusalOfCanary(log, registry, digest)?.code == .policy)
    }

    private func refusalOfCanary(
        _ log: DoubleLog,
        _ registry: DoubleRegistry,
        _ digest: Digest
    ) async throws -> ClientError? {
        let (keys, tag) = ([log.signer.verifier], try Reference(parsing: "1.0"))
        let name = try RepositoryName(parsing: registry.name)
        return try await registry.with { server in
            try await failure {
                try await Transport.with(Transport.Options()) { transport async throws(ClientError) in
                    let client = try CanaryClient(
                        origin: Origin(scheme: .http, host: "127.0.0.1", port: server.port),
                        name: name,
                        credentials: CredentialSource(given: nil, environment: [:]),
                        transport: transport
                    )
                    try await client.prove(tag, is: digest, by: keys)
                }
            }
        }
    }

    @Test func aCheckpointCountsOnceTheQuorumCosigned() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let index = log.set("1.0", digest)
        let witness = try Cosigner(
            name: try KeyName(parsing: "witness.example"),
            key: try SigningKey(seed: [UInt8](repeating: 9, count: 32))
        )
        let text = """
            log \(log.signer.verifier)
            witness w \(witness.verifier)
            quorum w

            """
        let policy = try TrustedLogs(parsing: text)
        try log.serve(on: registry, "1.0", index: index)
        let error = try await failure { _ = try await prove(log, registry, keys: [], policy: policy) }
        #expect(error?.code == .policy && error?.reason.contains("missing: w") == true)
        #expect(state == nil)
        let plain = try log.proof(of: index)
        let cosigned = try TransparencyProof(
            extra: plain.extra,
            index: Int64(index),
            hashes: plain.inclusion.hashes,
            note: try plain.note.adding([witness.cosignature(of: plain.note, at: 5)])
        )
        let bytes = Array(cosigned.description.utf8)
        registry.edit { $0.documents["/v2/team/app/_cairn/proof/1.0"] = bytes }
        let report = try await prove(log, registry, keys: [], policy: policy)
        #expect(report.witnesses == ["w"])
    }

    @Test func everyFlippedByteOfAProofIsRefused() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        log.grow(by: 5)
        let index = log.set("1.0", digest)
        log.grow(by: 3)
        let proof = Array(try log.proof(of: index).description.utf8)
        for position in proof.indices {
            var bytes = proof
            bytes[position] ^= 1
            registry.edit { [bytes] in $0.documents["/v2/team/app/_cairn/proof/1.0"] = bytes }
            let error = try await refusal(log, registry)
            #expect(error?.code == .integrity || error?.code == .policy, "byte \(position)")
        }
    }

    @Test(arguments: [403, 404]) func aTileThatIsWithheldIsRefused(status: Int) async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let index = log.set("1.0", digest)
        try log.serve(on: registry, "1.0", index: index)
        _ = try await prove(log, registry)
        let seen = state
        log.grow(by: 300)
        try log.serve(on: registry, "1.0", index: index)
        registry.lie { request, _ in request.path.hasPrefix("/log/tile/") ? .status(status) : nil }
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.exitStatus == 11)
        #expect(error?.reason.contains("the log does not prove that it only grew") == true)
        #expect(error?.reason.contains("answers \(status)") == true)
        #expect(state == seen)
    }

    @Test func aTileThatIsTooLongIsRefused() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let index = log.set("1.0", digest)
        try log.serve(on: registry, "1.0", index: index)
        _ = try await prove(log, registry)
        log.grow(by: 300)
        try log.serve(on: registry, "1.0", index: index)
        let long = [UInt8](repeating: 0, count: Tile.fullByteCount + 1)
        registry.lie { request, _ in
            request.path.hasPrefix("/log/tile/") ? .answer(status: 200, body: long) : nil
        }
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.reason.contains("too long for a tile") == true)
    }

    @Test func aRegistryThatFailsForAMomentIsNoLogThatLies() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        let index = log.set("1.0", digest)
        try log.serve(on: registry, "1.0", index: index)
        _ = try await prove(log, registry)
        log.grow(by: 300)
        try log.serve(on: registry, "1.0", index: index)
        registry.lie { request, _ in request.path.hasPrefix("/log/tile/") ? .status(503) : nil }
        let error = try await refusal(log, registry)
        #expect(error?.code == .network && error?.exitStatus == 12)
    }

    @Test func aProofThatIsWithheldIsRefused() async throws {
        let registry = DoubleRegistry()
        let log = try DoubleLog()
        registry.lie { request, _ in request.path.contains("/_cairn/proof/") ? .status(403) : nil }
        let error = try await refusal(log, registry)
        #expect(error?.code == .integrity && error?.reason.contains("the log does not prove 1.0") == true)
    }

    @Test func noProofIsAPolicyFailure() async throws {
        let log = try DoubleLog()
        let error = try await refusal(log, DoubleRegistry())
        #expect(error?.code == .policy)
    }

    @Test func aDamagedStateFileIsNotOverwritten() async throws {
        let registry = DoubleRegistry()
        var log = try DoubleLog()
        try log.serve(on: registry, "1.0", setting: "1.0", to: digest)
        _ = try await prove(log, registry)
        var bytes = try #require(state)
        bytes[bytes.count - 10] ^= 1
        try directory.write(bytes, to: "deep/state")
        let error = try await refusal(log, registry)
        #expect(error?.code == .storage)
        #expect(state == bytes)
    }

    @Test func theDefaultPlaceIsNamedByTheHashOfTheOrigin() throws {
        let line = try NoteLine(parsing: "a.example/log/x")
        let name = try Sample.digest(Array("a.example/log/x".utf8)).hex
        let home = try LogState.defaultPath(for: line, ["HOME": "/home/a"])
        #expect(home == "/home/a/.local/state/cairn/logs/\(name)")
        let named = try LogState.defaultPath(for: line, ["HOME": "/home/a", "XDG_STATE_HOME": "/var/state"])
        #expect(named == "/var/state/cairn/logs/\(name)")
    }
}
