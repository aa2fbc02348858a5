// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// end-14, newer than 1.1.1: giving up an upload.
enum CancelChecks {
    private static let check = CheckGroup(.push, "cancel", reference: "end-14*", edition: .development)

    /// A session that has been cancelled, after some bytes or at once, and the answer to that.
    private static func cancelled(_ session: Session, after count: Int = 0) async throws -> (String, Response) {
        var location = try await session.startUpload()
        if count > 0 {
            location = try await session.appended(session.random(count), at: 0, to: location)
        }
        return (location, try await session.delete(location))
    }

    static let checks: [Check] = [
        check("fresh-204", "DELETE of an upload in which nothing has arrived answers 204") { session in
            try await cancelled(session).1.expect(status: 204)
        },
        check("begun-204", "DELETE of an upload in which a chunk has arrived answers 204") { session in
            try await cancelled(session, after: 1000).1.expect(status: 204)
        },
        check("then-get-404", "A cancelled upload is not found by GET") { session in
            try await session.get(try await cancelled(session, after: 10).0).expect(status: 404)
        },
        check("then-patch-404", "A cancelled upload takes no chunk") { session in
            let (location, _) = try await cancelled(session, after: 10)
            try await session.append(session.random(10), at: 10, to: location).expect(status: 404)
        },
        check("then-put-404", "A cancelled upload cannot be closed") { session in
            let blob = try Blob(session.random(100))
            let (location, _) = try await cancelled(session)
            try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 404)
        },
        check("again-404", "Cancelling a second time answers 404") { session in
            try await session.delete(try await cancelled(session).0).expect(status: 404)
        },
        check("finished-404", "Cancelling an upload that is finished answers 404") { session in
            try await session.delete(try await session.closedUpload()).expect(status: 404)
        },
        check("finished-keeps-blob", "Cancelling an upload that is finished leaves its blob") { session in
            let blob = try Blob(session.random(64))
            let location = try await session.startUpload()
            try await session.setUp("push") {
                try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expectSuccess()
            }
            _ = try await session.delete(location)
            try await session.get(session.blobTarget(blob)).expect(status: 200).expect(body: blob.bytes)
        },
        check("other-sessions-stay", "Cancelling one upload leaves another of the repository alone") { session in
            let blob = try Blob(session.random(64))
            let location = try await session.startUpload()
            _ = try await cancelled(session)
            try await session.finishUpload(location, blob.digest, body: .bytes(blob.bytes)).expect(status: 201)
        },
        check("code", "The 404 for a cancelled upload names BLOB_UPLOAD_UNKNOWN", level: .should, reference: "errors") {
            session in
            try await session.get(try await cancelled(session).0).expect(error: "BLOB_UPLOAD_UNKNOWN")
        },
    ]
}
