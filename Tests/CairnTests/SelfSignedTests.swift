// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct SelfSignedTests {
    private static func run(_ arguments: [String], in directory: TemporaryDirectory) async throws -> CairnProcess.Result
    {
        try await CairnProcess.run(["tls", "self-signed"] + arguments, directory: directory.path)
    }

    private static func mode(of file: String, in directory: TemporaryDirectory) throws -> Int? {
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.path + "/" + file)
        return attributes[.posixPermissions] as? Int
    }

    @Test func itWritesACertificateAndAKeyForItsOwnerAlone() async throws {
        let directory = try TemporaryDirectory()
        let result = try await Self.run(["--out", "tls", "--name", "registry.example"], in: directory)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("for registry.example, valid until "))
        #expect(
            try String(decoding: directory.read("tls/certificate.pem"), as: UTF8.self).hasPrefix(
                "-----BEGIN CERTIFICATE"
            )
        )
        #expect(try String(decoding: directory.read("tls/key.pem"), as: UTF8.self).contains(" PRIVATE KEY-----"))
        #expect(try Self.mode(of: "tls/certificate.pem", in: directory) == 0o644)
        #expect(try Self.mode(of: "tls/key.pem", in: directory) == 0o600)
    }

    @Test func nothingIsReplacedUnlessForced() async throws {
        let directory = try TemporaryDirectory()
        #expect(try await Self.run(["--out", "."], in: directory).status == 0)
        let files = ["certificate.pem", "key.pem"]
        let before = try files.map { try directory.read($0) }

        let again = try await Self.run(["--out", "."], in: directory)
        #expect(again.status == 1)
        #expect(again.errors.contains("key.pem exists; --force replaces it"))
        #expect(try files.map { try directory.read($0) } == before)

        // One of the two is enough to be refused for.
        try directory.remove("key.pem")
        #expect(try await Self.run(["--out", "."], in: directory).status == 1)
        #expect(!directory.files(in: ".").contains("key.pem"))

        #expect(try await Self.run(["--out", ".", "--force"], in: directory).status == 0)
        let after = try files.map { try directory.read($0) }
        #expect(zip(before, after).allSatisfy { $0 != $1 })
        #expect(try Self.mode(of: "key.pem", in: directory) == 0o600)
        #expect(directory.files(in: ".") == files, "nothing is left over")
    }

    @Test(arguments: [["--name", "a b"], ["--name", "1.2.3"], ["--days", "0"], ["--days", "4000"], ["--out", ""]])
    func whatMakesNoSenseIsRefused(_ arguments: [String]) async throws {
        let directory = try TemporaryDirectory()
        let out = arguments.contains("--out") ? [] : ["--out", "tls"]
        let result = try await Self.run(out + arguments, in: directory)
        #expect(result.status == 64)
        #expect(directory.files(in: ".").isEmpty)
    }
}
