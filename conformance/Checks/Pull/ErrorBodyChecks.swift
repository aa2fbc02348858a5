// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The form of error bodies, for every place where a client is refused.
enum ErrorBodyChecks {
    static var checks: [Check] {
        refusals.flatMap { refusal in
            let check = CheckGroup(.pull, "error.\(refusal.name)", reference: "errors")
            return [
                check("json", "\(refusal.what) is explained by {\"errors\":[{\"code\":…}]}", level: .should) {
                    session in
                    let response = try await refusal.ask(session).expectRefusal()
                    let codes = try response.errorCodes()
                    try response.expect(!codes.isEmpty, "at least one error", received: "none")
                },
                check(
                    "content-type",
                    "The explanation of \(refusal.what.lowercased()) is labelled application/json",
                    level: .should
                ) { session in
                    let response = try await refusal.ask(session).expectRefusal()
                    let type = response.headers["Content-Type"]?.lowercased() ?? "no Content-Type"
                    try response.expect(type.hasPrefix("application/json"), "application/json", received: type)
                },
                check(
                    "code-grammar",
                    "The codes for \(refusal.what.lowercased()) are upper-case letters and underscores"
                ) { session in
                    let response = try await refusal.ask(session).expectRefusal()
                    guard !response.body.isEmpty, response.headers["Content-Type"]?.contains("json") == true else {
                        return
                    }
                    let codes = try response.errorCodes()
                    let isSound = codes.allSatisfy { code in
                        !code.isEmpty && code.utf8.allSatisfy { (0x41...0x5A).contains($0) || $0 == 0x5F }
                    }
                    try response.expect(isSound, "codes of A to Z and _", received: "\(codes)")
                },
            ]
        }
    }

    /// A request that must be refused.
    private struct Refusal: Sendable {
        let name: String
        let what: String
        let ask: @Sendable (Session) async throws -> Response
    }

    private static let refusals = [
        Refusal(name: "unknown-blob", what: "An unknown blob") { session in
            try await session.get(session.blobTarget(try session.unknownDigest()))
        },
        Refusal(name: "unknown-manifest", what: "An unknown manifest") { session in
            try await session.getManifest(session.word())
        },
        Refusal(name: "unknown-repository", what: "An unknown repository") { session in
            try await session.get("/v2/\(session.repository)/tags/list")
        },
        Refusal(name: "unknown-upload", what: "An unknown upload") { session in
            let location = try await session.closedUpload()
            return try await session.get(location)
        },
        Refusal(name: "wrong-digest", what: "A digest that is not the blob's") { session in
            let location = try await session.startUpload()
            let wrong = try session.unknownDigest()
            return try await session.finishUpload(
                location,
                wrong,
                body: .bytes(session.random(32)),
                headers: Session.octets
            )
        },
        Refusal(name: "invalid-manifest", what: "A manifest that is no JSON") { session in
            let document = try Document(Array("{\"schemaVersion\":".utf8), MediaTypes.image)
            return try await session.put(document, as: "broken")
        },
        Refusal(name: "invalid-name", what: "An invalid repository name") { session in
            try await session.send("POST", "/v2/\(session.repository)/UPPER/blobs/uploads/")
        },
    ]
}

extension Session {
    /// The location of an upload that has been finished, so that nothing is there any more.
    func closedUpload() async throws -> String {
        let location = try await startUpload()
        let blob = try Blob(random(16))
        try await setUp("finish an upload") {
            try await finishUpload(location, blob.digest, body: .bytes(blob.bytes), headers: Self.octets)
                .expectSuccess()
        }
        return location
    }
}
