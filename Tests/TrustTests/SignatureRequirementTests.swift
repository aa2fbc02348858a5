// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Trust

@Suite struct SignatureRequirementTests {
    private static func policy() throws -> TrustPolicy { try Sample.policy("- signed: {keys: [one, two]}") }

    @Test func signedFlows() throws {
        let evidence = try Sample.signature(by: "two")
        let outcome = try Self.policy().outcome([evidence])
        #expect(outcome.isSatisfied && outcome.reason == "signed by two")
        #expect(outcome.attachments == [evidence.manifest] && outcome.keys == ["two"])
        #expect(outcome.window == .always)
    }

    @Test func unsignedIsRefused() throws {
        let outcome = try Self.policy().outcome([])
        #expect(!outcome.isSatisfied && outcome.keys.isEmpty && outcome.attachments.isEmpty)
        #expect(outcome.reason == "it has 0 of 1 signatures by one, two, and none at all")
    }

    @Test func unknownKeysAreRefused() throws {
        let stranger = try SigningKey(seed: [UInt8](repeating: 9, count: 32))
        let bundle = try SigstoreBundle.signature(of: Sample.image, with: stranger)
        let evidence = Evidence(.bundle(bundle.bytes), manifest: Sample.other, subject: Sample.image)
        let outcome = try Self.policy().outcome([evidence])
        #expect(!outcome.isSatisfied && outcome.attachments.isEmpty)
        #expect(outcome.reason.contains("no key that may count signed it"))
        // A key that the policy has, but that the rule does not name.
        let three = try Self.policy().outcome([Sample.signature(by: "three")])
        #expect(!three.isSatisfied && three.keys.isEmpty)
    }

    @Test func keysCountForTheRequirementThatNamesThem() throws {
        let policy = try Sample.policy("- signed: {keys: [one]}\n- signed: {keys: [two]}")
        let outcomes = try policy.outcomes([Sample.signature(by: "two")])
        #expect(outcomes.map(\.isSatisfied) == [false, true])
        #expect(outcomes[0].reason.contains("signed by two, and not by one of the keys asked for"))
    }

    /// Every way to be wrong, in every form that a signature has.
    @Test func wrongSignaturesAreRefused() throws {
        let good = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one"))
        let bad = try SigstoreBundle.signature(of: Sample.other, with: Sample.key("one"))
        guard case .envelope(let goodEnvelope) = good.content, case .envelope(let badEnvelope) = bad.content else {
            return
        }
        // The signature of one statement under another, and junk of the right form.
        let swapped = DSSEEnvelope(
            payload: goodEnvelope.payload,
            payloadType: goodEnvelope.payloadType,
            signatures: badEnvelope.signatures
        )
        let junk = DSSEEnvelope(
            payload: goodEnvelope.payload,
            payloadType: goodEnvelope.payloadType,
            signatures: [DSSEEnvelope.Signature(bytes: [UInt8](repeating: 7, count: 64))]
        )
        let retyped = try DSSEEnvelope(
            signing: goodEnvelope.payload,
            payloadType: "text/plain",
            with: Sample.key("one")
        )
        let payload = SimpleSigning(image: Sample.image, reference: "r").bytes
        let otherPayload = SimpleSigning(image: Sample.other, reference: "r").bytes
        let ofOther = Base64.encode(try Sample.key("one").signature(of: otherPayload))
        let contents: [(Evidence.Content, String)] = [
            (.bundle(SigstoreBundle(material: good.material, content: .envelope(swapped)).bytes), "no key"),
            (.bundle(SigstoreBundle(material: good.material, content: .envelope(junk)).bytes), "no key"),
            (.bundle(SigstoreBundle(material: good.material, content: .envelope(retyped)).bytes), "text/plain"),
            (.bundle(bad.bytes), "it is about another image"), (.bundle(Array("{}".utf8)), "the bundle"),
            (.bundle([UInt8](repeating: 0xFF, count: 600)), "is no JSON"), (.bundle([]), "is no JSON"),
            (.legacySignature(payload: payload, signature: ofOther), "no key"),
            (.legacySignature(payload: otherPayload, signature: ofOther), "it is about another image"),
            (.legacySignature(payload: payload, signature: Base64.encode([UInt8](repeating: 7, count: 64))), "no key"),
            (.legacySignature(payload: payload, signature: ""), "no key"),
            (.legacySignature(payload: Array("{}".utf8), signature: ofOther), "lacks 'critical'"),
            (.legacyAttestation(swapped.bytes), "no key"), (.legacyAttestation(Array("junk".utf8)), "is no JSON"),
        ]
        for (content, reason) in contents {
            let evidence = Evidence(content, manifest: Sample.other, subject: Sample.image)
            let outcome = try Self.policy().outcome([evidence])
            #expect(!outcome.isSatisfied && outcome.keys.isEmpty && outcome.attachments.isEmpty, "\(outcome.reason)")
            #expect(outcome.reason.contains(reason), "\(outcome.reason)")
        }
        // Reports and attestations are no signatures, whoever signed them.
        let attestation = try Sample.attestation(by: "one", .custom, "{}")
        #expect(try !Self.policy().outcome([attestation]).isSatisfied)
        #expect(try !Self.policy().outcome([Sample.report("{}", .spdx, isOwn: true)]).isSatisfied)
    }

