// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-4a: opening an upload session.
enum SessionChecks {
    static var checks: [Check] { opening + names + [tooLong] + unknown }

    private static let open = CheckGroup(.push, "session", reference: "end-4a")

    private static func post(_ session: Session, _ headers: Headers = [:]) async throws -> Response {
        try await session.send("POST", session.uploadsTarget(), headers: headers)
    }

    private static let opening: [Check] = [
        open("post-202", "POST opens an upload session with 202") { session in
            try await post(session).expect(status: 202)
        },
        open("post-location", "The 202 to POST carries Location") { session in
            try await post(session).expect(header: "Location")
        },
        open("post-location-unique", "Two sessions have two locations") { session in
            let first = try session.location(of: try await post(session)).withoutQuery
            let response = try await post(session)
            let second = try session.location(of: response).withoutQuery
            try response.expect(first != second, "a location of its own", received: second)
        },
        open(
            "post-location-same-origin",
            "The location of a session is relative or of the registry's origin",
            level: .client,
            reference: "ggcr, oras, containerd drop credentials elsewhere"
        ) { session in
            let response = try await post(session)
            let target = try session.location(of: response)
            try response.expect(session.locator.isLocal(target), session.locator.origin, received: target)
        },
        open("post-upload-uuid", "The 202 to POST carries Docker-Upload-UUID", level: .client, reference: "docker") {
            session in
            try await post(session).expect(header: "Docker-Upload-UUID")
        },
        open("post-range", "The 202 to POST carries Range: 0-0", level: .client, reference: "docker") { session in
            try await post(session).expect("Range", is: "0-0")
        },
        open(
            "post-content-length",
            "The 202 to POST has no body of unknown length",
            level: .client,
            reference: "clients that keep the connection"
        ) { session in
            try await post(session).expectEmptyBody()
        },
        open(
            "post-json-content-type",
            "POST with Content-Type: application/json and no body opens a session",
            level: .client,
            reference: "ggcr"
        ) { session in
            try await post(session, ["Content-Type": "application/json"]).expect(status: 202)
        },
        open(
            "post-without-content-length",
            "POST with neither Content-Length nor Transfer-Encoding opens a session",
            reference: "RFC 9112, 6.3: no body",
        ) { session in
            try await session.raw { connection in
                await connection.send(await session.rawHead("POST", session.uploadsTarget()))
                let response = try await connection.response(to: "POST").expect(status: 202)
                await session.note(response)
            }
        },
        open("chunk-min-length-form", "OCI-Chunk-Min-Length, if present, is a decimal number") { session in
            let response = try await post(session)
            guard let value = response.headers["OCI-Chunk-Min-Length"] else { return }
            let isNumber = !value.isEmpty && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
            try response.expect(isNumber, "a decimal number", received: value)
        },
    ]

    /// Names within the grammar and beyond it.
    private static var names: [Check] {
        let check = CheckGroup(.push, "name", reference: "end-4a, grammar of <name>")
        let valid = [
            ("one-letter", "a"), ("digits", "0123"), ("separators", "a.b_c__d-e---f"), ("deep", "a/b/c/d/e/f/g/h"),
            ("looks-like-api", "blobs/uploads/manifests/tags/list"), ("long", String(repeating: "n", count: 150)),
        ]
        let invalid = [
            ("upper-case", "Upper"), ("two-dots", "a..b"), ("three-underscores", "a___b"), ("leading-dash", "-a"),
            ("trailing-dot", "a."), ("leading-underscore", "_a"), ("empty-component", "a//b"),
            ("mixed-separators", "a.-b"),
            ("space", "a%20b"), ("encoded-slash-dots", "..%2Fa"), ("nul", "a%00b"), ("not-ascii", "caf%C3%A9"),
        ]
        return valid.map { name, suffix in
            check("valid.\(name)", "A repository name with \(suffix.prefix(40)) in it is accepted") { session in
                let repository = "\(session.prefix)/\(suffix)"
                try await session.send("POST", session.uploadsTarget(repository)).expect(status: 202)
            }
        }
            + invalid.map { name, suffix in
                check("invalid.\(name)", "A repository name with \(suffix.prefix(40)) in it is refused with 400 or 404")
                {
                    session in
                    try await session.raw { connection in
                        let target = session.uploadsTarget("\(session.prefix)/\(suffix)")
                        let close: Headers = ["Content-Length": "0", "Connection": "close"]
                        await connection.send(await session.rawHead("POST", target, close))
                        let response = try await connection.response(to: "POST")
                        await session.note(response)
                        try response.expect(status: 400, 404)
                    }
                }
            }
    }

    private static let tooLong = CheckGroup(.push, "name", reference: "end-4a", level: .should)(
        "over-255",
        "A repository name of more than 255 bytes is accepted or refused, yet is no error of the server"
    ) { session in
        let name = "\(session.prefix)/" + Array(repeating: "long", count: 60).joined(separator: "/")
        try await session.send("POST", session.uploadsTarget(name)).expect(status: 202, 400, 404, 414)
    }

    private static let gone = CheckGroup(.push, "session.gone", reference: "end-5, end-6, end-13")

    private static let unknown: [Check] = [
        gone("get-404", "GET of an upload that is finished answers 404") { session in
            try await session.get(try await session.closedUpload()).expect(status: 404)
        },
        gone("patch-404", "PATCH of an upload that is finished answers 404") { session in
            let location = try await session.closedUpload()
            try await session.append(session.random(16), to: location).expect(status: 404)
        },
        gone("put-404", "PUT of an upload that is finished answers 404") { session in
            let location = try await session.closedUpload()
            let blob = try Blob(session.random(16))
            try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 404)
        },
        gone("code", "The 404 for an upload names BLOB_UPLOAD_UNKNOWN", level: .should, reference: "errors") {
            session in
            try await session.get(try await session.closedUpload()).expect(error: "BLOB_UPLOAD_UNKNOWN")
        },
        gone("other-repository", "An upload is not found under another repository") { session in
            let location = try await session.startUpload()
            let other = session.repository("other")
            _ = try await session.storedBlob(16, in: other)
            let elsewhere = location.replacing("/\(session.repository)/", with: "/\(other)/")
            let blob = try Blob(session.random(16))
            try await session.finishUpload(elsewhere, blob.digest, body: .bytes(blob.bytes)).expectRefusal()
        },
        gone("made-up", "PUT to the location of an upload that never was is refused and stores nothing") { session in
            let blob = try Blob(session.random(16))
            let made = session.uploadsTarget() + "00000000-0000-4000-8000-" + session.word(12).replacing("g", with: "0")
            try await session.finishUpload(made, blob.digest, body: .bytes(blob.bytes)).expectRefusal()
            try await session.head(session.blobTarget(blob)).expect(status: 404)
        },
        gone("traversal", "An upload named ../../ is refused") { session in
            try await session.raw { connection in
                let target = session.uploadsTarget() + "..%2F..%2F..%2Fetc%2Fpasswd"
                await connection.send(await session.rawHead("GET", target, ["Connection": "close"]))
                try await connection.response(to: "GET").expectRefusal()
            }
        },
    ]
}
