// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What artifact tools do: attach, discover, sign, and clean up.
enum ArtifactClientChecks {
    static let checks: [Check] = pushing + discovering + deleting

    private static func group(_ category: Category) -> CheckGroup {
        CheckGroup(category, "client", reference: "as read in the client's source", level: .client)
    }

    /// Attaches an artifact as oras does, and gives the manifest and the answer to its PUT.
    private static func attach(_ session: Session, _ subject: Document, _ type: String) async throws -> (
        Document, Response
    ) {
        let json = try await session.artifactJSON(type, subject: subject.descriptor())
        let document = try Document(json, MediaTypes.image)
        return (document, try await session.put(document, as: document.digest.description))
    }

    private static let signature = "application/vnd.cncf.notary.signature"

    private static let pushing: [Check] = [
        group(.push)("oras", "oras push: POST, PUT with length, manifest by digest and by tag, digests verified") {
            session in
            let layer = try Blob(session.random(500))
            let empty = try Blob(Array("{}".utf8))
            for blob in [layer, empty] {
                if try await session.head(session.blobTarget(blob)).status == 200 { continue }
                let opened = try await session.send("POST", session.uploadsTarget()).expect(status: 202)
                let digest = blob.digest.description.percentEncoded
                let target = try session.location(of: opened).appending(query: "digest=\(digest)")
                try await session.send("PUT", target, headers: Session.octets, body: .bytes(blob.bytes))
                    .expect(status: 201).expect("Docker-Content-Digest", isAbsentOr: blob.digest.description)
            }
            let json = Session.image(config: empty.descriptor(MediaTypes.empty), [layer.descriptor("text/plain")])
                .with("artifactType", "application/vnd.example.thing")
            let document = try Document(json, MediaTypes.image)
            for reference in [document.digest.description, "v1"] {
                try await session.put(document, as: reference).expect(status: 201)
                    .expect("Docker-Content-Digest", isAbsentOr: document.digest.description)
            }
        },
        group(.push)("oras-attach", "oras attach: OCI-Subject is answered, so that no fallback tag is written") {
            session in
            let subject = try await session.storedImage(tag: "v1")
            try await attach(session, subject, "application/vnd.example.sbom").1.expect(status: 201)
                .expect("OCI-Subject", is: subject.digest.description)
        },
        group(.push)("helm", "helm push: chart, provenance and config, then the manifest under its version") {
            session in
            let config = try await session.store(try Blob(Array("{\"name\":\"a\",\"version\":\"1.0.0\"}".utf8)))
            let chart = try await session.storedBlob(300)
            let provenance = try await session.storedBlob(100)
            let json = Session.image(
                config: config.descriptor(MediaTypes.helmConfig),
                [
                    chart.descriptor(MediaTypes.helmChart),
                    provenance.descriptor("application/vnd.cncf.helm.chart.provenance.v1.prov"),
                ]
            )
            let document = try Document(json, MediaTypes.image)
            try await session.put(document, as: "1.0.0_build.1").expect(status: 201)
            try await session.getManifest("1.0.0_build.1").expect(status: 200).expect(body: document.bytes)
        },
        group(.push)("cosign-tag", "cosign before 3: the signature is tagged sha256-….sig and pulled by that tag") {
            session in
            let subject = try await session.storedImage(tag: "v1")
            let config = try await session.store(try Blob(Array("{\"architecture\":\"\"}".utf8)))
            let payload = try await session.storedBlob(200)
            let more: [(String, JSONText)] = [
                ("annotations", .object([("dev.cosignproject.cosign/signature", "c2lnbmF0dXJl")]))
            ]
            let json = Session.image(
                config: config.descriptor(MediaTypes.config),
                [payload.descriptor(MediaTypes.cosignSimpleSigning, more)]
            )
            let document = try Document(json, MediaTypes.image)
            let tag = "sha256-\(subject.digest.hex).sig"
            try await session.headManifest(tag).expect(status: 404)
            try await session.put(document, as: tag).expect(status: 201)
            try await session.getManifest(tag).expect(status: 200).expect(body: document.bytes)
        },
        group(.push)("cosign-attestation", "cosign before 3: tags sha256-….att and sha256-….sbom are accepted") {
            session in
            let subject = try await session.storedImage()
            let document = try await session.storedImage()
            for suffix in ["att", "sbom"] {
                try await session.put(document, as: "sha256-\(subject.digest.hex).\(suffix)").expect(status: 201)
            }
        },
    ]