    @Test func legacySignaturesCount() throws {
        let layer = try LegacyArtifact.signature(of: Sample.image, reference: "r", with: Sample.key("one"))
        let signature = try #require(layer.descriptor.annotations[SimpleSigning.signatureAnnotation])
        let evidence = Evidence(
            .legacySignature(payload: layer.bytes, signature: signature),
            manifest: Sample.other,
            subject: Sample.image
        )
        #expect(try Self.policy().outcome([evidence]).keys == ["one"])
    }

    @Test func junkDoesNotHideTheGoodOne() throws {
        let junk = Evidence(.bundle(Array("{}".utf8)), manifest: Sample.other, subject: Sample.image)
        #expect(try Self.policy().outcome([junk, Sample.signature(by: "one"), junk]).isSatisfied)
    }

    @Test func signersCountOnce() throws {
        let policy = try Sample.policy("- signed: {keys: [one, two, three], threshold: 2}")
        let one = try Sample.signature(by: "one")
        let attested = try SigstoreBundle.attestation(
            of: Sample.image,
            type: .imageSignature,
            predicate: Array(#"{"again":1}"#.utf8),
            with: Sample.key("one")
        )
        let again = Evidence(.bundle(attested.bytes), manifest: Sample.other, subject: Sample.image)
        let outcome = try policy.outcome([one, one, again])
        #expect(!outcome.isSatisfied && outcome.keys == ["one"])
        #expect(outcome.reason.hasPrefix("it has 1 of 2 signatures"))
        #expect(try policy.outcome([one, Sample.signature(by: "three")]).keys == ["one", "three"])
    }

    @Test func indexesVouchForTheirImages() throws {
        let ofIndex = try Sample.signature(by: "one", of: Sample.index, on: Sample.index)
        #expect(try Self.policy().outcome([ofIndex], parents: [Sample.index]).isSatisfied)
        // Not where the index does not list the image, and not where it is said to be attached to what it is not about.
        #expect(try !Self.policy().outcome([ofIndex]).isSatisfied)
        #expect(try !Self.policy().outcome([ofIndex], parents: [Sample.other]).isSatisfied)
        let misplaced = try Sample.signature(by: "one", of: Sample.index, on: Sample.image)
        #expect(try !Self.policy().outcome([misplaced], parents: [Sample.index]).isSatisfied)
        // An image's signature does not vouch for the index.
        let ofImage = try Sample.signature(by: "one")
        #expect(try !Self.policy().outcome([ofImage], image: Sample.index, isIndex: true).isSatisfied)
    }

    @Test func otherRepositoriesAreNotBound() throws {
        let policy = try Self.policy()
        let verdict = policy.evaluate(
            repository: try RepositoryName(parsing: "other/app"),
            image: TrustImage(digest: Sample.image, isIndex: false, pushedAt: 0),
            evidence: [],
            now: Sample.now
        )
        #expect(verdict.rules.isEmpty && verdict.failures(of: [.pull, .promote, .warn]).isEmpty)
    }

    @Test func evidenceIsBounded() throws {
        let junk = Evidence(.bundle([]), manifest: Sample.other, subject: Sample.image)
        let good = try Sample.signature(by: "one")
        let enough = Array(repeating: junk, count: TrustLimits.evidenceLimit - 1)
        #expect(try Self.policy().outcome(enough + [good]).isSatisfied)
        #expect(try !Self.policy().outcome(enough + [junk, good]).isSatisfied)
        // Nor more bytes than that.
        let block = [UInt8](repeating: 0x20, count: TrustLimits.documentBytesLimit)
        let large = Evidence(.report(block, .sarif), manifest: Sample.other, subject: Sample.image)
        let blocks = Array(repeating: large, count: TrustLimits.evidenceBytesLimit / block.count)
        #expect(try Self.policy().outcome(blocks.dropLast() + [good]).isSatisfied)
        #expect(try !Self.policy().outcome(blocks + [good]).isSatisfied)
        // What is attached to something else takes nobody's place.
        let elsewhere = Evidence(.bundle([]), manifest: Sample.other, subject: Sample.other)
        #expect(try Self.policy().outcome(Array(repeating: elsewhere, count: 2000) + [good]).isSatisfied)
    }
}
