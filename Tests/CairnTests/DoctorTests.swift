// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import TestSupport
import Testing

/// `cairn doctor --production`: each line that settings decide, with a good and a bad configuration.
@Suite(.serialized, .timeLimit(.minutes(10))) struct DoctorTests {
    /// The public key of the first test of RFC 8032, as a log's and as one of a region that cosigns.
    private static let key = "us.example/log+cd26c299+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
    private static let region = regions(with: "")
    private static let certificate = "tls: {certificate: tls/certificate.pem, key: tls/key.pem}\n"

    private static func regions(with more: String) -> String {
        "regions:\n  - {name: us, url: 'https://us.example', log-keys: ['\(key)']\(more)}\n"
    }

    private static let users = "access:\n  rules:\n    - {name: all, allow: \"*\", who: [\"user:a\"]}\n"

    private static func access(_ rules: String, _ more: String = "") -> String {
        "access:\n\(more)  rules:\n" + rules.split(separator: "\n").map { "    - \($0)\n" }.joined()
    }

    static let lines: [(file: String, check: String, state: String)] = [
        ("listen: 127.0.0.1:0\n", "tls", "ok"), ("listen: 0.0.0.0:0\n", "tls", "problem"),
        ("tls: {certificate: tls/certificate.pem, key: tls/key.pem}\n", "tls", "ok"),
        ("tls: {certificate: tls/both.pem, key: tls/both.pem}\n", "tls", "ok"),
        ("tls: {certificate: tls/certificate.pem}\n", "tls", "problem"),
        ("tls: {certificate: tls/key.pem, key: tls/key.pem}\n", "tls", "problem"),
        ("tls: {certificate: soon/certificate.pem, key: soon/key.pem}\n", "tls", "warning"),
        ("root: data\n", "access", "problem"), ("access: {rules: []}\n", "access", "problem"),
        (users, "access", "ok"), ("root: data\n", "anonymous-push", "problem"), (users, "anonymous-push", "ok"),
        (access("{allow: [pull], who: [\"*\"]}"), "anonymous-push", "ok"),
        (access("{allow: [push], repositories: [\"a/**\"]}"), "anonymous-push", "problem"),
        (access("{allow: \"*\", who: [anonymous], tags: [x]}"), "anonymous-push", "problem"),
        (access("{deny: \"*\", who: [anonymous]}\n{allow: [push]}"), "anonymous-push", "ok"),
        (access("{deny: [push], who: [anonymous], tags: [v1]}\n{allow: [push]}"), "anonymous-push", "problem"),
        (access("{allow: [push], who: [authenticated]}"), "anonymous-push", "ok"),
        ("tls: {certificate: tls/certificate.pem, key: tls/key.pem}\n", "secret-files", "ok"),
        ("tls: {certificate: tls/certificate.pem, key: open.pem}\n", "secret-files", "problem"),
        ("tls: {certificate: tls/certificate.pem, key: none.pem}\n", "secret-files", "problem"),
        (access("{allow: [pull]}", "  htpasswd: open.pem\n"), "secret-files", "problem"),
        (regions(with: ", username: a, password-file: open.secret"), "secret-files", "problem"),
        (regions(with: ", username: a, password-file: kept.secret"), "secret-files", "ok"),
        (regions(with: ", certificate-file: tls/certificate.pem, key-file: open.pem"), "secret-files", "problem"),
        (
            "upstreams: [{name: a, url: 'https://a.example', username: a, password-file: open.secret}]\n",
            "secret-files", "problem"
        ),
        ("probe: {username: a, password-file: open.secret}\n", "secret-files", "problem"),
        ("probe: {url: 'https://a.example', username: a, password-file: open.secret}\n", "secret-files", "problem"),
        (
            "probe: {targets: [{name: a, url: 'https://a.example', username: a, password-file: open.secret}]}\n",
            "secret-files", "problem"
        ),
        ("webhooks: [{name: a, url: 'https://a.example', secret-file: open.secret}]\n", "secret-files", "problem"),
        ("webhooks: [{name: a, url: 'https://a.example', secret-file: kept.secret}]\n", "secret-files", "ok"),
        (users, "rate-limits", "warning"), ("root: data\n", "rate-limits", "warning"),
        (access("{allow: [pull]}", "  limits: {requests-per-second: 9}\n"), "rate-limits", "ok"),
        (access("{allow: [pull]}", "  limits: {address-requests-per-second: 9}\n"), "rate-limits", "ok"),
        ("root: data\n", "log-origin", "problem"), ("log-origin: a.example/log\n", "log-origin", "ok"),
        ("root: data\n", "cosigned", "warning"), (region, "cosigned", "warning"),
        ("root: data\n", "regions", "problem"), (region, "regions", "ok"),
        ("root: data\n", "retention", "warning"),
        (
            "retention: {policies: [{name: a, repositories: [a], rules: [{name: b, keep: {}}]}]}\n", "retention",
            "warning"
        ),
        (
            "retention:\n  policies: [{name: a, repositories: [a], rules: [{name: b, keep: {}}]}]\n"
                + "  schedule: {every: 24h}\n", "retention", "ok"
        ),
        ("root: data\n", "undo-window", "ok"), ("collection: {undo: 1d}\n", "undo-window", "ok"),
        ("collection: {undo: 23h}\n", "undo-window", "warning"),
        ("collection: {undo: 59m}\n", "undo-window", "problem"), ("root: data\n", "collection", "ok"),
        ("collection: {enabled: false}\n", "collection", "problem"), ("root: data\n", "scrub", "ok"),
        ("scrub: {enabled: false}\n", "scrub", "problem"), ("root: data\nsigner: data/keys\n", "signer", "problem"),
        ("root: data\nsigner: open\n", "signer", "problem"), ("signer: none\n", "signer", "warning"),
        // Before the first start: beside what will be the data, and in it.
        ("root: fresh\n", "signer", "warning"), ("root: fresh\nsigner: fresh/keys\n", "signer", "problem"),
        ("root: data\n", "ready", "manual"), ("root: data\n", "objectives", "warning"),
        ("root: data\n", "prober", "warning"), ("probe: {}\n", "prober", "ok"),
        ("probe: {enabled: false}\n", "prober", "warning"), (certificate + "probe: {}\n", "prober", "warning"),
        (certificate + "probe: {url: 'https://registry.example'}\n", "prober", "ok"),
        ("root: /dev/shm/x\n", "file-system", "problem"),
    ]

    private static func world() async throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for (folder, days) in [("tls", "90"), ("soon", "20")] {
            let made = try await CairnProcess.run(
                ["tls", "self-signed", "--out", folder, "--name", "localhost", "--days", days],
                directory: directory.path
            )
            #expect(made.status == 0, "\(made.errors)")
        }
        try directory.write(directory.read("tls/key.pem") + directory.read("tls/certificate.pem"), to: "tls/both.pem")
        try directory.write([], to: "open.pem")
        for file in ["open.secret", "kept.secret"] {
            try directory.write(Array("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n".utf8), to: file)
        }
        for folder in ["data/keys", "open", "fresh.signer"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory.path)/\(folder)",
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o755]
            )
        }
        let modes = [
            ("open.pem", 0o644), ("open.secret", 0o644), ("kept.secret", 0o600), ("fresh.signer", 0o700),
        ]
        for (file, mode) in modes {
            try FileManager.default.setAttributes(
                [.posixPermissions: mode],
                ofItemAtPath: "\(directory.path)/\(file)"
            )
        }
        return directory
    }

    private static func doctor(
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        in directory: TemporaryDirectory
    ) async throws -> CairnProcess.Result {
        let base = ["doctor", "--production", "--config", "cairn.yml"]
        return try await CairnProcess.run(base + arguments, environment: environment, directory: directory.path)
    }

    /// The states of all lines, by their names.
    private static func states(_ result: CairnProcess.Result) throws -> [String: String] {
        let lines = try JSONValue(parsing: Array(result.output.utf8))["lines"]?.elements ?? []
        return Dictionary(uniqueKeysWithValues: lines.map { ($0["check"]?.text ?? "", $0["state"]?.text ?? "") })
    }

    @Test func eachLineIsJudged() async throws {
        let directory = try await Self.world()
        for line in Self.lines {
            try directory.write(Array(line.file.utf8), to: "cairn.yml")
            let result = try await Self.doctor(["--output", "json"], in: directory)
            let states = try Self.states(result)
            #expect(states[line.check] == line.state, "\(line.check) of\n\(line.file)\(result.output)\(result.errors)")
            #expect(result.status == (states.values.contains("problem") ? 1 : 0))
        }
    }

    @Test func theLinesAreForPeopleToo() async throws {
        let directory = try await Self.world()
        try directory.write(Array("scrub: {enabled: false}\n".utf8), to: "cairn.yml")
        let result = try await Self.doctor(in: directory)
        #expect(result.status == 1)
        #expect(result.output.contains("problem  scrub"))
        #expect(
            result.output.contains("         do: take 'enabled: false' out of 'scrub' (docs/admins.md#damaged-blobs)")
        )
        #expect(result.output.contains("\n29 lines: "))
    }

    @Test func aServerIsAsked() async throws {
        let directory = try await Self.world()
        try directory.write(Array("listen: 127.0.0.1:0\n".utf8), to: "cairn.yml")
        let server = try CairnProcess(
            ["serve", "--unsafe-filesystem", "--config", "cairn.yml"],
            directory: directory.path
        )
        let port = try #require(await server.port())
        let asked = try await Self.doctor(["--registry", "127.0.0.1:\(port)", "--output", "json"], in: directory)
        server.terminate()
        let end = await server.end()
        let states = try Self.states(asked)
        #expect(end.status == 0)
        #expect(states["ready"] == "ok" && states["damage"] == "ok" && states["following"] == "problem")
        let gone = try await Self.doctor(["--registry", "127.0.0.1:\(port)", "--output", "json"], in: directory)
        #expect(gone.status == 1)
        #expect(try Self.states(gone)["ready"] == "problem")
    }

    @Test func whatCannotBeReadHasAStatusOfItsOwn() async throws {
        let directory = try await Self.world()
        try directory.write(Array("scrub: 1\n".utf8), to: "cairn.yml")
        let bad = try await Self.doctor(in: directory)
        #expect(bad.status == 2 && bad.errors.contains("cairn.yml:1:") && bad.output.isEmpty)
        let vague = try await CairnProcess.run(["doctor"], directory: directory.path)
        #expect(vague.status == 64 && vague.errors.contains("--production"))
    }
}
