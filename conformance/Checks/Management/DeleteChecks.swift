// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-9 and end-10: deleting tags, manifests and blobs.
enum DeleteChecks {
    static var checks: [Check] {
        Digest.Algorithm.allCases.flatMap { manifests($0) + blobs($0) } + tags + relations
    }

    /// The answer to a DELETE. A registry that does not allow it says 405, or 400 with UNSUPPORTED, and is not asked.
    private static func delete(_ session: Session, _ target: String) async throws -> Response {
        let response = try await session.delete(target)
        let isUnsupported = response.status == 400 && (try? response.errorCodes().contains("UNSUPPORTED")) == true
        if response.status == 405 || isUnsupported {
            throw NotApplicable(reason: "the registry does not delete this: \(response.status)")
        }
        return response
    }

    private static func manifests(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.management, "manifest.\(algorithm.name)", reference: "end-9")
        /// An image that has been deleted by its digest, and the answer to that.
        @Sendable func deleted(_ session: Session, tag: String? = nil) async throws -> (Document, Response) {
            let document = try await session.storedImage(algorithm)
            if let tag { try await session.store(document, tag: tag) }
            return (document, try await delete(session, session.manifestTarget(document.digest)))
        }
        return [
            check("202", "DELETE of a manifest by digest answers 202") { session in
                try await deleted(session).1.expect(status: 202)
            },
            check("then-get-404", "A deleted manifest is not found by GET at once") { session in
                let (document, _) = try await deleted(session)
                try await session.getManifest(document.digest.description).expect(status: 404)
            },
            check("then-head-404", "A deleted manifest is not found by HEAD at once") { session in
                let (document, _) = try await deleted(session)
                try await session.headManifest(document.digest.description).expect(status: 404)
            },
            check(
                "then-code",
                "The 404 for a deleted manifest names MANIFEST_UNKNOWN",
                level: .should,
                reference: "errors"
            ) {
                session in
                let (document, _) = try await deleted(session)
                try await session.getManifest(document.digest.description).expect(error: "MANIFEST_UNKNOWN")
            },
            check("again-404", "Deleting a manifest a second time answers 404") { session in
                let (document, _) = try await deleted(session)
                try await session.delete(session.manifestTarget(document.digest)).expect(status: 404)
            },
            check("unknown-404", "DELETE of a manifest that is not there answers 404") { session in
                _ = try await session.storedImage()
                let target = session.manifestTarget(try session.unknownDigest(algorithm))
                try await delete(session, target).expect(status: 404)
            },
            check("push-again", "A deleted manifest can be pushed again") { session in
                let (document, _) = try await deleted(session)
                try await session.put(document, as: document.digest.description).expect(status: 201)
                try await session.getManifest(document.digest.description).expect(status: 200)
                    .expect(body: document.bytes)
            },
            check("other-repository-stays", "The same manifest of another repository stays") { session in
                let other = session.repository("other")
                let document = try Document(
                    try await session.imageJSON(algorithm, in: other),
                    MediaTypes.image,
                    algorithm
                )
                try await session.store(document, in: other)
                for layer in try session.blobsOf(document) {
                    try await session.mountOrThrow(layer, from: other)
                }
                try await session.store(document)
                _ = try await delete(session, session.manifestTarget(document.digest))
                try await session.getManifest(document.digest.description, in: other).expect(status: 200)
            },
        ]
    }

    private static func blobs(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.management, "blob.\(algorithm.name)", reference: "end-10")
        /// A blob that has been deleted, and the answer to that.
        @Sendable func deleted(_ session: Session) async throws -> (Blob, Response) {
            let blob = try await session.storedBlob(100, algorithm)
            return (blob, try await delete(session, session.blobTarget(blob)))
        }
        return [
            check("202", "DELETE of a blob answers 202") { session in
                try await deleted(session).1.expect(status: 202)
            },
            check("then-get-404", "A deleted blob is not found by GET at once") { session in
                try await session.get(session.blobTarget(try await deleted(session).0)).expect(status: 404)
            },
            check("then-head-404", "A deleted blob is not found by HEAD at once") { session in
                try await session.head(session.blobTarget(try await deleted(session).0)).expect(status: 404)
            },
            check("again-404", "Deleting a blob a second time answers 404") { session in
                try await session.delete(session.blobTarget(try await deleted(session).0)).expect(status: 404)
            },
            check("unknown-404", "DELETE of a blob that is not there answers 404") { session in
                _ = try await session.storedBlob(16)
                try await delete(session, session.blobTarget(try session.unknownDigest(algorithm))).expect(status: 404)
            },
            check("unknown-code", "The 404 names BLOB_UNKNOWN", level: .should, reference: "errors") { session in
                _ = try await session.storedBlob(16)
                try await delete(session, session.blobTarget(try session.unknownDigest(algorithm)))
                    .expect(error: "BLOB_UNKNOWN")
            },
            check("push-again", "A deleted blob can be pushed and pulled again") { session in
                let (blob, _) = try await deleted(session)
                try await session.store(blob)
                try await session.get(session.blobTarget(blob)).expect(status: 200).expect(body: blob.bytes)
            },
            check("mounted-elsewhere-stays", "A blob mounted to another repository stays there") { session in
                let source = session.repository("source")
                let blob = try await session.storedBlob(100, algorithm, in: source)
                try await session.mountOrThrow(blob.digest, from: source)
                _ = try await delete(session, session.blobTarget(blob, in: source))
                try await session.get(session.blobTarget(blob)).expect(status: 200).expect(body: blob.bytes)
            },
            check(
                "not-mountable",
                "A blob deleted from its only repository cannot be mounted from there",
                level: .should
            ) {
                session in
                let source = session.repository("source")
                let blob = try await session.storedBlob(100, algorithm, in: source)
                _ = try await delete(session, session.blobTarget(blob, in: source))
                let query = "mount=\(blob.digest)&from=\(source.percentEncoded)"
                try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(status: 202)
            },
        ]
    }

    private static let tag = CheckGroup(.management, "tag", reference: "end-9")

    private static let tags: [Check] = [
        tag("202", "DELETE of a tag answers 202") { session in
            _ = try await session.storedImage(tag: "gone")
            try await delete(session, session.manifestTarget("gone")).expect(status: 202)
        },
        tag("then-404", "A deleted tag is not found at once") { session in
            _ = try await session.storedImage(tag: "gone")
            _ = try await delete(session, session.manifestTarget("gone"))
            try await session.getManifest("gone").expect(status: 404)
        },
        tag("then-head-404", "A deleted tag is not found by HEAD at once") { session in
            _ = try await session.storedImage(tag: "gone")
            _ = try await delete(session, session.manifestTarget("gone"))
            try await session.headManifest("gone").expect(status: 404)
        },
        tag("not-listed", "A deleted tag is not listed, another one is") { session in
            let document = try await session.storedImage(tag: "gone")
            try await session.store(document, tag: "kept")
            _ = try await delete(session, session.manifestTarget("gone"))
            let response = try await session.get("/v2/\(session.repository)/tags/list")
            let tags = try response.tags().tags
            try response.expect(tags == ["kept"], "[kept]", received: "\(tags)")
        },
        tag("manifest-stays", "The manifest of a deleted tag is still found by its digest") { session in
            let document = try await session.storedImage(tag: "gone")
            _ = try await delete(session, session.manifestTarget("gone"))
            try await session.getManifest(document.digest.description).expect(status: 200).expect(body: document.bytes)
        },
        tag("other-tag-stays", "Another tag of the same manifest stays") { session in
            let document = try await session.storedImage(tag: "gone")
            try await session.store(document, tag: "kept")
            _ = try await delete(session, session.manifestTarget("gone"))
            try await session.getManifest("kept").expect(status: 200).expect(body: document.bytes)
        },
        tag("again-404", "Deleting a tag a second time answers 404") { session in
            _ = try await session.storedImage(tag: "gone")
            _ = try await delete(session, session.manifestTarget("gone"))
            try await session.delete(session.manifestTarget("gone")).expect(status: 404)
        },
        tag("unknown-404", "DELETE of a tag that is not there answers 404") { session in
            _ = try await session.storedImage(tag: "kept")
            try await delete(session, session.manifestTarget("never")).expect(status: 404)
        },
        tag("set-again", "A deleted tag can be set again, to another manifest") { session in
            _ = try await session.storedImage(tag: "gone")
            _ = try await delete(session, session.manifestTarget("gone"))
            let second = try await session.storedImage(tag: "gone")
            try await session.getManifest("gone").expect(status: 200).expect(body: second.bytes)
        },
    ]

    private static let relation = CheckGroup(.management, "relation", reference: "end-9, end-10")

    private static let relations: [Check] = [
        relation("tags-of-manifest", "When a manifest is deleted by digest, its tags are not found any more") {
            session in
            let document = try await session.storedImage(tag: "one")
            try await session.store(document, tag: "two")
            _ = try await delete(session, session.manifestTarget(document.digest))
            try await session.getManifest("one").expect(status: 404)
            try await session.getManifest("two").expect(status: 404)
        },
        relation("tags-not-listed", "When a manifest is deleted by digest, its tags are not listed any more") {
            session in
            let document = try await session.storedImage(tag: "one")
            _ = try await session.storedImage(tag: "kept")
            _ = try await delete(session, session.manifestTarget(document.digest))
            let response = try await session.get("/v2/\(session.repository)/tags/list")
            let tags = try response.tags().tags
            try response.expect(tags == ["kept"], "[kept]", received: "\(tags)")
        },
        relation("children-stay", "When an index is deleted, its manifests stay", level: .should) { session in
            let child = try await session.storedImage()
            let index = try await session.store(try Document(Session.index([child.descriptor()]), MediaTypes.index))
            _ = try await delete(session, session.manifestTarget(index.digest))
            try await session.getManifest(child.digest.description).expect(status: 200)
        },
        relation("blobs-stay", "When a manifest is deleted, another manifest's blobs stay") { session in
            let json = try await session.imageJSON()
            let one = try await session.store(try Document(json, MediaTypes.image))
            let other = json.with("annotations", .object([("org.example.key", "other")]))
            let two = try await session.store(try Document(other, MediaTypes.image))
            _ = try await delete(session, session.manifestTarget(one.digest))
            for digest in try session.blobsOf(two) {
                try await session.head(session.blobTarget(digest)).expect(status: 200)
            }
        },
        relation("referrer-not-listed", "A deleted referrer is not listed any more", reference: "end-9, end-12a") {
            session in
            let subject = try await session.storedImage()
            let json = try await session.artifactJSON("application/vnd.example.a", subject: subject.descriptor())
            let referrer = try await session.store(try Document(json, MediaTypes.image))
            _ = try await delete(session, session.manifestTarget(referrer.digest))
            let response = try await session.get(ReferrerChecks.target(subject.digest, session.repository))
            let count = try response.expect(status: 200).referrers().manifests.count
            try response.expect(count == 0, "no referrers", received: "\(count)")
        },
        relation(
            "subject-deletable",
            "A manifest that has referrers can be deleted, or the refusal is 405 or 409",
            level: .should,
            reference: "end-9"
        ) { session in
            let subject = try await session.storedImage()
            let json = try await session.artifactJSON("application/vnd.example.a", subject: subject.descriptor())
            try await session.store(try Document(json, MediaTypes.image))
            try await session.delete(session.manifestTarget(subject.digest)).expect(status: 202, 405, 409)
        },
        relation(
            "blob-in-use",
            "Deleting a blob that a manifest needs is done or refused, and is no error of the server",
            level: .should,
            reference: "end-10"
        ) { session in
            let document = try await session.storedImage()
            guard let digest = try session.blobsOf(document).first else { return }
            try await session.delete(session.blobTarget(digest)).expect(status: 202, 403, 405, 409)
        },
        relation("malformed-digest", "DELETE of a manifest by what is no digest answers 400 or 404", reference: "end-9")
        {
            session in
            _ = try await session.storedImage()
            try await delete(session, session.manifestTarget("sha256:nonsense")).expect(status: 400, 404)
        },
        relation(
            "malformed-blob-digest",
            "DELETE of a blob by what is no digest answers 400 or 404",
            reference: "end-10"
        ) {
            session in
            _ = try await session.storedImage()
            try await delete(session, "/v2/\(session.repository)/blobs/sha256:nonsense").expect(status: 400, 404)
        },
        relation(
            "unknown-repository",
            "DELETE of a manifest in a repository that is not there answers 404",
            reference: "end-9"
        ) { session in
            try await delete(session, session.manifestTarget(try session.unknownDigest())).expect(status: 404)
        },
    ]
}

extension Session {
    /// The digests of the blobs of an image manifest that this suite has made.
    func blobsOf(_ document: Document) throws -> [Digest] {
        let response = Response(
            request: Request(method: "GET", target: ""),
            status: 200,
            headers: [:],
            body: document.bytes
        )
        let image = try response.decoded(ImageFields.self, "an image manifest")
        return try ([image.config] + image.layers).map { try Digest(parsing: $0.digest) }
    }

    /// Mounts a blob, as a step to build on.
    func mountOrThrow(_ digest: Digest, from source: String) async throws {
        try await setUp("mount a blob") {
            let query = "mount=\(digest)&from=\(source.percentEncoded)"
            try await send("POST", uploadsTarget().appending(query: query)).expect(status: 201)
        }
    }
}

private struct ImageFields: Decodable {
    struct Blob: Decodable {
        let digest: String
    }
    let config: Blob
    let layers: [Blob]
}
