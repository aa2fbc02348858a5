// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-7a: manifests that must not be taken, sizes at the limit, and references to what is not there.
enum ManifestRefusalChecks {
    static var checks: [Check] { malformed + sizes + missing }

    private static let check = CheckGroup(.push, "manifest.invalid", reference: "end-7a; image-spec", level: .must)

    private static func put(_ session: Session, _ bytes: [UInt8], _ type: String = MediaTypes.image) async throws
        -> Response
    {
        try await session.put(try Document(bytes, type), as: "invalid")
    }

    private static func put(_ session: Session, _ json: JSONText, _ type: String = MediaTypes.image) async throws
        -> Response
    {
        try await put(session, json.bytes, type)
    }

    private static let malformed: [Check] = [
        check("empty-400", "A manifest without a byte answers 400") { session in
            try await put(session, []).expect(status: 400)
        },
        check("no-json-400", "A manifest that is no JSON answers 400") { session in
            try await put(session, Array("this is no manifest".utf8)).expect(status: 400)
        },
        check("truncated-400", "A manifest that stops in the middle answers 400") { session in
            let whole = try await session.imageJSON().bytes
            try await put(session, Array(whole.dropLast(20))).expect(status: 400)
        },
        check("array-400", "A manifest that is a JSON array answers 400") { session in
            try await put(session, [try await session.imageJSON()]).expect(status: 400)
        },
        check("trailing-400", "A manifest with text after its end answers 400", level: .should) { session in
            try await put(session, try await session.imageJSON().bytes + Array("{}".utf8)).expect(status: 400)
        },
        check("code", "The 400 names MANIFEST_INVALID", level: .should, reference: "errors") { session in
            try await put(session, Array("{".utf8)).expect(error: "MANIFEST_INVALID")
        },
        check("stores-nothing", "A manifest that is refused is not found") { session in
            _ = try await put(session, Array("{\"schemaVersion\":2".utf8))
            try await session.headManifest("invalid").expect(status: 404)
        },
        check(
            "type-mismatch-400",
            "A manifest whose mediaType is not its Content-Type answers 400",
            reference: "image-spec: mediaType must match; CVE-2021-41190"
        ) { session in
            try await put(session, try await session.imageJSON(), MediaTypes.index).expect(status: 400)
        },
        check(
            "layers-and-manifests-400",
            "A manifest with both layers and manifests answers 400",
            reference: "CVE-2021-41190"
        ) { session in
            let json = try await session.imageJSON().with("manifests", [])
            try await put(session, json).expect(status: 400)
        },
        check("digest-malformed-400", "A manifest with a malformed digest in a descriptor answers 400") { session in
            let json = try await session.imageJSON().with(
                "layers",
                [
                    ["mediaType": .string(MediaTypes.layer), "digest": "sha256:short", "size": 1]
                ]
            )
            try await put(session, json).expect(status: 400)
        },
        check("size-negative-400", "A manifest with a negative size in a descriptor answers 400", level: .should) {
            session in
            let digest = try await session.storedBlob(8).digest.description
            let json = try await session.imageJSON().with(
                "layers",
                [
                    ["mediaType": .string(MediaTypes.layer), "digest": .string(digest), "size": -1]
                ]
            )
            try await put(session, json).expect(status: 400)
        },
        check("subject-malformed-400", "A manifest whose subject has a malformed digest answers 400", level: .should) {
            session in
            let subject: JSONText = ["mediaType": .string(MediaTypes.image), "digest": "nonsense", "size": 1]
            try await put(session, try await session.imageJSON().with("subject", subject)).expect(status: 400)
        },
        check("layers-no-array-400", "A manifest whose layers are no array answers 400") { session in
            try await put(session, try await session.imageJSON().with("layers", "none")).expect(status: 400)
        },
        check(
            "deep-nesting",
            "A manifest nested 100 000 deep is refused, and is no error of the server",
            level: .should,
            reference: "robustness"
        ) { session in
            let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
            let json = try await session.imageJSON().with("annotations", .object([("deep", .verbatim(deep))]))
            try await put(session, json).expectRefusal()
        },
        check("content-type-nonsense", "A manifest with a Content-Type that is none is refused", level: .should) {
            session in
            try await put(session, try await session.imageJSON(), "nonsense").expectRefusal()
        },
        check(
            "content-type-parameter",
            "After a push with a parameter in Content-Type, a pull has none",
            level: .client,
            reference: "oras and docker compare exactly"
        ) { session in
            let document = try Document(try await session.imageJSON(), "\(MediaTypes.image); charset=utf-8")
            let response = try await session.put(document, as: "parameter").expect(status: 201, 400, 415)
            guard response.status == 201 else { return }
            try await session.getManifest("parameter").expect("Content-Type", is: MediaTypes.image)
        },
    ]

