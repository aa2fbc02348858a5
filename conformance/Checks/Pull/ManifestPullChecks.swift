// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-3: GET and HEAD of a manifest, by tag and by digest.
enum ManifestPullChecks {
    static var checks: [Check] {
        stored(.tag) + stored(.digest(.sha256)) + stored(.digest(.sha512))
            + negotiation + missing + Digest.Algorithm.allCases.flatMap(missingDigest)
    }

    /// The two ways to name a manifest.
    private enum Way: Sendable {
        case tag
        case digest(Digest.Algorithm)

        var name: String {
            switch self {
            case .tag: "by-tag"
            case .digest(let algorithm): "by-digest.\(algorithm.name)"
            }
        }

        /// The shared image and the reference to ask for.
        func image(_ session: Session) async throws -> (document: Document, reference: String) {
            switch self {
            case .tag: (try await session.sharedImage(.sha256), session.sharedTag(.sha256))
            case .digest(let algorithm):
                (try await session.sharedImage(algorithm), try await session.sharedImage(algorithm).digest.description)
            }
        }

        func get(_ session: Session) async throws -> (Document, Response) {
            let (document, reference) = try await image(session)
            return (document, try await session.getManifest(reference, in: session.sharedRepository))
        }

        func head(_ session: Session) async throws -> (Document, Response) {
            let (document, reference) = try await image(session)
            return (document, try await session.headManifest(reference, in: session.sharedRepository))
        }
    }

    private static func stored(_ way: Way) -> [Check] {
        got(way) + headed(way) + conditional(way)
    }

    private static func got(_ way: Way) -> [Check] {
        let check = CheckGroup(.pull, "manifest.\(way.name)", reference: "end-3")
        return [
            check("get-200", "GET of a stored manifest answers 200") { session in
                try await way.get(session).1.expect(status: 200)
            },
            check("get-bytes", "GET of a manifest gives exactly the bytes that were pushed") { session in
                let (document, response) = try await way.get(session)
                try response.expect(body: document.bytes)
            },
            check("get-content-type", "GET of a manifest carries its media type as Content-Type, with no parameter") {
                session in
                try await way.get(session).1.expect("Content-Type", is: MediaTypes.image)
            },
            check("get-content-length", "GET of a manifest tells its length", level: .should) { session in
                let (document, response) = try await way.get(session)
                try response.expect("Content-Length", is: "\(document.bytes.count)")
            },
            check(
                "get-docker-content-digest",
                "GET of a manifest carries its digest in Docker-Content-Digest",
                level: .should
            ) { session in
                let (document, response) = try await way.get(session)
                try response.expect("Docker-Content-Digest", is: document.digest.description)
            },
            check(
                "get-namespace-query",
                "?ns= of a client that mirrors is accepted on GET of a manifest",
                level: .client,
                reference: "containerd"
            ) { session in
                let reference = try await way.image(session).reference
                let target = session.manifestTarget(reference, in: session.sharedRepository)
                try await session.get(target.appending(query: "ns=docker.io"), headers: Session.acceptAll)
                    .expect(status: 200)
            },
        ]
    }

    private static func headed(_ way: Way) -> [Check] {
        let check = CheckGroup(.pull, "manifest.\(way.name)", reference: "end-3")
        return [
            check("head-200", "HEAD of a stored manifest answers 200") { session in
                try await way.head(session).1.expect(status: 200)
            },
            check(
                "head-content-type",
                "HEAD of a manifest carries its media type as Content-Type",
                level: .client,
                reference: "containerd, docker"
            ) { session in
                try await way.head(session).1.expect("Content-Type", is: MediaTypes.image)
            },
            check(
                "head-content-length",
                "HEAD of a manifest tells its length; docker fails without",
                level: .client,
                reference: "docker, containerd"
            ) { session in
                let (document, response) = try await way.head(session)
                try response.expect("Content-Length", is: "\(document.bytes.count)")
            },
            check(
                "head-docker-content-digest",
                "HEAD of a manifest carries its digest in Docker-Content-Digest",
                level: .client,
                reference: "containerd, docker"
            ) { session in
                let (document, response) = try await way.head(session)
                try response.expect("Docker-Content-Digest", is: document.digest.description)
            },
            check(
                "head-no-body",
                "An answer to HEAD of a manifest has no body on the wire",
                reference: "RFC 9110, 9.3.2"
            ) {
                session in
                let reference = try await way.image(session).reference
                try await session.expectNoBodyOnWire(session.manifestTarget(reference, in: session.sharedRepository))
            },
        ]
    }

