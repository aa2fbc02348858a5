// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-2 with Range: how pulls are resumed and split.
enum RangeChecks {
    static var checks: [Check] {
        Digest.Algorithm.allCases.flatMap { algorithm in
            satisfiable.flatMap { served($0, algorithm) } + refused(algorithm) + ignored(algorithm) + flows(algorithm)
        }
    }

    /// A range of a blob of 3000 bytes and the bytes that it means.
    private struct Piece: Sendable {
        let name: String
        let range: String
        let first: Int
        let last: Int
    }

    private static let satisfiable = [
        Piece(name: "middle", range: "bytes=500-1499", first: 500, last: 1499),
        Piece(name: "open-end", range: "bytes=500-", first: 500, last: 2999),
        Piece(name: "suffix", range: "bytes=-500", first: 2500, last: 2999),
        Piece(name: "clipped", range: "bytes=2000-5000", first: 2000, last: 2999),
        Piece(name: "whole", range: "bytes=0-", first: 0, last: 2999),
        Piece(name: "last-byte", range: "bytes=2999-2999", first: 2999, last: 2999),
        Piece(name: "long-suffix", range: "bytes=-5000", first: 0, last: 2999),
    ]

    private static func get(_ session: Session, _ range: String, _ algorithm: Digest.Algorithm, _ more: Headers = [:])
        async throws -> Response
    {
        let headers: Headers = ["Range": range]
        return try await session.get(session.sharedBlobTarget(algorithm), headers: headers.adding(more))
    }

    private static func served(_ piece: Piece, _ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(
            .pull,
            "range.\(algorithm.name).\(piece.name)",
            reference: "end-2; RFC 9110, 14",
            level: .client
        )
        return [
            check("206", "GET with Range: \(piece.range) answers 206") { session in
                try await get(session, piece.range, algorithm).expect(status: 206)
            },
            check("content-range", "The 206 to Range: \(piece.range) tells which bytes it carries") { session in
                let response = try await get(session, piece.range, algorithm)
                let value = try response.expect(header: "Content-Range")
                let bytes = "bytes \(piece.first)-\(piece.last)"
                let isRight = [bytes + "/\(SharedContent.blobSize)", bytes + "/*"].contains(value)
                try response.expect(isRight, "\(bytes)/\(SharedContent.blobSize)", received: value)
            },
            check("bytes", "The 206 to Range: \(piece.range) carries these bytes") { session in
                let blob = try await session.sharedBlob(algorithm)
                let response = try await get(session, piece.range, algorithm)
                try response.expect(body: blob.slice(piece.first, piece.last + 1))
            },
        ]
    }

