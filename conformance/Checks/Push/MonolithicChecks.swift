// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-4a and end-6: POST, then one PUT with the whole blob.
enum MonolithicChecks {
    static var checks: [Check] {
        Digest.Algorithm.allCases.flatMap { put($0) + refused($0) + sizes($0) + forms($0) }
    }

    /// Pushes new content in one PUT and gives the answer to it.
    private static func push(_ session: Session, _ algorithm: Digest.Algorithm, _ count: Int = 512) async throws
        -> (Blob, Response)
    {
        let blob = try Blob(session.random(count), algorithm)
        let location = try await session.startUpload()
        let response = try await session.finishUpload(
            location,
            blob.digest,
            body: .bytes(blob.bytes),
            headers: Session.octets
        )
        return (blob, response)
    }

    private static func put(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "monolithic.\(algorithm.name)", reference: "end-6")
        return [
            check("put-201", "PUT of a whole blob answers 201") { session in
                try await push(session, algorithm).1.expect(status: 201)
            },
            check("put-location", "The 201 carries Location") { session in
                try await push(session, algorithm).1.expect(header: "Location")
            },
            check("put-location-pullable", "The blob can be pulled from that Location") { session in
                let (blob, response) = try await push(session, algorithm)
                try await session.get(try session.location(of: response)).expect(status: 200).expect(body: blob.bytes)
            },
            check(
                "put-digest-if-present",
                "Docker-Content-Digest of the 201, if present, is the blob's",
                level: .client,
                reference: "containerd, oras"
            ) { session in
                let (blob, response) = try await push(session, algorithm)
                try response.expect("Docker-Content-Digest", isAbsentOr: blob.digest.description)
            },
            check("round-trip", "What was pushed can be pulled by its digest") { session in
                let (blob, _) = try await push(session, algorithm)
                try await session.get(session.blobTarget(blob)).expect(status: 200).expect(body: blob.bytes)
            },
            check(
                "head-before-and-after",
                "HEAD answers 404 before the push and 200 after it",
                level: .client,
                reference: "containerd"
            ) { session in
                let blob = try Blob(session.random(64), algorithm)
                try await session.head(session.blobTarget(blob)).expect(status: 404)
                try await session.store(blob)
                try await session.head(session.blobTarget(blob)).expect(status: 200)
            },
            check("again-201", "A blob that is already there can be pushed again") { session in
                let blob = try await session.storedBlob(64, algorithm)
                let location = try await session.startUpload()
                try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
            },
            check("same-time", "Four pushes of one blob at the same time all answer 201") { session in
                let blob = try Blob(session.random(4096), algorithm)
                let answers = try await withThrowingTaskGroup(of: Response.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let location = try await session.startUpload()
                            return try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes))
                        }
                    }
                    return try await group.reduce(into: [Response]()) { $0.append($1) }
                }
                for answer in answers { try answer.expect(status: 201) }
            },
        ]
    }

    private static func refused(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "monolithic.\(algorithm.name)", reference: "end-6")
        @Sendable func mismatched(_ session: Session) async throws -> (Digest, Response) {
            let wrong = try session.unknownDigest(algorithm)
            let location = try await session.startUpload()
            let body = Body.bytes(session.random(128))
            return (wrong, try await session.finishUpload(location, wrong, body: body, headers: Session.octets))
        }
        return [
            check("wrong-digest-400", "PUT with a digest that is not the content's answers 400") { session in
                try await mismatched(session).1.expect(status: 400)
            },
            check("wrong-digest-code", "The 400 names DIGEST_INVALID", level: .should, reference: "errors") { session in
                try await mismatched(session).1.expect(error: "DIGEST_INVALID")
            },
            check("wrong-digest-stores-nothing", "After a 400 nothing is found under the wrong digest") { session in
                let (wrong, _) = try await mismatched(session)
                try await session.head(session.blobTarget(wrong)).expect(status: 404)
            },
            check("short-digest-400", "PUT with a digest of too few digits answers 400") { session in
                let location = try await session.startUpload()
                let target = location.appending(query: "digest=\(algorithm.name):0123456789abcdef")
                try await session.send("PUT", target, headers: Session.octets, body: .bytes([1])).expect(status: 400)
            },
            check("upper-case-digest-400", "PUT with a digest in upper-case letters answers 400") { session in
                let blob = try Blob(session.random(64), algorithm)
                let location = try await session.startUpload()
                let target = location.appending(query: "digest=\(algorithm.name):\(blob.digest.hex.uppercased())")
                try await session.send("PUT", target, body: .bytes(blob.bytes)).expect(status: 400)
            },
            check("cut-body-stores-nothing", "A PUT whose body is cut off stores nothing") { session in
                let blob = try Blob(session.random(1000), algorithm)
                let location = try await session.startUpload()
                try await session.sendCut("PUT", location.appending(query: "digest=\(blob.digest)"), blob.bytes, 500)
                try await session.head(session.blobTarget(blob)).expect(status: 404)
            },
        ]
    }

    private static func sizes(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "monolithic.\(algorithm.name)", reference: "end-6")
        let contents: [(String, String, @Sendable (Session) -> [UInt8])] = [
            ("empty", "The empty blob", { _ in [] }),
            ("empty-object", "The blob {}", { _ in Array("{}".utf8) }),
            ("one-byte", "A blob of one byte", { Array($0.word(1).utf8) }),
            ("64k-and-1", "A blob of 65 537 bytes", { $0.random(65537) }),
            ("5-mib", "A blob of 5 MiB", { $0.random(5 << 20) }),
        ]
        return contents.flatMap { name, what, content in
            [
                check("size.\(name)-201", "\(what) is accepted with 201") { session in
                    let blob = try Blob(content(session), algorithm)
                    let location = try await session.startUpload()
                    try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
                },
                check("size.\(name)-round-trip", "\(what) comes back with its length and bytes") { session in
                    let blob = try await session.store(try Blob(content(session), algorithm))
                    let response = try await session.get(session.blobTarget(blob)).expect(status: 200)
                    try response.expect("Content-Length", is: "\(blob.bytes.count)").expect(body: blob.bytes)
                },
            ]
        }
    }

    private static func forms(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.push, "monolithic.\(algorithm.name)", reference: "end-6", level: .client)
        return [
            check(
                "encoded-digest",
                "The digest in the query may be percent-encoded",
                reference: "containerd, regclient"
            ) {
                session in
                let blob = try Blob(session.random(64), algorithm)
                let location = try await session.startUpload()
                let target = location.appending(query: "digest=\(blob.digest.description.percentEncoded)")
                try await session.send("PUT", target, body: .bytes(blob.bytes)).expect(status: 201)
            },
            check(
                "digest-first",
                "The digest may stand before the query that Location had",
                reference: "regclient sorts"
            ) {
                session in
                let blob = try Blob(session.random(64), algorithm)
                let location = try await session.startUpload()
                let path = location.withoutQuery
                let rest = location.dropFirst(path.count + 1)
                let target = path + "?digest=\(blob.digest)" + (rest.isEmpty ? "" : "&\(rest)")
                try await session.send("PUT", target, body: .bytes(blob.bytes)).expect(status: 201)
            },
            check("no-content-type", "PUT without Content-Type is accepted") { session in
                let blob = try Blob(session.random(64), algorithm)
                let location = try await session.startUpload()
                try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
            },
            check("layer-content-type", "PUT with the layer's own Content-Type is accepted", reference: "ggcr") {
                session in
                let blob = try Blob(session.random(64), algorithm)
                let location = try await session.startUpload()
                let headers: Headers = ["Content-Type": MediaTypes.gzipLayer]
                try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes), headers: headers)
                    .expect(status: 201)
            },
            check("chunked-coding", "PUT with Transfer-Encoding: chunked is accepted", reference: "RFC 9112, 7.1") {
                session in
                let blob = try Blob(session.random(3000), algorithm)
                let location = try await session.startUpload()
                let parts = [blob.slice(0, 1), blob.slice(1, 1500), blob.slice(1500, 3000)]
                try await session.finishUpload(location, blob.digest, body: .chunked(parts)).expect(status: 201)
            },
        ]
    }
}

extension Session {
    /// Sends a request that announces all of the bytes, sends only the first of them, and hangs up.
    func sendCut(_ method: String, _ target: String, _ bytes: [UInt8], _ count: Int) async throws {
        try await raw { connection in
            let headers: Headers = ["Content-Type": MediaTypes.octetStream, "Content-Length": "\(bytes.count)"]
            await connection.send(await rawHead(method, target, headers), body: Array(bytes.prefix(count)))
        }
    }
}