    private static func conditional(_ way: Way) -> [Check] {
        let check = CheckGroup(.pull, "manifest.\(way.name)", reference: "RFC 9110, 13.1.2; docker", level: .client)
        return [
            check("if-none-match-304", "GET with the digest, in quotes, in If-None-Match answers 304") { session in
                let (document, reference) = try await way.image(session)
                let condition: Headers = ["If-None-Match": "\"\(document.digest)\""]
                try await session.getManifest(reference, in: session.sharedRepository, headers: condition)
                    .expect(status: 304)
            },
            check("head-if-none-match-304", "HEAD with the digest, in quotes, in If-None-Match answers 304") {
                session in
                let (document, reference) = try await way.image(session)
                let condition: Headers = ["If-None-Match": "\"\(document.digest)\""]
                try await session.headManifest(reference, in: session.sharedRepository, headers: condition)
                    .expect(status: 304)
            },
            check("if-none-match-other-200", "GET with another ETag in If-None-Match answers 200") { session in
                let reference = try await way.image(session).reference
                let condition: Headers = ["If-None-Match": "\"\(try session.unknownDigest())\""]
                try await session.getManifest(reference, in: session.sharedRepository, headers: condition)
                    .expect(status: 200)
            },
        ]
    }

    private static let negotiate = CheckGroup(
        .pull,
        "manifest.negotiation",
        reference: "end-3; RFC 9110, 12.5.1 and 13.1.2",
        level: .client
    )

