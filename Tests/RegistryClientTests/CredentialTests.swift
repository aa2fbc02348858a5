// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import RegistryClient
import TestSupport
import Testing

@Suite("Credentials")
struct CredentialTests {
    private let directory: TemporaryDirectory
    private let name: RepositoryName

    init() throws {
        directory = try TemporaryDirectory()
        name = try RepositoryName(parsing: "team/app")
    }

    private static func pair(_ text: String) -> String { #"{"auth":"\#(Base64.encode(Array(text.utf8)))"}"# }

    private func write(_ auths: String, to file: String = "auth.json", _ more: String = "") throws {
        try directory.write(Array(#"{"auths":{\#(auths)}\#(more)}"#.utf8), to: file)
    }

    private func find(_ authority: String, _ file: String = "auth.json") throws -> CredentialSource.Found {
        let environment = ["REGISTRY_AUTH_FILE": directory.path + "/" + file]
        return try CredentialSource(given: nil, environment: environment).credentials(for: authority, name)
    }

    @Test func theMostSpecificEntryCounts() throws {
        try write(
            """
            "a.example":\(Self.pair("host:1")),"a.example/team":\(Self.pair("team:2")),
            "a.example/team/app":\(Self.pair("app:3:x")),"b.example":\(Self.pair("b:4")),
            "https://c.example/v1/":\(Self.pair("c:5"))
            """
        )
        let exact = try find("a.example").credentials
        #expect(exact?.user == "app" && exact?.password == "3:x")
        #expect(try find("b.example").credentials?.user == "b")
        #expect(try find("c.example").credentials?.user == "c")
        #expect(try find("a.example:5000").credentials == nil && find("example").credentials == nil)
    }

    @Test func helpersAreNotCalledAndSaidSo() throws {
        try write("", "x.json", #","credHelpers":{"a.example":"gcr"}"#)
        let helped = try find("a.example", "x.json")
        #expect(helped.credentials == nil && helped.notice?.contains("credential helper") == true)
        try write(#""a.example":{}"#, to: "y.json", #","credsStore":"desktop""#)
        #expect(try find("a.example", "y.json").notice?.contains("desktop") == true)
        #expect(try find("a.example", "none.json").notice == nil)
    }

    private func write(_ auths: String, _ file: String, _ more: String) throws { try write(auths, to: file, more) }

    @Test func theFilesAreAskedInTheirOrder() throws {
        for folder in ["run/containers", "config/containers", "docker"] {
            try FileManager.default.createDirectory(
                atPath: directory.path + "/" + folder,
                withIntermediateDirectories: true
            )
        }
        try write(#""b":\#(Self.pair("run:1"))"#, to: "run/containers/auth.json")
        try write(#""a":\#(Self.pair("config:1")),"b":\#(Self.pair("config:1"))"#, to: "config/containers/auth.json")
        try write(#""a":\#(Self.pair("docker:1")),"c":\#(Self.pair("docker:1"))"#, to: "docker/config.json")
        let source = try CredentialSource(
            given: nil,
            environment: [
                "XDG_RUNTIME_DIR": directory.path + "/run", "XDG_CONFIG_HOME": directory.path + "/config",
                "DOCKER_CONFIG": directory.path + "/docker", "HOME": "/nonexistent",
            ]
        )
        let users = try ["a", "b", "c", "d"].map { try source.credentials(for: $0, name).credentials?.user }
        #expect(users == ["config", "run", "docker", nil])
    }

    @Test func whatIsGivenComesFirst() throws {
        try write(#""a.example":\#(Self.pair("file:1"))"#)
        var environment = ["REGISTRY_AUTH_FILE": directory.path + "/auth.json", "CAIRN_USERNAME": "env"]
        environment["CAIRN_PASSWORD"] = "secret"
        let fromVariables = try CredentialSource(given: nil, environment: environment)
        let found = try fromVariables.credentials(for: "a.example", name).credentials
        #expect(found?.user == "env" && found?.password == "secret")
        let given = try CredentialSource(given: Credentials(user: "u", password: "p"), environment: environment)
        #expect(try given.credentials(for: "a.example", name).credentials?.user == "u")
    }

    @Test func damagedFilesAreRefused() throws {
        for (index, text) in ["{", #"{"auths":{"a":{"auth":"%%"}}}"#, #"{"auths":{"a":{"auth":"YQ=="}}}"#].enumerated()
        {
            try directory.write(Array(text.utf8), to: "\(index).json")
            let error = #expect(throws: ClientError.self) { _ = try find("a", "\(index).json") }
            #expect(error?.code == .usage)
        }
    }

    @Test func passwordsAreNotPrinted() throws {
        let credentials = try Credentials(user: "u", password: "very-secret")
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!("\(credentials)" + String(reflecting: credentials) + dumped).contains("very-secret"))
        for (user, password) in [("", "a"), ("a:b", "c"), ("a\n", "c"), ("a", "c\r\n")] {
            #expect(throws: ClientError.self) { _ = try Credentials(user: user, password: password) }
        }
    }
}
