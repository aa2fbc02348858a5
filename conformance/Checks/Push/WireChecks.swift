// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What only shows on a raw socket: framing, expectations, connections that are cut, and requests that share one.
enum WireChecks {
    static let checks: [Check] = expectations + framing + cuts + sharing

    private static let check = CheckGroup(.push, "wire", reference: "RFC 9110 and 9112")

    /// A push of new content whose body is framed by the caller.
    private static func push(
        _ session: Session,
        _ bytes: [UInt8],
        _ headers: Headers,
        _ talk: (RawConnection, RawHead) async throws -> Void
    ) async throws -> Response {
        let blob = try Blob(bytes)
        let target = try await session.startUpload().appending(query: "digest=\(blob.digest)")
        return try await session.raw { connection in
            try await talk(connection, await session.rawHead("PUT", target, Session.octets.adding(headers)))
            let response = try await connection.response(to: "PUT")
            await session.note(response)
            return response
        }
    }

    private static let expectations: [Check] = [
        check(
            "expect-continue-blob",
            "PUT of a blob with Expect: 100-continue is told to go on before its body is sent",
            reference: "RFC 9110, 10.1.1"
        ) { session in
            let bytes = session.random(500)
            let headers: Headers = ["Content-Length": "500", "Expect": "100-continue"]
            try await push(session, bytes, headers) { connection, head in
                await connection.send(head)
                try await connection.anyResponse(to: "PUT").expect(status: 100)
                await connection.send(bytes)
            }.expect(status: 201)
        },
        check(
            "expect-continue-patch",
            "PATCH with Expect: 100-continue is told to go on",
            reference: "RFC 9110, 10.1.1"
        ) {
            session in
            let location = try await session.startUpload()
            try await session.raw { connection in
                let headers: Headers = ["Content-Length": "5", "Expect": "100-continue"]
                await connection.send(await session.rawHead("PATCH", location, Session.octets.adding(headers)))
                try await connection.anyResponse(to: "PATCH").expect(status: 100)
                await connection.send(Array("hello".utf8))
                try await connection.response(to: "PATCH").expect(status: 202)
            }
        },
        check(
            "expect-continue-manifest",
            "PUT of a manifest with Expect: 100-continue is told to go on",
            reference: "RFC 9110, 10.1.1"
        ) { session in
            let document = try Document(try await session.imageJSON(), MediaTypes.image)
            try await session.raw { connection in
                let headers: Headers = [
                    "Content-Type": MediaTypes.image, "Content-Length": "\(document.bytes.count)",
                    "Expect": "100-continue",
                ]
                let target = session.manifestTarget(document.digest)
                await connection.send(await session.rawHead("PUT", target, headers))
                try await connection.anyResponse(to: "PUT").expect(status: 100)
                await connection.send(document.bytes)
                let response = try await connection.response(to: "PUT").expect(status: 201)
                await session.note(response)
            }
        },
        check(
            "expect-continue-refused",
            "PUT to an upload that is gone, with Expect: 100-continue, is refused or told to go on",
            reference: "RFC 9110, 10.1.1"
        ) { session in
            let target = try await session.closedUpload().appending(query: "digest=\(try session.unknownDigest())")
            try await session.raw { connection in
                let headers: Headers = ["Content-Length": "5", "Expect": "100-continue"]
                await connection.send(await session.rawHead("PUT", target, headers))
                var response = try await connection.anyResponse(to: "PUT")
                if response.status == 100 {
                    await connection.send(Array("hello".utf8))
                    response = try await connection.response(to: "PUT")
                }
                try response.expect(status: 404)
            }
        },
    ]

