// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// end-1: the endpoint by which clients find out whether this is a registry at all.
enum BaseChecks {
    private static let check = CheckGroup(.pull, "base", reference: "end-1")

    static let checks: [Check] = [
        check("get-200", "GET /v2/ with credentials, if they are needed, answers 200") { session in
            try await session.get("/v2/").expect(status: 200)
        },
        check("anonymous-200-or-challenge", "GET /v2/ without credentials answers 200, or 401 with WWW-Authenticate") {
            session in
            let response = try await anonymous(session, "GET", "/v2/").expect(status: 200, 401)
            if response.status == 401 {
                try response.expect(header: "WWW-Authenticate")
            }
        },
        check("challenge-scheme", "A challenge names the Basic or the Bearer scheme, the latter with a realm") {
            session in
            let response = try await anonymous(session, "GET", "/v2/")
            guard response.status == 401 else { return try response.expectNoChallenge() }
            let challenge = try response.expect(header: "WWW-Authenticate").lowercased()
            let isKnown = challenge.hasPrefix("basic ") || challenge.hasPrefix("bearer ")
            try response.expect(
                isKnown && challenge.contains("realm=\""),
                "Basic or Bearer with realm=\"…\"",
                received: challenge
            )
        },
        check(
            "api-version-header",
            "GET /v2/ carries Docker-Distribution-Api-Version: registry/2.0",
            level: .client,
            reference: "docker"
        ) { session in
            try await session.get("/v2/").expect("Docker-Distribution-Api-Version", is: "registry/2.0")
        },
        check("head-as-get", "HEAD /v2/ answers with the status of GET", reference: "RFC 9110, 9.1") { session in
            let status = try await session.get("/v2/").status
            try await session.head("/v2/").expect(status: status)
        },
        check("query-ignored", "GET /v2/ with a query that means nothing answers 200", level: .should) { session in
            try await session.get("/v2/?\(session.word())=1").expect(status: 200)
        },
        check("post-refused", "POST /v2/ is refused", level: .should, reference: "RFC 9110, 15.5.6") { session in
            try await session.send("POST", "/v2/").expectRefusal()
        },
        check("unknown-endpoint-404", "GET of an endpoint that does not exist answers 404", level: .should) { session in
            let target = "/v2/\(session.repository)/nothing/\(session.word())"
            try await session.get(target).expect(status: 404)
        },
        check(
            "keep-alive",
            "Two requests on one connection are both answered",
            level: .client,
            reference: "RFC 9112, 9.3"
        ) {
            session in
            try await session.raw { connection in
                for _ in 0..<2 {
                    await connection.send(await session.rawHead("GET", "/v2/"))
                    try await connection.response(to: "GET").expect(status: 200)
                }
            }
        },
        check(
            "close-honoured",
            "With Connection: close the answer is followed by the end of the connection",
            reference: "RFC 9112, 9.6"
        ) { session in
            try await session.raw { connection in
                await connection.send(await session.rawHead("GET", "/v2/", ["Connection": "close"]))
                let response = try await connection.response(to: "GET").expect(status: 200)
                let rest = try await connection.remainder()
                try response.expect(rest.isEmpty, "the end of the connection", received: "\(rest.count) more bytes")
            }
        },
        check(
            "close-announced",
            "With Connection: close the answer says Connection: close itself",
            level: .should,
            reference: "RFC 9112, 9.6"
        ) { session in
            try await session.raw { connection in
                await connection.send(await session.rawHead("GET", "/v2/", ["Connection": "close"]))
                let response = try await connection.response(to: "GET")
                let options = response.headers.list("Connection").map { $0.lowercased() }
                try response.expect(options.contains("close"), "Connection: close", received: "\(options)")
            }
        },
    ]

    /// A request that carries no credentials even if the checker has some.
    private static func anonymous(_ session: Session, _ method: String, _ target: String) async throws -> Response {
        do {
            return try await session.transport.exchange(Request(method: method, target: target))
        } catch {
            throw error.asCheckFailure
        }
    }
}

extension Response {
    /// A registry that answers without credentials has nothing to challenge for.
    fileprivate func expectNoChallenge() throws {
        try expect(status: 200).expect(noHeader: "WWW-Authenticate")
    }
}
