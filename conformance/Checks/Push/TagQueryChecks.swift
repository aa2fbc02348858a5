// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-7b, newer than 1.1.1: PUT by digest that sets tags in the same request.
enum TagQueryChecks {
    static var checks: [Check] { Digest.Algorithm.allCases.flatMap(accepted) + refused }

    /// A new image put by its digest with these tags, and the answer.
    private static func put(
        _ session: Session,
        _ algorithm: Digest.Algorithm,
        _ query: String,
        document given: Document? = nil
    ) async throws -> (Document, Response) {
        var document = given
        if document == nil {
            document = try Document(try await session.imageJSON(algorithm), MediaTypes.image, algorithm)
        }
        guard let document else { throw NotApplicable(reason: "no document") }
        return (document, try await session.put(document, as: "\(document.digest)?\(query)"))
    }

    private static func accepted(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "tag-query.\(algorithm.name)", reference: "end-7b*", edition: .development)
        return [
            check("201", "PUT by digest with ?tag=a&tag=b answers 201") { session in
                try await put(session, algorithm, "tag=a&tag=b").1.expect(status: 201)
            },
            check("oci-tag", "The 201 names both tags in OCI-Tag") { session in
                let response = try await put(session, algorithm, "tag=a&tag=b").1
                let tags = response.headers.list("OCI-Tag")
                try response.expect(tags.sorted() == ["a", "b"], "OCI-Tag: a, b", received: "OCI-Tag: \(tags)")
            },
            check("docker-content-digest", "The 201 carries the digest in Docker-Content-Digest", level: .client) {
                session in
                let (document, response) = try await put(session, algorithm, "tag=a")
                try response.expect("Docker-Content-Digest", is: document.digest.description)
            },
            check("both-resolve", "Both tags lead to the manifest") { session in
                let (document, _) = try await put(session, algorithm, "tag=a&tag=b")
                try await session.getManifest("a").expect(status: 200).expect(body: document.bytes)
                try await session.getManifest("b").expect(status: 200).expect(body: document.bytes)
            },
            check("tag-keeps-digest", "A tag so set leads to the digest it was pushed by") { session in
                let (document, _) = try await put(session, algorithm, "tag=kept")
                try await session.headManifest("kept").expect("Docker-Content-Digest", is: document.digest.description)
            },
            check("ten-tags", "Ten tags are accepted", level: .should) { session in
                let query = (0..<10).map { "tag=t\($0)" }.joined(separator: "&")
                let response = try await put(session, algorithm, query).1.expect(status: 201)
                let count = response.headers.list("OCI-Tag").count
                try response.expect(count == 10, "ten tags in OCI-Tag", received: "\(count)")
            },
        ]
    }

    private static let check = CheckGroup(.push, "tag-query", reference: "end-7b*", edition: .development)

    private static let refused: [Check] = [
        check("moves", "A tag that exists is moved") { session in
            _ = try await session.storedImage(tag: "moving")
            let (document, _) = try await put(session, .sha256, "tag=moving")
            try await session.getManifest("moving").expect(body: document.bytes)
        },
        check("same-twice", "A tag named twice is set once", level: .should) { session in
            try await put(session, .sha256, "tag=a&tag=a").1.expect(status: 201)
            let tags = try await session.get("/v2/\(session.repository)/tags/list").tags().tags
            try await session.get("/v2/\(session.repository)/tags/list").expect(
                tags == ["a"],
                "[a]",
                received: "\(tags)"
            )
        },
        check("invalid-400", "An invalid tag answers 400") { session in
            try await put(session, .sha256, "tag=good&tag=.bad").1.expect(status: 400)
        },
        check("invalid-sets-none", "Beside an invalid tag no tag is set") { session in
            _ = try await put(session, .sha256, "tag=good&tag=.bad")
            try await session.headManifest("good").expect(status: 404)
        },
        check("wrong-digest-400", "With a digest that is not the manifest's the answer is 400") { session in
            let document = try Document(try await session.imageJSON(), MediaTypes.image)
            try await session.put(document, as: "\(try session.unknownDigest())?tag=a").expect(status: 400)
        },
        check("wrong-digest-sets-none", "With a digest that is not the manifest's no tag is set") { session in
            let document = try Document(try await session.imageJSON(), MediaTypes.image)
            _ = try await session.put(document, as: "\(try session.unknownDigest())?tag=a")
            try await session.headManifest("a").expect(status: 404)
        },
        check("subject-too", "OCI-Subject is answered beside OCI-Tag") { session in
            let subject = try await session.storedImage()
            let json = try await session.artifactJSON("application/vnd.example.a", subject: subject.descriptor())
            let document = try Document(json, MediaTypes.image)
            let response = try await put(session, .sha256, "tag=a", document: document).1
            try response.expect("OCI-Subject", is: subject.digest.description).expect("OCI-Tag", is: "a")
        },
        check("too-many", "A thousand tags are accepted, or refused with 400, 413, 414 or 431") { session in
            let query = (0..<1000).map { "tag=t\($0)" }.joined(separator: "&")
            try await put(session, .sha256, query).1.expect(status: 201, 400, 413, 414, 431)
        },
    ]
}