    private static let negotiation: [Check] = [
        negotiate("no-accept", "A manifest is served as it was pushed to a client that sends no Accept") { session in
            _ = try await session.sharedImage()
            let target = session.manifestTarget(session.sharedTag(.sha256), in: session.sharedRepository)
            try await session.get(target).expect(status: 200).expect("Content-Type", is: MediaTypes.image)
        },
        negotiate("accept-anything", "A manifest is served as it was pushed to a client that accepts */*") { session in
            _ = try await session.sharedImage()
            let target = session.manifestTarget(session.sharedTag(.sha256), in: session.sharedRepository)
            try await session.get(target, headers: ["Accept": "*/*"])
                .expect(status: 200).expect("Content-Type", is: MediaTypes.image)
        },
        negotiate("accept-lines", "Accept may be spread over several header lines", reference: "docker") { session in
            _ = try await session.sharedImage()
            let accept: Headers = [
                "Accept": MediaTypes.dockerManifest, "Accept": MediaTypes.dockerList, "Accept": MediaTypes.index,
                "Accept": MediaTypes.image,
            ]
            let target = session.manifestTarget(session.sharedTag(.sha256), in: session.sharedRepository)
            try await session.get(target, headers: accept).expect(status: 200)
                .expect("Content-Type", is: MediaTypes.image)
        },
        negotiate("accept-quality", "Accept may carry quality values", reference: "RFC 9110, 12.5.1") { session in
            _ = try await session.sharedImage()
            let accept: Headers = ["Accept": "\(MediaTypes.index);q=0.9, \(MediaTypes.image);q=0.8, */*;q=0.1"]
            let target = session.manifestTarget(session.sharedTag(.sha256), in: session.sharedRepository)
            try await session.get(target, headers: accept).expect(status: 200)
        },
        negotiate("etag-list-304", "If-None-Match with several ETags, one of them right, answers 304") { session in
            let document = try await session.sharedImage()
            let list: Headers = ["If-None-Match": "\"\(session.word())\", \"\(document.digest)\""]
            try await session.getManifest(session.sharedTag(.sha256), in: session.sharedRepository, headers: list)
                .expect(status: 304)
        },
        negotiate("etag-weak-304", "If-None-Match compares weakly: W/ before the right ETag answers 304") { session in
            let document = try await session.sharedImage()
            let weak: Headers = ["If-None-Match": "W/\"\(document.digest)\""]
            try await session.getManifest(session.sharedTag(.sha256), in: session.sharedRepository, headers: weak)
                .expect(status: 304)
        },
        negotiate("etag-star-304", "If-None-Match: * answers 304 for a manifest that exists") { session in
            _ = try await session.sharedImage()
            try await session.getManifest(
                session.sharedTag(.sha256),
                in: session.sharedRepository,
                headers: ["If-None-Match": "*"]
            ).expect(status: 304)
        },
        negotiate("304-carries-etag", "A 304 carries the ETag", level: .must, reference: "RFC 9110, 15.4.5") {
            session in
            let document = try await session.sharedImage()
            let condition: Headers = ["If-None-Match": "\"\(document.digest)\""]
            try await session.getManifest(session.sharedTag(.sha256), in: session.sharedRepository, headers: condition)
                .expect(status: 304).expect(header: "ETag")
        },
        negotiate(
            "304-no-body",
            "A 304 has no body on the wire",
            level: .must,
            reference: "RFC 9110, 15.4.5"
        ) { session in
            let document = try await session.sharedImage()
            let target = session.manifestTarget(document.digest, in: session.sharedRepository)
            let condition: Headers = ["If-None-Match": "\"\(document.digest)\""]
            try await session.expectNoBodyOnWire(target, method: "GET", status: 304, headers: condition)
        },
        negotiate("304-after-move-200", "After a tag has moved, its former ETag answers 200 with the new manifest") {
            session in
            let first = try await session.storedImage(tag: "moving")
            let second = try await session.storedImage(tag: "moving")
            let condition: Headers = ["If-None-Match": "\"\(first.digest)\""]
            try await session.getManifest("moving", headers: condition).expect(status: 200).expect(body: second.bytes)
        },
        negotiate("encoded-colon", "The digest's colon may be percent-encoded in the path", reference: "RFC 3986, 2.1")
        {
            session in
            let document = try await session.sharedImage()
            let reference = document.digest.description.replacing(":", with: "%3A")
            try await session.getManifest(reference, in: session.sharedRepository).expect(status: 200)
        },
        negotiate(
            "absolute-form",
            "A request with an absolute URL as its target is answered",
            level: .must,
            reference: "RFC 9112, 3.2.2"
        ) { session in
            let document = try await session.sharedImage()
            let path = session.manifestTarget(document.digest, in: session.sharedRepository)
            try await session.raw { connection in
                let target = session.locator.url(path)
                await connection.send(await session.rawHead("GET", target, Session.acceptAll))
                try await connection.response(to: "GET").expect(status: 200).expect(body: document.bytes)
            }
        },
        negotiate(
            "pipelined",
            "Three requests sent at once are answered in their order",
            level: .must,
            reference: "RFC 9112, 9.3.2"
        ) { session in
            let document = try await session.sharedImage()
            let path = session.manifestTarget(document.digest, in: session.sharedRepository)
            let get = await session.rawHead("GET", path, Session.acceptAll).text
            let head = await session.rawHead("HEAD", path, Session.acceptAll).text
            let missing = await session.rawHead("GET", session.blobTarget(try session.unknownDigest())).text
            try await session.raw { connection in
                await connection.send(Array((head + missing + get).utf8))
                try await connection.response(to: "HEAD").expect(status: 200)
                try await connection.response(to: "GET").expect(status: 404)
                try await connection.response(to: "GET").expect(status: 200).expect(body: document.bytes)
            }
        },
    ]

