// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-11: mounting a blob from another repository, and from anywhere.
enum MountChecks {
    static var checks: [Check] { Digest.Algorithm.allCases.flatMap { mounted($0) + declined($0) } + forms }

    /// A blob in a source repository and the answer to mounting it from there.
    private static func mount(_ session: Session, _ algorithm: Digest.Algorithm) async throws -> (Blob, Response) {
        let source = session.repository("source")
        let blob = try await session.storedBlob(128, algorithm, in: source)
        let query = "mount=\(blob.digest)&from=\(source.percentEncoded)"
        return (blob, try await session.send("POST", session.uploadsTarget().appending(query: query)))
    }

    private static func mounted(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "mount.\(algorithm.name)", reference: "end-11")
        return [
            check(
                "201",
                "Mounting a blob from a repository that has it answers 201",
                level: .client,
                reference: "containerd, docker, podman"
            ) { session in
                try await mount(session, algorithm).1.expect(status: 201)
            },
            check("location", "The 201 carries Location") { session in
                try await mount(session, algorithm).1.expect(status: 201).expect(header: "Location")
            },
            check("location-pullable", "The blob can be pulled from that Location") { session in
                let (blob, response) = try await mount(session, algorithm)
                try response.expect(status: 201)
                try await session.get(try session.location(of: response)).expect(status: 200).expect(body: blob.bytes)
            },
            check(
                "digest-if-present",
                "Docker-Content-Digest of the 201, if present, is the blob's",
                level: .client,
                reference: "containerd"
            ) { session in
                let (blob, response) = try await mount(session, algorithm)
                try response.expect("Docker-Content-Digest", isAbsentOr: blob.digest.description)
            },
            check("readable", "A mounted blob is found in its new repository") { session in
                let (blob, response) = try await mount(session, algorithm)
                try response.expect(status: 201)
                try await session.head(session.blobTarget(blob)).expect(status: 200)
            },
            check("usable-in-manifest", "A manifest may refer to a mounted blob") { session in
                let (blob, response) = try await mount(session, algorithm)
                try response.expect(status: 201)
                let config = try await session.store(try session.configBlob())
                let json = Session.image(
                    config: config.descriptor(MediaTypes.config),
                    [blob.descriptor(MediaTypes.layer)]
                )
                try await session.put(try Document(json, MediaTypes.image), as: "mounted").expect(status: 201)
            },
        ]
    }

    private static func declined(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "mount.\(algorithm.name)", reference: "end-11")
        /// A mount that cannot be done: the source has other blobs only.
        @Sendable func ask(_ session: Session) async throws -> (Blob, Response) {
            let source = session.repository("source")
            _ = try await session.storedBlob(64, algorithm, in: source)
            let blob = try Blob(session.random(128), algorithm)
            let query = "mount=\(blob.digest)&from=\(source.percentEncoded)"
            return (blob, try await session.send("POST", session.uploadsTarget().appending(query: query)))
        }
        return [
            check("not-in-source-202", "Mounting a blob that its source lacks answers 202") { session in
                try await ask(session).1.expect(status: 202)
            },
            check("not-in-source-location", "That 202 carries the Location of a session") { session in
                try await ask(session).1.expect(status: 202).expect(header: "Location")
            },
            check("not-in-source-usable", "The blob can be pushed in that session") { session in
                let (blob, response) = try await ask(session)
                let location = try session.location(of: try response.expect(status: 202))
                try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
            },
            check("not-in-source-stores-nothing", "A mount that was not done makes nothing readable") { session in
                let (blob, _) = try await ask(session)
                try await session.head(session.blobTarget(blob)).expect(status: 404)
            },
            check(
                "anonymous",
                "Mounting by digest alone answers 201, or 202 with a session",
                reference: "end-11; regclient"
            ) { session in
                let blob = try await session.storedBlob(128, algorithm, in: session.repository("source"))
                let target = session.uploadsTarget().appending(query: "mount=\(blob.digest)")
                try await session.send("POST", target).expect(status: 201, 202).expect(header: "Location")
            },
            check("anonymous-usable", "After it the blob is there, or can be pushed in the session") { session in
                let blob = try await session.storedBlob(128, algorithm, in: session.repository("source"))
                let target = session.uploadsTarget().appending(query: "mount=\(blob.digest)")
                let response = try await session.send("POST", target)
                if response.status != 201 {
                    let location = try session.location(of: response)
                    try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
                }
                try await session.get(session.blobTarget(blob)).expect(status: 200).expect(body: blob.bytes)
            },
        ]
    }

    private static let check = CheckGroup(.push, "mount", reference: "end-11")

    private static let forms: [Check] = [
        check("unknown-source-202", "Mounting from a repository that does not exist answers 202") { session in
            let digest = try session.unknownDigest()
            let query = "mount=\(digest)&from=\(session.repository("nowhere").percentEncoded)"
            try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(status: 202)
        },
        check(
            "invalid-source",
            "Mounting from an invalid name answers 202 or a refusal, and no error of the server",
            level: .should
        ) { session in
            let query = "mount=\(try session.unknownDigest())&from=..%2FUPPER"
            try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(
                status: 202,
                400,
                404
            )
        },
        check("malformed-digest", "Mounting a malformed digest answers 400, or 202 with a session") { session in
            let query = "mount=sha256:nonsense&from=\(session.repository("source").percentEncoded)"
            try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(status: 202, 400)
        },
        check("plain-slash-in-from", "`from` may carry its slashes unencoded", level: .client, reference: "ggcr") {
            session in
            let source = session.repository("source")
            let blob = try await session.storedBlob(64, in: source)
            let query = "mount=\(blob.digest)&from=\(source)"
            try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(status: 201)
        },
        check("from-first", "`from` may stand before `mount`", level: .client, reference: "docker sorts the query") {
            session in
            let source = session.repository("source")
            let blob = try await session.storedBlob(64, in: source)
            let query = "from=\(source.percentEncoded)&mount=\(blob.digest.description.percentEncoded)"
            try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(status: 201)
        },
        check(
            "origin-and-json",
            "POST with `origin` too and Content-Type: application/json mounts",
            level: .client,
            reference: "ggcr"
        ) { session in
            let source = session.repository("source")
            let blob = try await session.storedBlob(64, in: source)
            let query = "from=\(source.percentEncoded)&mount=\(blob.digest)&origin=registry.example.com"
            try await session.send(
                "POST",
                session.uploadsTarget().appending(query: query),
                headers: ["Content-Type": "application/json"]
            ).expect(status: 201, 202).expect(header: "Location")
        },
        check("own-repository", "Mounting a blob from the repository that it is in answers 201 or 202") { session in
            let blob = try await session.storedBlob(64)
            let query = "mount=\(blob.digest)&from=\(session.repository.percentEncoded)"
            try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(status: 201, 202)
                .expect(header: "Location")
        },
        check(
            "declined-can-be-cancelled",
            "The session of a declined mount can be cancelled",
            level: .client,
            reference: "podman"
        ) { session in
            let query = "mount=\(try session.unknownDigest())&from=\(session.repository("source").percentEncoded)"
            let response = try await session.send("POST", session.uploadsTarget().appending(query: query))
            try await session.delete(try session.location(of: response)).expect(status: 204)
        },
    ]
}
