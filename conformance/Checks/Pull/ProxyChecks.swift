// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What was merged after 1.1.1 and is seen in headers only: proxying, warnings, and limits of size.
enum ProxyChecks {
    private static let check = CheckGroup(.pull, "headers", reference: "spec, headers", level: .must)

    static let checks: [Check] = [
        check(
            "namespace-if-present",
            "OCI-Namespace, if present, is the namespace that was asked for with ?ns=",
            edition: .development,
            reference: "spec, proxying (#66)"
        ) { session in
            _ = try await session.sharedImage()
            let target = session.manifestTarget(session.sharedTag(.sha256), in: session.sharedRepository)
            try await session.get(target.appending(query: "ns=registry.example.com"), headers: Session.acceptAll)
                .expect("OCI-Namespace", isAbsentOr: "registry.example.com")
        },
        check("warning-form", "A Warning, if present, has the form 299 - \"text\"", reference: "spec, warnings") {
            session in
            let response = try await session.getManifest(
                (try await session.sharedImage()).digest.description,
                in: session.sharedRepository
            )
            for warning in response.headers.values("Warning") {
                let isSound = warning.hasPrefix("299 - \"") && warning.hasSuffix("\"") && warning.utf8.count > 9
                try response.expect(isSound, "299 - \"text\"", received: warning)
            }
        },
        check(
            "warning-length",
            "All Warnings of an answer together have at most 4096 bytes",
            reference: "spec, warnings"
        ) {
            session in
            let response = try await session.getManifest(
                (try await session.sharedImage()).digest.description,
                in: session.sharedRepository
            )
            let bytes = response.headers.values("Warning").reduce(0) { $0 + $1.utf8.count }
            try response.expect(bytes <= 4096, "at most 4096 bytes", received: "\(bytes)")
        },
        check("date", "An answer carries Date", level: .should, reference: "RFC 9110, 6.6.1") { session in
            try await session.get("/v2/").expect(header: "Date")
        },
        check(
            "header-names-any-case",
            "Names of request headers are understood in any case",
            reference: "RFC 9110, 5.1"
        ) {
            session in
            let blob = try await session.sharedBlob(.sha256)
            let target = try await session.sharedBlobTarget(.sha256)
            try await session.get(target, headers: ["rAnGe": "bytes=0-9"]).expect(status: 206)
                .expect(body: blob.slice(0, 10))
        },
        check(
            "long-header",
            "A request with a header of 6 KiB, as tokens may be, is answered",
            level: .client,
            reference: "bearer tokens of several repositories"
        ) { session in
            let long: Headers = ["X-Example": String(repeating: "t", count: 6 << 10)]
            try await session.get("/v2/", headers: long).expect(status: 200)
        },
        check(
            "endless-header",
            "A header of 2 MiB is refused, or the connection is closed",
            level: .should,
            reference: "RFC 6585, 5"
        ) { session in
            try await session.raw { connection in
                let headers: Headers = ["X-Example": String(repeating: "t", count: 2 << 20)]
                await connection.send(await session.rawHead("GET", "/v2/", headers.adding(["Connection": "close"])))
                let text = String(decoding: (try await connection.remainder()).prefix(200), as: UTF8.self)
                guard text.isEmpty || text.hasPrefix("HTTP/1.1 4") else {
                    throw connection.failure(expected: "400, 431, or the end", received: text)
                }
            }
        },
        check(
            "long-target",
            "A target of 1 MiB is refused, or answered, and is no error of the server",
            level: .should,
            reference: "RFC 9110, 15.5.15"
        ) { session in
            try await session.raw { connection in
                let target = "/v2/?x=" + String(repeating: "y", count: 1 << 20)
                await connection.send(await session.rawHead("GET", target, ["Connection": "close"]))
                let text = String(decoding: (try await connection.remainder()).prefix(200), as: UTF8.self)
                guard text.isEmpty || text.hasPrefix("HTTP/1.1 4") || text.hasPrefix("HTTP/1.1 200") else {
                    throw connection.failure(expected: "200, 400, 414, or the end", received: text)
                }
            }
        },
    ]
}