    private static func chunk(_ bytes: ArraySlice<UInt8>, extension text: String = "") -> [UInt8] {
        Array("\(String(bytes.count, radix: 16))\(text)\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    private static let chunked: Headers = ["Transfer-Encoding": "chunked"]
    private static let lastChunk = Array("0\r\n\r\n".utf8)

    private static let framing: [Check] = [
        check("chunks-of-odd-sizes", "Chunks of 1, 2, 3, 5, … 4093 bytes make up a blob", reference: "RFC 9112, 7.1") {
            session in
            let sizes = [1, 2, 3, 5, 7, 11, 13, 17, 127, 128, 129, 255, 257, 1021, 4093]
            let bytes = session.random(sizes.reduce(0, +))
            try await push(session, bytes, chunked) { connection, head in
                await connection.send(head)
                var rest = bytes[...]
                for size in sizes {
                    await connection.send(chunk(rest.prefix(size)))
                    rest = rest.dropFirst(size)
                }
                await connection.send(lastChunk)
            }.expect(status: 201)
        },
        check("chunk-extensions", "Chunk extensions are ignored", reference: "RFC 9112, 7.1.1") { session in
            let bytes = session.random(300)
            try await push(session, bytes, chunked) { connection, head in
                await connection.send(head, body: chunk(bytes[...], extension: ";name=value") + lastChunk)
            }.expect(status: 201)
        },
        check("chunk-trailers", "Trailer fields after the last chunk are accepted", reference: "RFC 9112, 7.1.2") {
            session in
            let bytes = session.random(300)
            try await push(session, bytes, chunked) { connection, head in
                let end = Array("0\r\nX-Trailer: 1\r\n\r\n".utf8)
                await connection.send(head, body: chunk(bytes[...]) + end)
            }.expect(status: 201)
        },
        check(
            "chunk-size-upper-case",
            "Chunk sizes may have leading zeros and upper-case digits",
            reference: "RFC 9112, 7.1"
        ) { session in
            let bytes = session.random(0xAB)
            try await push(session, bytes, chunked) { connection, head in
                await connection.send(head, body: Array("000AB\r\n".utf8) + bytes + Array("\r\n".utf8) + lastChunk)
            }.expect(status: 201)
        },
        check("byte-by-byte", "A request that arrives byte by byte is understood") { session in
            let bytes = session.random(40)
            try await push(session, bytes, ["Content-Length": "40"]) { connection, head in
                await connection.sendBytewise(head, body: bytes)
            }.expect(status: 201)
        },
        check(
            "length-and-chunked",
            "A request with both Content-Length and Transfer-Encoding is the last one of its connection",
            reference: "RFC 9112, 6.3: request smuggling"
        ) { session in
            let both = chunked.adding(["Content-Length": "5"])
            try await session.raw { connection in
                let head = await session.rawHead("PATCH", try await session.startUpload(), both)
                let second = "GET /v2/smuggled/\(session.word())/tags/list HTTP/1.1\r\nHost: x\r\n\r\n"
                await connection.send(head, body: lastChunk + Array(second.utf8))
                let response = try await connection.response(to: "PATCH")
                let rest = try await connection.remainder()
                try response.expect(rest.isEmpty, "the end of the connection", received: "\(rest.count) more bytes")
            }
        },
        check(
            "chunk-size-invalid",
            "A chunk size that is no number is refused, or ends the connection",
            reference: "RFC 9112, 7.1"
        ) { session in
            let location = try await session.startUpload()
            try await session.raw { connection in
                let head = await session.rawHead("PATCH", location, chunked)
                await connection.send(head, body: Array("zz\r\nhello\r\n0\r\n\r\n".utf8))
                let bytes = try await connection.remainder()
                let text = String(decoding: bytes, as: UTF8.self)
                guard text.isEmpty || text.hasPrefix("HTTP/1.1 4") else {
                    throw connection.failure(expected: "400, or the end", received: String(text.prefix(200)))
                }
            }
        },
        check("host-missing-400", "A request in HTTP/1.1 without Host answers 400", reference: "RFC 9112, 3.2") {
            session in
            try await session.raw { connection in
                let close: Headers = ["Connection": "close"]
                let headers = await session.credentials(for: "/v2/").adding(close)
                let head = RawHead(method: "GET", target: "/v2/", headers: headers)
                await connection.send(head)
                try await connection.response(to: "GET").expect(status: 400)
            }
        },
    ]

    private static let cuts: [Check] = [
        check(
            "cut-patch-resumes",
            "After a PATCH that was cut off, GET tells what arrived and the upload goes on from there",
            reference: "end-5, end-13"
        ) { session in
            let blob = try Blob(session.random(4000))
            let location = try await session.startUpload()
            let first = try await session.appended(blob.slice(0, 1000), at: 0, to: location)
            try await session.sendCut("PATCH", first, blob.slice(1000, 4000), 500)
            try await session.finishCut(first, blob, within: 1000...1500).expect(status: 201)
        },
        check(
            "cut-put-resumes",
            "After a PUT that was cut off, the upload can be finished, or is gone with 404",
            reference: "end-6, end-13"
        ) { session in
            let blob = try Blob(session.random(4000))
            let first = try await session.appended(blob.slice(0, 1000), at: 0, to: try await session.startUpload())
            let target = first.appending(query: "digest=\(blob.digest)")
            try await session.sendCut("PUT", target, blob.slice(1000, 4000), 500)
            let last = try await session.finishCut(first, blob, within: 1000...1500)
            try last.expect(status: last.request.method == "GET" ? 404 : 201)
        },
        check("cut-manifest-stores-nothing", "A manifest whose body is cut off is not stored", reference: "end-7a") {
            session in
            let document = try Document(try await session.imageJSON(), MediaTypes.image)
            try await session.sendCut("PUT", session.manifestTarget("cut"), document.bytes, document.bytes.count - 1)
            try await session.headManifest("cut").expect(status: 404)
        },
        check("cut-chunked-stores-nothing", "A chunked PUT without its last chunk stores nothing", reference: "end-6") {
            session in
            let blob = try Blob(session.random(800))
            let target = try await session.startUpload().appending(query: "digest=\(blob.digest)")
            try await session.raw { connection in
                await connection.send(await session.rawHead("PUT", target, chunked), body: chunk(blob.bytes[...]))
            }
            try await session.head(session.blobTarget(blob)).expect(status: 404)
        },
    ]

    private static let sharing: [Check] = [
        check(
            "refused-body-keeps-step",
            "After a PUT that is refused, its connection is closed or still in step",
            reference: "RFC 9112, 9.3"
        ) { session in
            let target = try await session.closedUpload().appending(query: "digest=\(try session.unknownDigest())")
            try await session.raw { connection in
                let headers: Headers = ["Content-Length": "70000"]
                await connection.send(await session.rawHead("PUT", target, headers), body: session.random(70000))
                let first = try await connection.response(to: "PUT").expectRefusal()
                await connection.send(await session.rawHead("GET", "/v2/", ["Connection": "close"]))
                let rest = String(decoding: try await connection.remainder(), as: UTF8.self)
                let isInStep = rest.isEmpty || rest.hasPrefix("HTTP/1.1 200")
                try first.expect(isInStep, "the end, or an answer 200", received: String(rest.prefix(100)))
            }
        },
        check(
            "whole-push-on-one-connection",
            "POST, PATCH, PUT and HEAD of a push succeed on one connection",
            level: .client
        ) { session in
            let blob = try Blob(session.random(900))
            try await session.raw { connection in
                func ask(_ method: String, _ target: String, _ body: [UInt8]) async throws -> Response {
                    let length: Headers = method == "HEAD" ? [:] : ["Content-Length": "\(body.count)"]
                    await connection.send(await session.rawHead(method, target, length), body: body)
                    let response = try await connection.response(to: method)
                    await session.note(response)
                    return response
                }
                let opened = try await ask("POST", session.uploadsTarget(), []).expect(status: 202)
                let patched = try await ask("PATCH", try session.location(of: opened), blob.bytes).expect(status: 202)
                let closing = try session.location(of: patched).appending(query: "digest=\(blob.digest)")
                try await ask("PUT", closing, []).expect(status: 201)
                try await ask("HEAD", session.blobTarget(blob), []).expect(status: 200)
            }
        },
    ]
}

extension Session {
    /// Finishes an upload whose last request was cut off, from where GET tells that it stands.
    ///
    /// 416 tells that the server still had that request, or more of its bytes: then both are asked again.
    ///
    /// - Returns: The answer to the closing PUT, or to GET the 404 of an upload that is gone.
    func finishCut(_ location: String, _ blob: Blob, within bounds: ClosedRange<Int>) async throws -> Response {
        let end = ContinuousClock.now + .seconds(transport.seconds)
        while true {
            let state = try await settled(location)
            guard state.status == 204 else { return state }
            let offset = try self.offset(of: state, within: bounds)
            // A registry that has moved on refuses this span, and takes no byte of it.
            let span: Headers = ["Content-Range": "\(offset)-\(blob.bytes.count - 1)"]
            let rest = Body.bytes(blob.slice(offset, blob.bytes.count))
            let told = try self.location(of: state)
            let response = try await finishUpload(told, blob.digest, body: rest, headers: Self.octets.adding(span))
            guard response.status == 416, ContinuousClock.now < end else { return response }
        }
    }

    /// What GET tells of an upload, asked until two answers agree; or that it is gone.
    private func settled(_ location: String) async throws -> Response {
        var before: String?
        for _ in 0..<Limits.offsetQuestions {
            let response = try await get(location).expect(status: 204, 404)
            guard response.status == 204 else { return response }
            let range = try response.expect(header: "Range")
            if range == before { return response }
            before = range
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CheckFailure(expected: "an offset that stands still", received: "a moving one", response: nil)
    }

    /// Where an upload goes on, by an answer to GET.
    private func offset(of response: Response, within bounds: ClosedRange<Int>) throws -> Int {
        let range = try response.expect(header: "Range")
        guard range.hasPrefix("0-"), let last = Int(range.dropFirst(2)), bounds.contains(last &+ 1) else {
            let expected = "Range: 0-\(bounds.lowerBound - 1), or up to 0-\(bounds.upperBound - 1)"
            throw response.failure(expected: expected, received: range)
        }
        return last + 1
    }
}