    private static func refused(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "range.\(algorithm.name)", reference: "end-2; RFC 9110, 14", level: .should)
        return [
            check("inverted-416", "Range: bytes=500-0 answers 416", reference: "conformance suite v2") { session in
                try await get(session, "bytes=500-0", algorithm).expect(status: 416)
            },
            check("beyond-416", "A range that begins beyond the end answers 416") { session in
                try await get(session, "bytes=5000-10000", algorithm).expect(status: 416)
            },
            check("at-end-416", "A range that begins right at the end answers 416") { session in
                try await get(session, "bytes=3000-", algorithm).expect(status: 416)
            },
            check("416-content-range", "The 416 tells the length in Content-Range: bytes */3000") { session in
                let response = try await get(session, "bytes=5000-10000", algorithm)
                try response.expect("Content-Range", is: "bytes */\(SharedContent.blobSize)")
            },
            check("zero-suffix-416", "Range: bytes=-0 answers 416") { session in
                try await get(session, "bytes=-0", algorithm).expect(status: 416)
            },
            check("overflow-416", "A range that begins beyond any 64-bit number answers 416 and no error of the server")
            {
                session in
                try await get(session, "bytes=99999999999999999999999-", algorithm).expect(status: 200, 400, 416)
            },
            check("unknown-blob-404", "A range of a blob that is not there answers 404") { session in
                let target = session.blobTarget(try session.unknownDigest(algorithm))
                try await session.get(target, headers: ["Range": "bytes=0-9"]).expect(status: 404)
            },
        ]
    }

    private static func ignored(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "range.\(algorithm.name)", reference: "RFC 9110, 14.2", level: .should)
        return [
            check("unknown-unit-ignored", "A range of a unit other than bytes is ignored: 200, all bytes") { session in
                let blob = try await session.sharedBlob(algorithm)
                let response = try await get(session, "lines=0-9", algorithm).expect(status: 200)
                try response.expect(body: blob.bytes)
            },
            check("several-consistent", "Two ranges are answered in full, as one range, or as multipart/byteranges") {
                session in
                let blob = try await session.sharedBlob(algorithm)
                let response = try await get(session, "bytes=0-9,100-109", algorithm).expect(status: 200, 206, 416)
                let type = response.headers["Content-Type"] ?? ""
                switch (response.status, type.hasPrefix("multipart/byteranges")) {
                case (200, _): try response.expect(body: blob.bytes)
                case (206, true): try response.expect(response.body.count > 20, "parts", received: "no parts")
                case (206, false): try response.expect(header: "Content-Range")
                default: break
                }
            },
            check(
                "if-range-same-206",
                "Range with the blob's ETag in If-Range answers 206",
                reference: "RFC 9110, 13.1.5"
            ) {
                session in
                let tag = try await session.get(session.sharedBlobTarget(algorithm)).expect(header: "ETag")
                try await get(session, "bytes=0-9", algorithm, ["If-Range": tag]).expect(status: 206)
            },
            check(
                "if-range-other-200",
                "Range with another ETag in If-Range gives all bytes",
                reference: "RFC 9110, 13.1.5"
            ) {
                session in
                let blob = try await session.sharedBlob(algorithm)
                let response = try await get(session, "bytes=0-9", algorithm, ["If-Range": "\"\(session.word())\""])
                try response.expect(status: 200).expect(body: blob.bytes)
            },
        ]
    }

    private static func flows(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.pull, "range.\(algorithm.name)", reference: "end-2", level: .client)
        return [
            check("empty-blob", "A range of the empty blob answers 416, or 200 with no bytes") { session in
                let blob = try await session.store(try Blob([], algorithm))
                let response = try await session.get(session.blobTarget(blob), headers: ["Range": "bytes=0-9"])
                try response.expect(status: 200, 416)
                if response.status == 200 { try response.expectEmptyBody() }
            },
            check(
                "resume-cut-download",
                "A download cut in the middle is completed by a range",
                reference: "oras, curl -C"
            ) {
                session in
                let blob = try await session.storedBlob(1 << 20, algorithm)
                let target = session.blobTarget(blob)
                let part = try await session.raw { connection in
                    await connection.send(await session.rawHead("GET", target))
                    return try await connection.partOfBody(atLeast: 1000)
                }
                let range: Headers = ["Range": "bytes=\(part.count)-"]
                let rest = try await session.get(target, headers: range).expect(status: 206)
                try rest.expect(part + rest.body == blob.bytes, "the blob's bytes", received: "other bytes")
            },
            check("parallel-ranges", "Four ranges asked for at once make up the blob", reference: "containerd") {
                session in
                let blob = try await session.storedBlob(256 << 10, algorithm)
                let quarter = 64 << 10
                let target = session.blobTarget(blob)
                let pieces = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
                    for index in 0..<4 {
                        let range: Headers = ["Range": "bytes=\(index * quarter)-\((index + 1) * quarter - 1)"]
                        group.addTask {
                            (index, try await session.get(target, headers: range).expect(status: 206).body)
                        }
                    }
                    var pieces = [[UInt8]](repeating: [], count: 4)
                    for try await (index, bytes) in group { pieces[index] = bytes }
                    return pieces
                }
                let whole = Array(pieces.joined())
                try await session.get(target).expect(whole == blob.bytes, "the blob", received: "\(whole.count) bytes")
            },
        ]
    }
}
