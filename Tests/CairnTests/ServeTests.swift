// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct ServeTests {
    /// Runs a test against a server on a free port, then asks it to end and checks that it does so in order.
    private static func serving(
        in directory: TemporaryDirectory,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        _ body: (String) async throws -> Void = { _ in }
    ) async throws -> CairnProcess.Result {
        let base = ["serve", "--unsafe-filesystem"] + arguments
        let process = try CairnProcess(
            arguments.contains("--listen") || environment["CAIRN_LISTEN"] != nil
                ? base : base + ["--listen", "127.0.0.1:0"],
            environment: environment,
            directory: directory.path
        )
        guard let port = await process.port() else { return await process.end() }
        do {
            try await body("http://127.0.0.1:\(port)")
        } catch {
            process.terminate()
            _ = await process.end()
            throw error
        }
        process.terminate()
        return await process.end()
    }

    private static func send(_ method: HTTPMethod, _ url: String, body: [UInt8]? = nil) async throws -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        _ = try await response.body.collect(upTo: 1 << 20)
        return Int(response.status.code)
    }

    private static func push(_ bytes: [UInt8], to url: String) async throws -> Digest {
        let digest = try Sample.digest(bytes)
        #expect(try await send(.POST, "\(url)/v2/a/blobs/uploads/?digest=\(digest)", body: bytes) == 201)
        return digest
    }

    private static func fsck(_ directory: TemporaryDirectory, _ arguments: [String] = []) async throws
        -> CairnProcess.Result
    {
        try await CairnProcess.run(["fsck"] + arguments, directory: directory.path)
    }

    @Test func itServesAndEndsInOrder() async throws {
        let directory = try TemporaryDirectory()
        let bytes = Sample.bytes(1000)
        let first = try await Self.serving(in: directory) { url in
            #expect(try await Self.send(.GET, "\(url)/readyz") == 200)
            _ = try await Self.push(bytes, to: url)
        }
        #expect(first.status == 0)
        #expect(first.output.contains("listens on http://127.0.0.1:"))
        #expect(directory.files(in: "cairn-data").contains("FORMAT"))
        let second = try await Self.serving(in: directory) { url in
            let status = try await Self.send(.HEAD, "\(url)/v2/a/blobs/\(Sample.digest(bytes))")
            #expect(status == 200)
        }
        #expect(second.status == 0)
    }

    @Test func anInterruptEndsItInOrderToo() async throws {
        let directory = try TemporaryDirectory()
        let process = try CairnProcess(
            ["serve", "--unsafe-filesystem", "--listen", "localhost:0"],
            directory: directory.path
        )
        #expect(await process.port() != nil)
        process.interrupt()
        #expect(await process.end().status == 0)
    }

    @Test func theStoreHasOneProcess() async throws {
        let directory = try TemporaryDirectory()
        let first = try await Self.serving(in: directory) { _ in
            let second = try await Self.serving(in: directory)
            #expect(second.status == 1)
            #expect(second.errors.contains("cairn serve: "))
            #expect(try await Self.fsck(directory).status == 2)
        }
        #expect(first.status == 0)
    }

    @Test func aPortThatIsTakenIsAnError() async throws {
        let (directory, other) = (try TemporaryDirectory(), try TemporaryDirectory())
        let first = try await Self.serving(in: directory) { url in
            let address = String(url.dropFirst("http://".count))
            let second = try await Self.serving(in: other, ["--listen", address])
            #expect(second.status == 1)
        }
        #expect(first.status == 0)
    }

    @Test func theEnvironmentGoesBeforeTheFileAndOptionsBeforeBoth() async throws {
        let directory = try TemporaryDirectory()
        try directory.write(Array("root: from-file\nlisten: 127.0.0.1:0\naccess-log: false\n".utf8), to: "cairn.yaml")
        let environment = ["CAIRN_CONFIG": "cairn.yaml", "CAIRN_LISTEN": "localhost:0"]
        for (arguments, variables, root) in [
            ([], [:], "from-file"), ([], ["CAIRN_ROOT": "from-variable"], "from-variable"),
            (["--root", "from-option"], ["CAIRN_ROOT": "from-variable"], "from-option"),
        ] as [([String], [String: String], String)] {
            let result = try await Self.serving(
                in: directory,
                arguments,
                environment: environment.merging(variables) { $1 }
            )
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("localhost:"))
            #expect(result.output.contains("/\(root)\n"))
            #expect(directory.files(in: root).contains("FORMAT"))
        }
    }

    @Test func logLinesAreJSONWhereNobodyLooks() async throws {
        let directory = try TemporaryDirectory()
        let result = try await Self.serving(in: directory) { url in
            let status = try await Self.send(.GET, "\(url)/v2/none/tags/list")
            #expect(status == 404)
        }
        let line = try #require(result.errors.split(separator: "\n").first { $0.contains("\"route\":\"tags\"") })
        #expect(line.hasPrefix("{") && line.hasSuffix("}"))
        #expect(line.contains("\"code\":\"NAME_UNKNOWN\""))
        let silent = try await Self.serving(in: directory, environment: ["CAIRN_ACCESS_LOG": "false"]) { url in
            let status = try await Self.send(.GET, "\(url)/v2/none/tags/list")
            #expect(status == 404)
        }
        #expect(!silent.errors.contains("\"route\""))
    }

    @Test func theCheckTellsByItsStatus() async throws {
        let directory = try TemporaryDirectory()
        let absent = try await Self.fsck(directory)
        #expect(absent.status == 2)
        #expect(absent.errors.contains("holds no registry"))
        #expect(directory.files(in: ".").isEmpty, "nothing is made")
        let bytes = Sample.bytes(1000)
        var damaged = bytes
        damaged[7] ^= 0x80
        let digest = try Sample.digest(bytes)
        let served = try await Self.serving(in: directory) { url in _ = try await Self.push(bytes, to: url) }
        #expect(served.status == 0)
        let sound = try await Self.fsck(directory, ["--deep"])
        #expect(sound.status == 0)
        #expect(sound.output.contains("1 blobs (1000 bytes hashed), 0 manifests: 0 problems"))
        try directory.write(damaged, to: "cairn-data/blobs/sha256/\(digest.hex)")
        #expect(try await Self.fsck(directory).status == 0, "sizes agree")
        let found = try await Self.fsck(directory, ["--deep"])
        #expect(found.status == 1)
        #expect(found.output.contains("problem: blob \(digest)"))
        #expect(directory.files(in: "cairn-data/quarantine").isEmpty)
        let repaired = try await Self.fsck(directory, ["--deep", "--repair"])
        #expect(repaired.status == 1)
        #expect(repaired.output.contains("repaired: blob \(digest)"))
        #expect(directory.files(in: "cairn-data/quarantine").count == 1)
        #expect(try await Self.fsck(directory, ["--deep"]).status == 0)
        let healed = try await Self.serving(in: directory) { url in
            #expect(try await Self.send(.HEAD, "\(url)/v2/a/blobs/\(digest)") == 404)
            _ = try await Self.push(bytes, to: url)
            #expect(try await Self.send(.HEAD, "\(url)/v2/a/blobs/\(digest)") == 200)
        }
        #expect(healed.status == 0)
        #expect(try await Self.fsck(directory, ["--root", "cairn-data", "--deep"]).output.contains(" 0 notices"))
    }

    @Test func theCheckIsNotMadeWhereItCannotBe() async throws {
        let directory = try TemporaryDirectory()
        #expect(try await Self.serving(in: directory).status == 0)
        let variable = try await CairnProcess.run(
            ["fsck"],
            environment: ["CAIRN_ROOT": "cairn-data"],
            directory: directory.path
        )
        #expect(variable.status == 0)
        #expect(try await Self.fsck(directory, ["--root", "elsewhere"]).status == 2)
        try directory.write(Array("999\n".utf8), to: "cairn-data/FORMAT")
        let newer = try await Self.fsck(directory)
        #expect(newer.status == 2)
        #expect(newer.errors.hasPrefix("cairn fsck: "))
        let serving = try await Self.serving(in: directory)
        #expect(serving.status == 1)
        #expect(serving.errors.contains("cairn serve: "))
        #expect(try directory.read("cairn-data/FORMAT") == Array("999\n".utf8), "left alone")
    }
}
