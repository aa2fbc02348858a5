// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-7a: PUT of a manifest, by tag and by digest.
enum ManifestPushChecks {
    static var checks: [Check] {
        put("by-tag", .sha256) { _ in "tagged" }
            + Digest.Algorithm.allCases.flatMap { algorithm in
                put("by-digest.\(algorithm.name)", algorithm) { $0.digest.description } + mismatched(algorithm)
            } + tags + moves
    }

    private static func put(
        _ name: String,
        _ algorithm: Digest.Algorithm,
        _ reference: @escaping @Sendable (Document) -> String
    ) -> [Check] {
        let check = CheckGroup(.push, "manifest.\(name)", reference: "end-7a")
        /// A new image whose blobs are stored, and the answer to its PUT.
        @Sendable func push(_ session: Session) async throws -> (Document, Response) {
            let document = try Document(try await session.imageJSON(algorithm), MediaTypes.image, algorithm)
            return (document, try await session.put(document, as: reference(document)))
        }
        return [
            check("201", "PUT of an image manifest answers 201") { session in
                try await push(session).1.expect(status: 201)
            },
            check("location", "The 201 carries Location") { session in
                try await push(session).1.expect(header: "Location")
            },
            check("location-pullable", "The manifest can be pulled from that Location") { session in
                let (document, response) = try await push(session)
                try await session.get(try session.location(of: response), headers: Session.acceptAll)
                    .expect(status: 200).expect(body: document.bytes)
            },
            check(
                "docker-content-digest",
                "The 201 carries the digest in Docker-Content-Digest",
                level: .client,
                reference: "containerd, oras, docker"
            ) { session in
                let (document, response) = try await push(session)
                try response.expect("Docker-Content-Digest", is: document.digest.description)
            },
            check("no-subject-no-header", "Without a subject the 201 carries no OCI-Subject") { session in
                try await push(session).1.expect(status: 201).expect(noHeader: "OCI-Subject")
            },
            check("by-digest-then", "The manifest can then be pulled by its digest") { session in
                let (document, _) = try await push(session)
                try await session.getManifest(document.digest.description).expect(status: 200)
                    .expect(body: document.bytes)
            },
            check("again-201", "The same PUT a second time answers 201 again") { session in
                let (document, _) = try await push(session)
                try await session.put(document, as: reference(document)).expect(status: 201)
            },
            check(
                "chunked-coding",
                "PUT with Transfer-Encoding: chunked is accepted",
                level: .client,
                reference: "RFC 9112, 7.1"
            ) { session in
                let document = try Document(try await session.imageJSON(algorithm), MediaTypes.image, algorithm)
                let parts = [Array(document.bytes.prefix(10)), Array(document.bytes.dropFirst(10))]
                let target = session.manifestTarget(reference(document))
                try await session.send(
                    "PUT",
                    target,
                    headers: ["Content-Type": MediaTypes.image],
                    body: .chunked(parts)
                )
                .expect(status: 201)
            },
        ]
    }