    private static let size = CheckGroup(.push, "manifest.size", reference: "end-7a")

    /// An image manifest of exactly so many bytes, filled up with an annotation.
    private static func filled(_ session: Session, _ count: Int) async throws -> Document {
        let json = try await session.imageJSON()
        let empty = json.with("annotations", .object([("org.example.filler", "")])).bytes.count
        let filler = String(repeating: "x", count: count - empty)
        return try Document(
            json.with("annotations", .object([("org.example.filler", .string(filler))])),
            MediaTypes.image
        )
    }

    private static let sizes: [Check] = [
        size("3.9-mb-201", "A manifest of 3.9 MB is accepted", reference: "end-7a: at least 4 MiB") { session in
            try await session.put(try await filled(session, 3_900_000), as: "large").expect(status: 201)
        },
        size("3.9-mb-round-trip", "A manifest of 3.9 MB comes back byte for byte", reference: "end-7a") { session in
            let document = try await session.store(try await filled(session, 3_900_000), tag: "large")
            try await session.getManifest("large").expect(status: 200).expect(body: document.bytes)
        },
        size("4-mib-201", "A manifest of exactly 4 MiB is accepted", level: .should) { session in
            try await session.put(try await filled(session, 4 << 20), as: "limit").expect(status: 201)
        },
        size("64-mib-413", "A manifest of 64 MiB answers 413, if it is not accepted", level: .should) { session in
            let bytes = [UInt8](repeating: 0x20, count: 64 << 20)
            let target = session.manifestTarget("enormous")
            try await session.raw { connection in
                let headers: Headers = [
                    "Content-Type": MediaTypes.image, "Content-Length": "\(bytes.count)", "Expect": "100-continue",
                ]
                await connection.send(await session.rawHead("PUT", target, headers))
                var response = try await connection.anyResponse(to: "PUT")
                if response.status == 100 {
                    await connection.send(bytes)
                    response = try await connection.response(to: "PUT")
                }
                try response.expect(status: 413, 201)
            }
        },
    ]

    private static let absent = CheckGroup(
        .push,
        "manifest.missing",
        reference: "end-7a: 404 or 400 with MANIFEST_BLOB_UNKNOWN, or 201"
    )

    private static let missing: [Check] = [
        absent("layer", "A manifest with a layer that is not there is accepted, or refused as MANIFEST_BLOB_UNKNOWN") {
            session in
            let ghost = try Blob(session.random(10))
            let json = try await session.imageJSON().with("layers", [ghost.descriptor(MediaTypes.layer)])
            try await put(session, json).expectAcceptedOr("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")
        },
        absent("config", "A manifest whose config is not there is accepted, or refused as MANIFEST_BLOB_UNKNOWN") {
            session in
            let ghost = try Blob(session.random(10))
            let json = try await session.imageJSON().with("config", ghost.descriptor(MediaTypes.config))
            try await put(session, json).expectAcceptedOr("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")
        },
        absent("child", "An index with a manifest that is not there is accepted, or refused with a code that says so") {
            session in
            let ghost = try Document(try await session.imageJSON(), MediaTypes.image)
            try await put(session, Session.index([ghost.descriptor()]), MediaTypes.index)
                .expectAcceptedOr("MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN")
        },
        absent("layer-of-other-repository", "A blob of another repository does not make a manifest complete: as above")
        {
            session in
            let blob = try await session.storedBlob(32, in: session.repository("other"))
            let json = try await session.imageJSON().with("layers", [blob.descriptor(MediaTypes.layer)])
            try await put(session, json).expectAcceptedOr("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")
        },
    ]
}

extension Response {
    /// 201, or a refusal with one of these codes.
    fileprivate func expectAcceptedOr(_ codes: String...) throws {
        guard status != 201 else { return }
        try expect(status: 400, 404, 201)
        let received = try errorCodes()
        let isNamed = received.contains { codes.contains($0) }
        try expect(isNamed, "201, or 400 or 404 with \(codes.joined(separator: " or "))", received: "\(received)")
    }
}
