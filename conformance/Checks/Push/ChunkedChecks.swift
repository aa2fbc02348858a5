// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-5, end-6 and end-13: an upload in chunks, each with Content-Range.
enum ChunkedChecks {
    static var checks: [Check] {
        Digest.Algorithm.allCases.flatMap { algorithm in
            [patch, closing, more, gaps, refused, odd].flatMap { $0(algorithm) }
        }
    }

    static let size = 3000
    static let half = 1500

    /// A session and the first half of new content, which has been appended.
    static func begun(_ session: Session, _ algorithm: Digest.Algorithm) async throws -> (blob: Blob, location: String)
    {
        let blob = try Blob(session.random(size), algorithm)
        let location = try await session.startUpload()
        return (blob, try await session.appended(blob.slice(0, half), at: 0, to: location))
    }

    /// The answer to the first chunk.
    private static func first(_ session: Session) async throws -> Response {
        let location = try await session.startUpload()
        return try await session.append(session.random(half), at: 0, to: location)
    }

    /// The answer to the second chunk.
    private static func second(_ session: Session, _ algorithm: Digest.Algorithm) async throws -> Response {
        let (blob, location) = try await begun(session, algorithm)
        return try await session.append(blob.slice(half, size), at: half, to: location)
    }

    /// Bytes of a session do not yet belong to an algorithm: these run once, under the first.
    private static func patch(_ algorithm: Digest.Algorithm) -> [Check] {
        guard algorithm == .sha256 else { return [] }
        let check = CheckGroup(.push, "chunked", reference: "end-5")
        return [
            check("patch-202", "The first chunk answers 202") { session in
                try await first(session).expect(status: 202)
            },
            check("patch-location", "The 202 to a chunk carries Location") { session in
                try await first(session).expect(header: "Location")
            },
            check("patch-range", "The 202 to a chunk of 1500 bytes carries Range: 0-1499") { session in
                try await first(session).expect("Range", is: "0-1499")
            },
            check(
                "patch-upload-uuid",
                "The 202 to a chunk carries Docker-Upload-UUID",
                level: .client,
                reference: "docker"
            ) { session in
                try await first(session).expect(header: "Docker-Upload-UUID")
            },
            check("second-202", "The second chunk answers 202") { session in
                try await second(session, algorithm).expect(status: 202)
            },
            check("second-range", "The 202 to the second chunk tells the range of both") { session in
                try await second(session, algorithm).expect("Range", is: "0-2999")
            },
            check("get-204", "GET of a session in which a chunk has arrived answers 204", reference: "end-13") {
                session in
                let (_, location) = try await begun(session, algorithm)
                try await session.get(location).expect(status: 204)
            },
            check("get-range", "GET of a session tells the range that has arrived", reference: "end-13") { session in
                let (_, location) = try await begun(session, algorithm)
                try await session.get(location).expect("Range", is: "0-1499")
            },
            check("get-location", "GET of a session carries Location", reference: "end-13") { session in
                let (_, location) = try await begun(session, algorithm)
                try await session.get(location).expect(header: "Location")
            },
            check(
                "get-location-usable",
                "The Location of that GET leads on: the rest can be appended there",
                reference: "end-13"
            ) { session in
                let (blob, location) = try await begun(session, algorithm)
                let told = try session.location(of: try await session.get(location))
                try await session.append(blob.slice(half, size), at: half, to: told).expect(status: 202)
            },
            check("get-fresh-204", "GET of a session in which nothing has arrived answers 204", reference: "end-13") {
                session in
                try await session.get(try await session.startUpload()).expect(status: 204)
            },
            check("get-fresh-range", "Its Range begins with 0-", reference: "end-13") { session in
                let response = try await session.get(try await session.startUpload())
                let range = try response.expect(header: "Range")
                try response.expect(range.hasPrefix("0-"), "Range: 0-…", received: range)
            },
        ]
    }

