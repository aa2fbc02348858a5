// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing
import Trust

@Suite struct StatementTests {
    private static func statement(_ type: PredicateType, _ predicate: String) throws -> InTotoStatement {
        let bytes = try InTotoStatement.bytes(
            subject: InTotoStatement.Subject(digests: [Sample.image]),
            predicateType: type,
            predicate: Array(predicate.utf8)
        )
        return try InTotoStatement(parsing: bytes)
    }

    @Test func readsWhatOthersWrite() throws {
        let text = """
            {"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","subject":[
             {"name":"a","digest":{"gitCommit":"00ff","sha256":"\(Sample.image.hex)"}},
             {"name":"b","digest":{"sha512":"\(String(repeating: "ab", count: 64))"},"annotations":{}}],"x":1}
            """
        let statement = try InTotoStatement(parsing: Array(text.utf8))
        #expect(statement.subjects.map(\.name) == ["a", "b"])
        #expect(statement.covers(Sample.image))
        #expect(!statement.covers(Sample.other))
        #expect(Digest(algorithm: .sha512, bytes: [UInt8](repeating: 0xAB, count: 64)).map(statement.covers) == true)
        #expect(statement.predicate == .null)
    }

    @Test(
        arguments: [
            "{}", #"{"_type":"T","predicateType":"p","subject":[]}"#, #"{"_type":"T","predicateType":"p"}"#,
            #"{"_type":"T","subject":[{"digest":{}}]}"#, #"{"_type":"T","predicateType":"","subject":[{}]}"#,
            #"{"_type":"T/v2","predicateType":"p","subject":[{}]}"#,
            #"{"_type":"T","predicateType":"p","subject":[{"digest":{"sha256":"AB"}}]}"#,
            #"{"_type":"T","predicateType":"p","subject":[{"digest":{"sha256":1}}]}"#,
            #"{"_type":"T","predicateType":"p","subject":[{"digest":7}]}"#,
            #"{"_type":"T","predicateType":"p","subject":7}"#,
        ]
    )
    func refusals(text: String) {
        let bytes = Array(text.replacing("\"T", with: "\"https://in-toto.io/Statement/v1").utf8)
        let error = refused { () throws(TrustError) in try InTotoStatement(parsing: bytes) }
        #expect(error?.code == .invalidStatement)
    }

    @Test func predicateTypesHaveNames() {
        let expected = [
            "slsaprovenance": "https://slsa.dev/provenance/v1", "spdx": "https://spdx.dev/Document",
            "cyclonedx": "https://cyclonedx.org/bom", "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
            "custom": "https://cosign.sigstore.dev/attestation/v1",
        ]
        for (name, text) in expected {
            #expect(PredicateType(named: name)?.text == text)
            #expect(PredicateType(text).name == name)
        }
        #expect(PredicateType.named.count == expected.count)
        #expect(PredicateType(named: "SPDX") == nil)
        #expect(PredicateType("https://example.com/x").name == nil)
    }

    // MARK: Provenance

    static let v1 = #"""
        {"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1",
          "externalParameters":{"workflow":{"ref":"refs/heads/main","repository":"https://github.com/acme/app"}},
          "resolvedDependencies":[{"uri":"pkg:oci/base"},{"uri":"git+https://github.com/acme/app@refs/tags/v1.2.3",
            "digest":{"gitCommit":"5c1e2d3f4a5b6c7d8e9f00112233445566778899"}}]},
         "runDetails":{"builder":{"id":"https://github.com/acme/ci/build.yml@refs/heads/main"},
          "metadata":{"startedOn":"2026-01-30T11:00:00Z","finishedOn":"2026-01-30T12:00:00Z"}}}
        """#

    static let v02 = #"""
        {"builder":{"id":"https://builder.example/v2"},"buildType":"x","invocation":{"configSource":{
          "uri":"git+https://github.com/acme/app@refs/heads/feature/x",
          "digest":{"sha1":"5c1e2d3f4a5b6c7d8e9f00112233445566778899"}}},
         "metadata":{"buildStartedOn":"2026-01-30T11:00:00Z"},"materials":[]}
        """#

    @Test func provenanceOfBothVersions() throws {
        let claim = try ProvenanceClaim(Self.statement(.provenance, Self.v1))
        #expect(claim.builder == "https://github.com/acme/ci/build.yml@refs/heads/main")
        #expect(claim.source == "https://github.com/acme/app")
        #expect(claim.reference == "refs/tags/v1.2.3")
        #expect(claim.revision == "5c1e2d3f4a5b6c7d8e9f00112233445566778899")
        #expect(claim.builtAt == Sample.now - Sample.day)

        let former = try ProvenanceClaim(Self.statement(.provenanceV02, Self.v02))
        #expect(former.builder == "https://builder.example/v2")
        #expect(former.source == "https://github.com/acme/app")
        #expect(former.reference == "refs/heads/feature/x")
        #expect(former.revision == "5c1e2d3f4a5b6c7d8e9f00112233445566778899")
        #expect(former.builtAt == Sample.now - Sample.day - 3600)
    }

    @Test func provenanceWithoutDependenciesHasTheWorkflow() throws {
        let text = #"""
            {"buildDefinition":{"externalParameters":{"workflow":{"ref":"refs/heads/main",
             "repository":"https://github.com/acme/app"}}},"runDetails":{"builder":{"id":"b"}}}
            """#
        let claim = try ProvenanceClaim(Self.statement(.provenance, text))
        #expect(claim.source == "https://github.com/acme/app" && claim.reference == "refs/heads/main")
        #expect(claim.revision == nil && claim.builtAt == nil)
    }

    @Test(
        arguments: [
            "{}", #"{"buildDefinition":{},"runDetails":{}}"#, #"{"buildDefinition":{},"runDetails":{"builder":{}}}"#,
            #"{"buildDefinition":{"resolvedDependencies":7},"runDetails":{"builder":{"id":"b"}}}"#,
            #"{"buildDefinition":{},"runDetails":{"builder":{"id":"b"},"metadata":{"finishedOn":"noon"}}}"#,
        ]
    )
    func junkIsNoProvenance(text: String) throws {
        let statement = try Self.statement(.provenance, text)
        #expect(refused { () throws(TrustError) in try ProvenanceClaim(statement) }?.code == .invalidStatement)
        let other = try Self.statement(.spdx, Self.v1)
        #expect(refused { () throws(TrustError) in try ProvenanceClaim(other) } != nil)
    }

    @Test(
        arguments: [
            ("v1.2.3", true), ("5c1e2d3f4a5b6c7d8e9f00112233445566778899", true), ("5c1e2d3", true),
            ("sha-5c1e2d3", true), ("git-5c1e2d3f4a", true), ("g5c1e2d3f", true), ("5c1e2d", false), ("latest", false),
            ("v1.2", false), ("v1.2.3-rc1", false), ("5c1e2d4", false), ("main", false), ("sha-", false),
        ]
    )
    func tags(text: String, agrees: Bool) throws {
        let claim = try ProvenanceClaim(Self.statement(.provenance, Self.v1))
        #expect(claim.agrees(with: try Tag(parsing: text)) == agrees)
    }

    @Test func branchesAreTagsWithHyphens() throws {
        let claim = try ProvenanceClaim(Self.statement(.provenanceV02, Self.v02))
        #expect(claim.agrees(with: try Tag(parsing: "feature-x")))
        #expect(!claim.agrees(with: try Tag(parsing: "x")))
    }
}
