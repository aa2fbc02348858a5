// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Digest algorithms: end-4c, which is newer than 1.1.1, and what is said to those that a registry does not know.
enum AlgorithmChecks {
    static var checks: [Check] { Digest.Algorithm.allCases.flatMap(hinted) + unknown }

    private static func hinted(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(
            .push,
            "digest-algorithm.\(algorithm.name)",
            reference: "end-4c*",
            edition: .development
        )
        let query = "digest-algorithm=\(algorithm.name)"
        return [
            check("202", "POST with digest-algorithm=\(algorithm.name) opens a session") { session in
                try await session.send("POST", session.uploadsTarget().appending(query: query)).expect(status: 202)
                    .expect(header: "Location")
            },
            check("put", "A blob of that algorithm is accepted in that session by one PUT") { session in
                let blob = try Blob(session.random(200), algorithm)
                let location = try await session.startUpload(query: query)
                try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
            },
            check("chunks", "A blob of that algorithm is accepted in that session in chunks") { session in
                let blob = try Blob(session.random(2000), algorithm)
                var location = try await session.startUpload(query: query)
                location = try await session.appended(blob.slice(0, 700), at: 0, to: location)
                location = try await session.appended(blob.slice(700, 2000), at: 700, to: location)
                try await session.finishUpload(location, blob.digest).expect(status: 201)
            },
            check("wrong-digest-400", "A wrong digest of that algorithm is refused in that session") { session in
                let location = try await session.startUpload(query: query)
                let wrong = try session.unknownDigest(algorithm)
                try await session.finishUpload(location, wrong, body: .bytes(session.random(20))).expect(status: 400)
            },
        ]
    }

    private static let check = CheckGroup(.push, "digest-algorithm", reference: "end-4c*, digests")

    private static let unknown: [Check] = [
        check("unknown-hint-400", "POST with a digest-algorithm that nobody knows answers 400", edition: .development) {
            session in
            try await session.send("POST", session.uploadsTarget().appending(query: "digest-algorithm=md17"))
                .expect(status: 400)
        },
        check(
            "unknown-put-400",
            "PUT of a blob with a digest of an unknown algorithm answers 400",
            edition: .development
        ) {
            session in
            let location = try await session.startUpload()
            let target = location.appending(query: "digest=md5:d41d8cd98f00b204e9800998ecf8427e")
            try await session.send("PUT", target).expect(status: 400)
        },
        check("nonsense-put-400", "PUT of a blob with a digest that is none answers 400") { session in
            let location = try await session.startUpload()
            try await session.send("PUT", location.appending(query: "digest=nonsense"), body: .bytes([1]))
                .expect(status: 400)
        },
        check("empty-put-400", "PUT of a blob with an empty digest answers 400") { session in
            let location = try await session.startUpload()
            try await session.send("PUT", location.appending(query: "digest="), body: .bytes([1])).expect(status: 400)
        },
        check("missing-put-400", "PUT of a blob without a digest answers 400") { session in
            let location = try await session.startUpload()
            try await session.send("PUT", location, body: .bytes([1])).expect(status: 400)
        },
        check("unknown-get", "GET of a blob by a digest of an unknown algorithm answers 400 or 404") { session in
            _ = try await session.sharedBlob(.sha256)
            let digest = "md5:d41d8cd98f00b204e9800998ecf8427e"
            try await session.get("/v2/\(session.sharedRepository)/blobs/\(digest)").expect(status: 400, 404)
        },
        check("malformed-get", "GET of a blob by a digest that is none answers 400 or 404") { session in
            _ = try await session.sharedBlob(.sha256)
            try await session.get("/v2/\(session.sharedRepository)/blobs/sha256:xyz").expect(status: 400, 404)
        },
        check("truncated-get", "GET of a blob by the beginning of its digest finds nothing") { session in
            let target = try await session.sharedBlobTarget(.sha256)
            try await session.get(String(target.dropLast(4))).expect(status: 400, 404)
        },
        check(
            "session-choice-late",
            "A session in which bytes have arrived takes a digest of either algorithm",
            level: .client,
            reference: "conformance suite v2 sends no hint"
        ) { session in
            for algorithm in Digest.Algorithm.allCases {
                let blob = try Blob(session.random(1000), algorithm)
                let location = try await session.appended(blob.bytes, at: 0, to: try await session.startUpload())
                try await session.finishUpload(location, blob.digest).expect(status: 201)
            }
        },
    ]
}