    private static let absent = CheckGroup(.pull, "manifest.missing", reference: "end-3")

    private static let missing: [Check] = [
        absent("get-unknown-tag-404", "GET of a tag that is not there answers 404") { session in
            _ = try await session.sharedImage()
            try await session.getManifest(session.word(), in: session.sharedRepository).expect(status: 404)
        },
        absent("head-unknown-tag-404", "HEAD of a tag that is not there answers 404") { session in
            _ = try await session.sharedImage()
            try await session.headManifest(session.word(), in: session.sharedRepository).expect(status: 404)
        },
        absent("unknown-tag-code", "The 404 for a tag names MANIFEST_UNKNOWN", level: .should, reference: "errors") {
            session in
            _ = try await session.sharedImage()
            try await session.getManifest(session.word(), in: session.sharedRepository)
                .expect(error: "MANIFEST_UNKNOWN")
        },
        absent("unknown-repository-404", "GET of a manifest in a repository that is not there answers 404") { session in
            try await session.getManifest("latest").expect(status: 404)
        },
        absent(
            "unknown-repository-code",
            "The 404 for a repository names NAME_UNKNOWN or MANIFEST_UNKNOWN",
            level: .should,
            reference: "errors"
        ) { session in
            try await session.getManifest("latest").expect(error: "NAME_UNKNOWN", "MANIFEST_UNKNOWN")
        },
        absent(
            "head-unknown-no-body",
            "A 404 to HEAD of a manifest has no body on the wire",
            reference: "RFC 9110, 9.3.2"
        ) { session in
            try await session.expectNoBodyOnWire(session.manifestTarget("latest"))
        },
        absent("bad-digest", "GET of manifests/sha256:baddigeststring answers 400 or 404") { session in
            _ = try await session.sharedImage()
            try await session.getManifest("sha256:baddigeststring", in: session.sharedRepository)
                .expect(status: 400, 404)
        },
        absent("head-bad-digest", "HEAD of manifests/sha256:baddigeststring answers 400 or 404") { session in
            _ = try await session.sharedImage()
            try await session.headManifest("sha256:baddigeststring", in: session.sharedRepository)
                .expect(status: 400, 404)
        },
        absent("invalid-tag", "GET of a reference outside the grammar of tags answers 400 or 404") { session in
            _ = try await session.sharedImage()
            try await session.getManifest(".\(session.word())", in: session.sharedRepository).expect(status: 400, 404)
        },
        absent("case-matters", "A tag is not found under another case") { session in
            _ = try await session.storedImage(tag: "release")
            try await session.getManifest("Release").expect(status: 404)
        },
    ]

    private static func missingDigest(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "manifest.missing.\(algorithm.name)", reference: "end-3")
        return [
            check("get-404", "GET of a manifest by a digest that is not there answers 404") { session in
                _ = try await session.sharedImage()
                let reference = try session.unknownDigest(algorithm).description
                try await session.getManifest(reference, in: session.sharedRepository).expect(status: 404)
            },
            check("head-404", "HEAD of a manifest by a digest that is not there answers 404") { session in
                _ = try await session.sharedImage()
                let reference = try session.unknownDigest(algorithm).description
                try await session.headManifest(reference, in: session.sharedRepository).expect(status: 404)
            },
            check("code", "The 404 for a digest names MANIFEST_UNKNOWN", level: .should, reference: "errors") {
                session in
                _ = try await session.sharedImage()
                let reference = try session.unknownDigest(algorithm).description
                try await session.getManifest(reference, in: session.sharedRepository).expect(error: "MANIFEST_UNKNOWN")
            },
            check(
                "other-repository-404",
                "A manifest is not served from a repository that it was not pushed to",
                level: .should
            ) { session in
                let document = try await session.storedImage(algorithm)
                let other = session.repository("other")
                _ = try await session.storedImage(algorithm, in: other)
                try await session.getManifest(document.digest.description, in: other).expect(status: 404)
            },
        ]
    }
}