    private static func mismatched(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "manifest.by-digest.\(algorithm.name)", reference: "end-7a")
        /// A sound manifest put under the digest of something else.
        @Sendable func push(_ session: Session) async throws -> (Digest, Response) {
            let document = try Document(try await session.imageJSON(algorithm), MediaTypes.image, algorithm)
            let wrong = try session.unknownDigest(algorithm)
            return (wrong, try await session.put(document, as: wrong.description))
        }
        return [
            check("wrong-400", "PUT under a digest that is not the manifest's answers 400") { session in
                try await push(session).1.expect(status: 400)
            },
            check("wrong-code", "The 400 names DIGEST_INVALID or MANIFEST_INVALID", level: .should, reference: "errors")
            {
                session in
                try await push(session).1.expect(error: "DIGEST_INVALID", "MANIFEST_INVALID")
            },
            check("wrong-stores-nothing", "After it nothing is found under the wrong digest") { session in
                let (wrong, _) = try await push(session)
                try await session.headManifest(wrong.description).expect(status: 404)
            },
            check("malformed-400", "PUT under \(algorithm.name):baddigeststring answers 400") { session in
                let document = try Document(try await session.imageJSON(algorithm), MediaTypes.image, algorithm)
                try await session.put(document, as: "\(algorithm.name):baddigeststring").expect(status: 400)
            },
        ]
    }

    private static let tag = CheckGroup(.push, "manifest.tag", reference: "end-7a, grammar of <reference>")

    private static var tags: [Check] {
        let valid = [
            ("one-letter", "a"), ("digits", "2024"), ("leading-underscore", "_private"), ("mixed", "V1.2-rc_3"),
            ("longest", String(repeating: "t", count: 128)),
            ("looks-like-digest", "sha256-" + String(repeating: "0", count: 64)),
            ("cosign-signature", "sha256-" + String(repeating: "1", count: 64) + ".sig"),
        ]
        let invalid = [
            ("too-long", String(repeating: "t", count: 129)), ("leading-dot", ".hidden"), ("leading-dash", "-flag"),
            ("plus", "1.0+build"), ("at", "a@b"), ("encoded-slash", "a%2Fb"), ("space", "a%20b"),
            ("not-ascii", "%C3%A9"),
        ]
        return valid.map { name, text in
            tag("valid.\(name)", "The tag \(text.prefix(24)) is accepted and found") { session in
                let document = try Document(try await session.imageJSON(), MediaTypes.image)
                try await session.put(document, as: text).expect(status: 201)
                try await session.getManifest(text).expect(status: 200).expect(body: document.bytes)
            }
        }
            + invalid.map { name, text in
                tag("invalid.\(name)", "The tag \(text.prefix(24)) is refused") { session in
                    let document = try Document(try await session.imageJSON(), MediaTypes.image)
                    try await session.put(document, as: text).expect(status: 400, 404)
                }
            }
    }

    private static let moves: [Check] = [
        tag("moves", "A tag that is put again leads to the new manifest", reference: "end-7a") { session in
            _ = try await session.storedImage(tag: "moving")
            let second = try await session.storedImage(tag: "moving")
            try await session.getManifest("moving").expect(status: 200).expect(body: second.bytes)
        },
        tag(
            "former-stays",
            "The manifest that a tag has left is still found by its digest",
            level: .should,
            reference: "end-7a"
        ) { session in
            let first = try await session.storedImage(tag: "moving")
            _ = try await session.storedImage(tag: "moving")
            try await session.getManifest(first.digest.description).expect(status: 200).expect(body: first.bytes)
        },
        tag("several-for-one", "Two tags may lead to one manifest", reference: "end-7a") { session in
            let document = try await session.storedImage(tag: "one")
            try await session.store(document, tag: "two")
            try await session.getManifest("one").expect(body: document.bytes)
            try await session.getManifest("two").expect(status: 200).expect(body: document.bytes)
        },
        tag("same-time", "Eight tags put at the same time are all there", level: .should, reference: "end-7a") {
            session in
            let document = try await session.storedImage()
            let answers = try await withThrowingTaskGroup(of: Response.self) { group in
                for index in 0..<8 {
                    group.addTask { try await session.put(document, as: "t\(index)") }
                }
                return try await group.reduce(into: [Response]()) { $0.append($1) }
            }
            for answer in answers { try answer.expect(status: 201) }
            for index in 0..<8 {
                try await session.headManifest("t\(index)").expect(status: 200)
            }
        },
        tag(
            "head-after-move",
            "HEAD of a tag that has moved tells the new digest",
            level: .client,
            reference: "containerd"
        ) { session in
            _ = try await session.storedImage(tag: "moving")
            let second = try await session.storedImage(tag: "moving")
            try await session.headManifest("moving").expect("Docker-Content-Digest", is: second.digest.description)
        },
    ]
}