    private static func closing(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "chunked.\(algorithm.name)", reference: "end-6")
        return [
            check("put-empty-201", "PUT without a body closes an upload whose chunks are all there: 201") { session in
                let (blob, location) = try await begun(session, algorithm)
                let last = try await session.appended(blob.slice(half, size), at: half, to: location)
                try await session.finishUpload(last, blob.digest).expect(status: 201)
            },
            check("put-last-chunk-201", "PUT with the last chunk and its Content-Range closes an upload: 201") {
                session in
                let (blob, location) = try await begun(session, algorithm)
                let range: Headers = ["Content-Range": "\(half)-\(size - 1)"]
                let body = Body.bytes(blob.slice(half, size))
                try await session.finishUpload(location, blob.digest, body: body, headers: range).expect(status: 201)
            },
            check("put-last-chunk-plain-201", "PUT with the last chunk and no Content-Range closes an upload: 201") {
                session in
                let (blob, location) = try await begun(session, algorithm)
                let body = Body.bytes(blob.slice(half, size))
                try await session.finishUpload(location, blob.digest, body: body, headers: Session.octets)
                    .expect(status: 201)
            },
            check("put-location-pullable", "The Location of the 201 gives the blob") { session in
                let (blob, location) = try await begun(session, algorithm)
                let body = Body.bytes(blob.slice(half, size))
                let response = try await session.finishUpload(location, blob.digest, body: body)
                try await session.get(try session.location(of: response)).expect(body: blob.bytes)
            },
            check("round-trip", "What was pushed in chunks can be pulled whole") { session in
                let (blob, location) = try await begun(session, algorithm)
                let last = try await session.appended(blob.slice(half, size), at: half, to: location)
                _ = try await session.finishUpload(last, blob.digest)
                try await session.get(session.blobTarget(blob)).expect(status: 200).expect(body: blob.bytes)
            },
            check(
                "put-digest-if-present",
                "Docker-Content-Digest of the 201, if present, is the blob's",
                level: .client,
                reference: "containerd, oras"
            ) { session in
                let (blob, location) = try await begun(session, algorithm)
                let body = Body.bytes(blob.slice(half, size))
                try await session.finishUpload(location, blob.digest, body: body)
                    .expect("Docker-Content-Digest", isAbsentOr: blob.digest.description)
            },
            check("wrong-digest-400", "Closing with a digest that is not the content's answers 400") { session in
                let (blob, location) = try await begun(session, algorithm)
                let last = try await session.appended(blob.slice(half, size), at: half, to: location)
                try await session.finishUpload(last, try session.unknownDigest(algorithm)).expect(status: 400)
            },
            check("incomplete-400", "Closing before all chunks have arrived answers 400") { session in
                let (blob, location) = try await begun(session, algorithm)
                try await session.finishUpload(location, blob.digest).expect(status: 400)
            },
        ]
    }

    private static func more(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "chunked.\(algorithm.name)", reference: "end-5, end-6")
        return [
            check("many-chunks", "Thirty-two chunks make up a blob") { session in
                let blob = try Blob(session.random(32 * 1024), algorithm)
                var location = try await session.startUpload()
                for start in stride(from: 0, to: blob.bytes.count, by: 1024) {
                    let response = try await session.append(blob.slice(start, start + 1024), at: start, to: location)
                    location = try session.location(of: try response.expect(status: 202))
                }
                try await session.finishUpload(location, blob.digest).expect(status: 201)
            },
            check("large-chunks", "Two chunks of 4 MiB make up a blob") { session in
                let blob = try Blob(session.random(8 << 20), algorithm)
                var location = try await session.startUpload()
                for start in [0, 4 << 20] {
                    let response = try await session.append(blob.slice(start, start + 4 << 20), at: start, to: location)
                    location = try session.location(of: try response.expect(status: 202))
                }
                try await session.finishUpload(location, blob.digest).expect(status: 201)
            },
            check("interleaved", "Two uploads of one repository, a chunk here and a chunk there, do not mix") {
                session in
                let (one, oneLocation) = try await begun(session, algorithm)
                let (two, twoLocation) = try await begun(session, algorithm)
                let twoRest = Body.bytes(two.slice(half, size))
                try await session.finishUpload(twoLocation, two.digest, body: twoRest).expect(status: 201)
                let oneRest = Body.bytes(one.slice(half, size))
                try await session.finishUpload(oneLocation, one.digest, body: oneRest).expect(status: 201)
            },
        ]
    }

    private static func gaps(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "chunked.\(algorithm.name)", reference: "end-6*", edition: .development)
        return [
            check(
                "out-of-order-put-416",
                "A closing PUT whose Content-Range leaves a gap answers 416",
                edition: .development,
                reference: "end-6*"
            ) { session in
                let (blob, location) = try await begun(session, algorithm)
                let range: Headers = ["Content-Range": "2000-2999"]
                let body = Body.bytes(blob.slice(2000, 3000))
                try await session.finishUpload(location, blob.digest, body: body, headers: range).expect(status: 416)
            },
            check(
                "out-of-order-put-get",
                "After it, GET of that same URL, digest and all, answers 204 and the range",
                edition: .development,
                reference: "end-13; conformance suite v2"
            ) { session in
                let (blob, location) = try await begun(session, algorithm)
                let range: Headers = ["Content-Range": "2000-2999"]
                let body = Body.bytes(blob.slice(2000, 3000))
                _ = try await session.finishUpload(location, blob.digest, body: body, headers: range)
                try await session.get(location.appending(query: "digest=\(blob.digest)")).expect(status: 204)
                    .expect("Range", is: "0-1499")
            },
            check(
                "out-of-order-put-resume",
                "After it, the right last chunk closes the upload",
                edition: .development,
                reference: "end-6*"
            ) { session in
                let (blob, location) = try await begun(session, algorithm)
                let wrong: Headers = ["Content-Range": "2000-2999"]
                _ = try await session.finishUpload(
                    location,
                    blob.digest,
                    body: .bytes(blob.slice(2000, 3000)),
                    headers: wrong
                )
                let told = try session.location(of: try await session.get(location))
                let right: Headers = ["Content-Range": "1500-2999"]
                let body = Body.bytes(blob.slice(half, size))
                try await session.finishUpload(told, blob.digest, body: body, headers: right).expect(status: 201)
            },
        ]
    }

    /// The answer to a chunk with this Content-Range, after the first half has arrived, and the session before it.
    private static func appending(_ session: Session, _ range: String, _ count: Int = 500) async throws -> (
        String, Response
    ) {
        let (_, location) = try await begun(session, .sha256)
        let headers: Headers = ["Content-Range": range]
        let body = Body.bytes(session.random(count))
        let response = try await session.send(
            "PATCH",
            location,
            headers: Session.octets.adding(headers),
            body: body
        )
        return (location, response)
    }

    private static func refused(_ algorithm: Digest.Algorithm) -> [Check] {
        guard algorithm == .sha256 else { return [] }
        let check = CheckGroup(.push, "chunked", reference: "end-5")
        return [
            check("gap-416", "A chunk that leaves a gap answers 416") { session in
                try await appending(session, "2000-2499").1.expect(status: 416)
            },
            check("overlap-416", "A chunk that begins before the end of what has arrived answers 416") { session in
                try await appending(session, "1000-1499").1.expect(status: 416)
            },
            check("repeat-416", "The first chunk sent twice answers 416") { session in
                try await appending(session, "0-499").1.expect(status: 416)
            },
            check("first-not-zero-416", "A first chunk that does not begin with 0 answers 416") { session in
                let location = try await session.startUpload()
                try await session.append(session.random(500), at: 500, to: location).expect(status: 416)
            },
            check(
                "416-range",
                "The 416 to a chunk tells the range that has arrived",
                level: .client,
                reference: "regclient"
            ) { session in
                try await appending(session, "2000-2499").1.expect(status: 416).expect("Range", is: "0-1499")
            },
            check(
                "416-location-usable",
                "Location of the 416 to a chunk, if present, leads on: the right chunk is taken there",
                level: .client,
                reference: "regclient"
            ) { session in
                let (location, response) = try await appending(session, "2000-2499")
                let told = response.headers["Location"] == nil ? location : try session.location(of: response)
                try await session.append(session.random(500), at: half, to: told).expect(status: 202)
            },
            check("after-416-get", "After a 416, GET of the session tells the same range as before") { session in
                let (location, _) = try await appending(session, "2000-2499")
                try await session.get(location).expect(status: 204).expect("Range", is: "0-1499")
            },
            check("after-416-resume", "After a 416, the upload goes on where it was") { session in
                let (blob, location) = try await begun(session, algorithm)
                _ = try await session.append(blob.slice(2000, 3000), at: 2000, to: location)
                let told = try session.location(of: try await session.get(location))
                try await session.append(blob.slice(half, size), at: half, to: told).expect(status: 202)
            },
        ]
    }

    private static func odd(_ algorithm: Digest.Algorithm) -> [Check] {
        guard algorithm == .sha256 else { return [] }
        let check = CheckGroup(.push, "chunked", reference: "end-5")
        return [
            check(
                "range-shorter-than-body",
                "A Content-Range that does not match the body's length is refused",
                level: .should
            ) { session in
                try await appending(session, "1500-1599").1.expect(status: 400, 416)
            },
            check("range-inverted", "A Content-Range that ends before it begins is refused", level: .should) {
                session in
                try await appending(session, "1500-100").1.expect(status: 400, 416)
            },
            check("range-nonsense", "A Content-Range that is no range is refused", level: .should) { session in
                try await appending(session, "nonsense").1.expect(status: 400, 416)
            },
            check("refused-keeps-nothing", "Bytes of a refused chunk are not part of the upload", level: .must) {
                session in
                let (blob, location) = try await begun(session, algorithm)
                _ = try await session.append(session.random(100), at: 0, to: location)
                let told = try session.location(of: try await session.get(location))
                let body = Body.bytes(blob.slice(half, size))
                try await session.finishUpload(told, blob.digest, body: body).expect(status: 201)
            },
            check("put-without-digest-400", "A closing PUT without a digest answers 400", reference: "end-6") {
                session in
                let (_, location) = try await begun(session, algorithm)
                try await session.send("PUT", location).expect(status: 400)
            },
            check("empty-patch", "PATCH without a byte answers 202 and moves nothing", level: .should) { session in
                let (_, location) = try await begun(session, algorithm)
                try await session.send("PATCH", location, headers: Session.octets, body: .bytes([]))
                    .expect(status: 202).expect("Range", is: "0-1499")
            },
        ]
    }
}
