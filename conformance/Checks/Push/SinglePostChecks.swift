// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-4b: POST with the digest and the whole blob. A registry may decline with 202 and a session.
enum SinglePostChecks {
    static var checks: [Check] { Digest.Algorithm.allCases.flatMap(checks) + [plain, empty] }

    private static func post(_ session: Session, _ digest: String, _ bytes: [UInt8]) async throws -> Response {
        let target = session.uploadsTarget().appending(query: "digest=\(digest)")
        return try await session.send("POST", target, headers: Session.octets, body: .bytes(bytes))
    }

    private static func checks(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "post.\(algorithm.name)", reference: "end-4b")
        return [
            check("201-or-202", "POST with digest and content answers 201, or 202 with a session") { session in
                let blob = try Blob(session.random(256), algorithm)
                try await post(session, blob.digest.description, blob.bytes).expect(status: 201, 202)
            },
            check("location", "The answer carries Location") { session in
                let blob = try Blob(session.random(256), algorithm)
                try await post(session, blob.digest.description, blob.bytes).expect(header: "Location")
            },
            check("usable", "After 201 the Location gives the blob; after 202 a PUT there stores it") { session in
                let blob = try Blob(session.random(256), algorithm)
                let response = try await post(session, blob.digest.description, blob.bytes)
                let location = try session.location(of: response)
                if response.status == 202 {
                    try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
                }
                let target = response.status == 202 ? session.blobTarget(blob) : location
                try await session.get(target).expect(status: 200).expect(body: blob.bytes)
            },
            check("wrong-digest", "POST with a digest that is not the content's answers 400, or 202 unread") {
                session in
                let wrong = try session.unknownDigest(algorithm)
                try await post(session, wrong.description, session.random(64)).expect(status: 400, 202)
            },
            check("wrong-digest-stores-nothing", "After it nothing is found under the wrong digest") { session in
                let wrong = try session.unknownDigest(algorithm)
                _ = try await post(session, wrong.description, session.random(64))
                try await session.head(session.blobTarget(wrong)).expect(status: 404)
            },
        ]
    }

    private static let group = CheckGroup(.push, "post", reference: "end-4b")

    private static let plain = group("malformed-digest", "POST with a malformed digest answers 400, or 202 unread") {
        session in
        try await post(session, "sha256:nonsense", session.random(64)).expect(status: 400, 202)
    }

    private static let empty = group("empty-body", "POST with the digest of nothing and no body answers 201 or 202") {
        session in
        let blob = try Blob([])
        try await post(session, blob.digest.description, []).expect(status: 201, 202)
    }
}