    private static let discovering: [Check] = [
        group(.discovery)("oras-ping", "oras, notation: GET /referrers/sha256:000… is 200 and exactly an image index") {
            session in
            let zeros = "sha256:" + String(repeating: "0", count: 64)
            try await session.get(ReferrerChecks.target(zeros, session.repository)).expect(status: 200)
                .expect("Content-Type", is: MediaTypes.index)
        },
        group(.discovery)("oras-discover", "oras discover: the tree below an image, two levels deep") { session in
            let subject = try await session.storedImage(tag: "v1")
            let sbom = try await attach(session, subject, "application/vnd.example.sbom").0
            let signed = try await attach(session, sbom, signature).0
            let first = try await session.get(ReferrerChecks.target(subject.digest, session.repository))
            try first.expect(try first.referrers().entry(sbom.digest) != nil, "\(sbom.digest)", received: "not there")
            let second = try await session.get(ReferrerChecks.target(sbom.digest, session.repository))
            try second.expect(
                try second.referrers().entry(signed.digest) != nil,
                "\(signed.digest)",
                received: "not there"
            )
        },
        group(.discovery)("notation-list", "notation: signatures are found by a filter on their artifact type") {
            session in
            let subject = try await session.storedImage(tag: "v1")
            _ = try await attach(session, subject, "application/vnd.example.sbom")
            let signed = try await attach(session, subject, signature).0
            let query = "artifactType=\(signature.percentEncoded)"
            let response = try await session.get(ReferrerChecks.target(subject.digest, session.repository, query))
            let digests = try response.referrers().manifests.map(\.digest)
            try response.expect(digests == [signed.digest.description], "one signature", received: "\(digests)")
        },
        group(.discovery)("cosign-bundle", "cosign 3: a bundle is found by its artifact type and pulled with its layer")
        {
            session in
            let subject = try await session.storedImage(tag: "v1")
            let type = "application/vnd.dev.sigstore.bundle.v0.3+json"
            let empty = try await session.store(try Blob(Array("{}".utf8)))
            let bundle = try await session.storedBlob(300)
            let json = Session.image(config: empty.descriptor(MediaTypes.empty), [bundle.descriptor(type)])
                .with("artifactType", .string(type)).with("subject", subject.descriptor())
            try await session.store(try Document(json, MediaTypes.image))
            let query = "artifactType=\(type.percentEncoded)"
            let response = try await session.get(ReferrerChecks.target(subject.digest, session.repository, query))
            let found = try response.referrers().manifests.first?.digest ?? "none"
            try await session.getManifest(found).expect(status: 200)
            try await session.get(session.blobTarget(bundle)).expect(status: 200).expect(body: bundle.bytes)
        },
    ]

    private static let deleting: [Check] = [
        group(.management)("skopeo-delete", "skopeo delete: HEAD or GET tells the digest, DELETE by digest answers 202")
        {
            session in
            _ = try await session.storedImage(tag: "v1")
            let digest = try await session.getManifest("v1").expect(status: 200).expect(header: "Docker-Content-Digest")
            try await session.delete(session.manifestTarget(digest)).expect(status: 202)
            try await session.headManifest("v1").expect(status: 404)
        },
        group(.management)(
            "regclient-tag-delete",
            "regctl tag delete: DELETE of a tag answers 202 and spares the others"
        ) {
            session in
            let document = try await session.storedImage(tag: "one")
            try await session.store(document, tag: "two")
            try await session.delete(session.manifestTarget("one")).expect(status: 202)
            try await session.headManifest("two").expect(status: 200)
        },
        group(.management)("oras-blob-delete", "oras blob delete: HEAD, then DELETE answers 202") { session in
            let blob = try await session.storedBlob(64)
            try await session.head(session.blobTarget(blob)).expect(status: 200)
            try await session.delete(session.blobTarget(blob)).expect(status: 202)
        },
        group(.management)("gc-index", "Deleting an index and then its child leaves neither, and the tag is gone") {
            session in
            let child = try await session.storedImage()
            let index = try Document(Session.index([child.descriptor()]), MediaTypes.index)
            try await session.store(index, tag: "multi")
            try await session.delete(session.manifestTarget(index.digest)).expect(status: 202)
            try await session.delete(session.manifestTarget(child.digest)).expect(status: 202)
            try await session.headManifest("multi").expect(status: 404)
            try await session.headManifest(child.digest.description).expect(status: 404)
        },
    ]
}
