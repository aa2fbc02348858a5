// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-5 without Content-Range: how docker and podman push, as a stream of unknown length.
enum StreamedChecks {
    static var checks: [Check] { patch + Digest.Algorithm.allCases.flatMap(closing) }

    private static let group = CheckGroup(.push, "streamed", reference: "end-5; docker, podman", level: .client)

    /// The answer to a stream of 3000 bytes, sent with chunked transfer coding.
    private static func stream(_ session: Session, _ bytes: [UInt8]) async throws -> Response {
        let location = try await session.startUpload()
        let parts = [Array(bytes.prefix(1000)), Array(bytes.dropFirst(1000))]
        return try await session.send("PATCH", location, headers: Session.octets, body: .chunked(parts))
    }

    private static let patch: [Check] = [
        group("patch-202", "PATCH with neither Content-Range nor Content-Length answers 202") { session in
            try await stream(session, session.random(3000)).expect(status: 202)
        },
        group("patch-range", "The 202 to a stream of 3000 bytes carries Range: 0-2999") { session in
            try await stream(session, session.random(3000)).expect("Range", is: "0-2999")
        },
        group("patch-location", "The 202 to a stream carries Location") { session in
            try await stream(session, session.random(3000)).expect(header: "Location")
        },
        group("patch-upload-uuid", "The 202 to a stream carries Docker-Upload-UUID") { session in
            try await stream(session, session.random(3000)).expect(header: "Docker-Upload-UUID")
        },
        group("patch-known-length-202", "PATCH with Content-Length and no Content-Range answers 202") { session in
            let location = try await session.startUpload()
            try await session.append(session.random(100), to: location).expect(status: 202)
        },
        group("second-patch-appends", "A second PATCH without Content-Range is appended to the first") { session in
            let bytes = session.random(3000)
            let location = try await session.startUpload()
            let response = try await session.setUp("append") {
                try await session.append(Array(bytes.prefix(1000)), to: location).expectSuccess()
            }
            let next = try session.location(of: response)
            try await session.append(Array(bytes.dropFirst(1000)), to: next).expect("Range", is: "0-2999")
        },
        group("no-content-type", "PATCH without Content-Type answers 202") { session in
            let location = try await session.startUpload()
            try await session.send("PATCH", location, body: .bytes(session.random(10))).expect(status: 202)
        },
    ]

    private static func closing(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(
            .push,
            "streamed.\(algorithm.name)",
            reference: "end-6; docker, podman",
            level: .client
        )
        /// Streams new content and closes; the digest to close with may be another.
        @Sendable func push(_ session: Session, digest: Digest? = nil) async throws -> (Blob, Response) {
            let blob = try Blob(session.random(3000), algorithm)
            let response = try await session.setUp("stream") { try await stream(session, blob.bytes).expectSuccess() }
            let location = try session.location(of: response)
            return (blob, try await session.finishUpload(location, digest ?? blob.digest))
        }
        return [
            check("put-201", "PUT without a body closes the stream with exactly 201") { session in
                try await push(session).1.expect(status: 201)
            },
            check("round-trip", "What was streamed can be pulled") { session in
                let (blob, _) = try await push(session)
                try await session.get(session.blobTarget(blob)).expect(status: 200).expect(body: blob.bytes)
            },
            check("put-location-pullable", "The Location of the 201 gives the blob") { session in
                let (blob, response) = try await push(session)
                try await session.get(try session.location(of: response)).expect(body: blob.bytes)
            },
            check("wrong-digest-400", "Closing with another digest answers 400") { session in
                try await push(session, digest: try session.unknownDigest(algorithm)).1.expect(status: 400)
            },
            check("wrong-digest-stores-nothing", "After it neither the wrong nor the right digest is found") {
                session in
                let wrong = try session.unknownDigest(algorithm)
                let (blob, _) = try await push(session, digest: wrong)
                try await session.head(session.blobTarget(wrong)).expect(status: 404)
                try await session.head(session.blobTarget(blob)).expect(status: 404)
            },
            check("empty", "A stream without a byte, closed, is the empty blob") { session in
                let blob = try Blob([], algorithm)
                let response = try await stream(session, []).expect(status: 202)
                try await session.finishUpload(try session.location(of: response), blob.digest).expect(status: 201)
            },
        ]
    }
}
