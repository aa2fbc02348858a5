// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-2: GET and HEAD of a blob.
enum BlobPullChecks {
    static var checks: [Check] {
        Digest.Algorithm.allCases.flatMap { found($0) + heads($0) + missing($0) + extras($0) }
    }

    private static func found(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "blob.\(algorithm.name)", reference: "end-2")
        return [
            check("get-200", "GET of a stored blob answers 200") { session in
                try await session.get(session.sharedBlobTarget(algorithm)).expect(status: 200)
            },
            check("get-bytes", "GET of a stored blob gives its bytes") { session in
                let blob = try await session.sharedBlob(algorithm)
                try await session.get(session.sharedBlobTarget(algorithm)).expect(body: blob.bytes)
            },
            check("get-content-length", "GET of a stored blob tells its length") { session in
                let response = try await session.get(session.sharedBlobTarget(algorithm))
                try response.expect("Content-Length", is: "\(SharedContent.blobSize)")
            },
            check(
                "get-docker-content-digest",
                "GET of a stored blob carries Docker-Content-Digest",
                level: .must,
                edition: .development,
                reference: "end-2 (#595)"
            ) { session in
                let blob = try await session.sharedBlob(algorithm)
                let response = try await session.get(session.sharedBlobTarget(algorithm))
                try response.expect("Docker-Content-Digest", is: blob.digest.description)
            },
            check("get-digest-if-present", "Docker-Content-Digest of a GET, if present, is the digest asked for") {
                session in
                let blob = try await session.sharedBlob(algorithm)
                let response = try await session.get(session.sharedBlobTarget(algorithm))
                try response.expect("Docker-Content-Digest", isAbsentOr: blob.digest.description)
            },
            check(
                "get-accept-ranges",
                "GET of a stored blob carries Accept-Ranges: bytes",
                level: .client,
                reference: "oras seeks only then"
            ) { session in
                let response = try await session.get(session.sharedBlobTarget(algorithm))
                try response.expect("Accept-Ranges", is: "bytes")
            },
            check(
                "get-not-encoded",
                "A blob is not content-encoded for a client that would accept it",
                level: .client,
                reference: "containerd hashes raw bytes"
            ) { session in
                let blob = try await session.sharedBlob(algorithm)
                let accept: Headers = ["Accept-Encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5"]
                let response = try await session.get(session.sharedBlobTarget(algorithm), headers: accept)
                try response.expect(noHeader: "Content-Encoding").expect(body: blob.bytes)
            },
            check(
                "get-no-html",
                "A blob that looks like a page is not served as text/html",
                level: .should,
                reference: "a page pushed as a blob must not run in a browser"
            ) { session in
                let page = Array("<!DOCTYPE html><html><script>\(session.word())</script></html>".utf8)
                let blob = try await session.store(try Blob(page, algorithm))
                let response = try await session.get(session.blobTarget(blob)).expect(status: 200)
                let type = response.headers["Content-Type"] ?? ""
                try response.expect(!type.hasPrefix("text/html"), "not text/html", received: type)
            },
        ]
    }

    private static func heads(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "blob.\(algorithm.name)", reference: "end-2")
        return [
            check("head-200", "HEAD of a stored blob answers 200") { session in
                try await session.head(session.sharedBlobTarget(algorithm)).expect(status: 200)
            },
            check(
                "head-content-length",
                "HEAD of a stored blob tells its length",
                level: .client,
                reference: "containers/image; end-2 MUST since 1.1.1"
            ) { session in
                let response = try await session.head(session.sharedBlobTarget(algorithm))
                try response.expect("Content-Length", is: "\(SharedContent.blobSize)")
            },
            check(
                "head-docker-content-digest",
                "HEAD of a stored blob carries Docker-Content-Digest",
                edition: .development,
                reference: "end-2 (#595)"
            ) { session in
                let blob = try await session.sharedBlob(algorithm)
                let response = try await session.head(session.sharedBlobTarget(algorithm))
                try response.expect("Docker-Content-Digest", is: blob.digest.description)
            },
            check("head-no-body", "An answer to HEAD of a blob has no body on the wire", reference: "RFC 9110, 9.3.2") {
                session in
                let target = try await session.sharedBlobTarget(algorithm)
                try await session.expectNoBodyOnWire(target)
            },
            check("head-404-no-body", "A 404 to HEAD of a blob has no body on the wire", reference: "RFC 9110, 9.3.2") {
                session in
                try await session.expectNoBodyOnWire(session.blobTarget(try session.unknownDigest(algorithm)))
            },
            check(
                "head-ignores-range",
                "HEAD with Range answers 200 with the whole length",
                reference: "RFC 9110, 14.2"
            ) { session in
                let target = try await session.sharedBlobTarget(algorithm)
                let response = try await session.head(target, headers: ["Range": "bytes=0-99"]).expect(status: 200)
                try response.expect("Content-Length", is: "\(SharedContent.blobSize)")
            },
        ]
    }

    private static func missing(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "blob.\(algorithm.name)", reference: "end-2")
        return [
            check("get-unknown-404", "GET of a blob that is not there answers 404") { session in
                try await session.get(session.blobTarget(try session.unknownDigest(algorithm))).expect(status: 404)
            },
            check("head-unknown-404", "HEAD of a blob that is not there answers 404") { session in
                try await session.head(session.blobTarget(try session.unknownDigest(algorithm))).expect(status: 404)
            },
            check(
                "get-unknown-code",
                "The 404 for a blob names BLOB_UNKNOWN, or NAME_UNKNOWN for its repository",
                level: .should,
                reference: "errors"
            ) { session in
                let response = try await session.get(session.blobTarget(try session.unknownDigest(algorithm)))
                try response.expect(error: "BLOB_UNKNOWN", "NAME_UNKNOWN")
            },
            check(
                "get-other-repository-404",
                "A blob is not served from a repository that it was not pushed to",
                level: .should
            ) { session in
                let blob = try await session.storedBlob(64, algorithm)
                _ = try await session.storedBlob(64, algorithm, in: session.repository("other"))
                let target = session.blobTarget(blob, in: session.repository("other"))
                try await session.get(target).expect(status: 404)
            },
            check(
                "get-same-hex-other-algorithm",
                "The hexadecimal part of a digest under the other algorithm finds nothing"
            ) { session in
                let blob = try await session.sharedBlob(algorithm)
                let other = algorithm == .sha256 ? "sha512" : "sha256"
                let target = "/v2/\(session.sharedRepository)/blobs/\(other):\(blob.digest.hex)"
                try await session.get(target).expect(status: 400, 404)
            },
        ]
    }

    private static func extras(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "blob.\(algorithm.name)", reference: "end-2", level: .client)
        return [
            check(
                "get-namespace-query",
                "?ns= of a client that mirrors is accepted on GET of a blob",
                reference: "containerd"
            ) { session in
                let target = try await session.sharedBlobTarget(algorithm).appending(query: "ns=registry.example.com")
                try await session.get(target).expect(status: 200)
            },
            check(
                "get-encoded-colon",
                "The digest's colon may be percent-encoded in the path",
                reference: "RFC 3986, 2.1; clients in Python"
            ) { session in
                let target = try await session.sharedBlobTarget(algorithm).replacing(
                    "\(algorithm.name):",
                    with: "\(algorithm.name)%3A"
                )
                try await session.get(target).expect(status: 200)
            },
            check(
                "get-if-none-match-304",
                "GET with the ETag it answered answers 304",
                level: .should,
                reference: "RFC 9110, 13.1.2"
            ) { session in
                let target = try await session.sharedBlobTarget(algorithm)
                let tag = try await session.get(target).expect(header: "ETag")
                try await session.get(target, headers: ["If-None-Match": tag]).expect(status: 304)
            },
            check("get-http-1.0", "GET in HTTP/1.0 gives the bytes and closes", reference: "proxies, by default") {
                session in
                let blob = try await session.sharedBlob(algorithm)
                let target = try await session.sharedBlobTarget(algorithm)
                try await session.raw { connection in
                    await connection.send(await session.rawHead("GET", target, version: "HTTP/1.0"))
                    let response = try await connection.response(to: "GET").expect(status: 200)
                    try response.expect(noHeader: "Transfer-Encoding").expect(body: blob.bytes)
                    let rest = try await connection.remainder()
                    try response.expect(rest.isEmpty, "the end of the connection", received: "\(rest.count) bytes")
                }
            },
        ]
    }
}

extension Session {
    /// Sends a request whose answer has no body, HEAD or one that is answered 304, and then another on the same
    /// connection: whatever follows the header section of the first answer must be the second answer, or else the
    /// connection is out of step.
    func expectNoBodyOnWire(
        _ target: String,
        method: String = "HEAD",
        status: Int? = nil,
        headers: Headers = [:]
    ) async throws {
        try await raw { connection in
            await connection.send(await rawHead(method, target, Self.acceptAll.adding(headers)))
            let first = try await connection.response(to: method)
            if let status { try first.expect(status: status) }
            await connection.send(await rawHead("GET", "/v2/", ["Connection": "close"]))
            do {
                try await connection.response(to: "GET").expect(status: 200)
            } catch let failure as CheckFailure {
                throw first.failure(expected: "no body after this answer", received: failure.received)
            }
        }
    }
}
