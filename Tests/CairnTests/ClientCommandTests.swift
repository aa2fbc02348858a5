// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import OCI
import Synchronization
import TestSupport
import Testing

/// The client's commands against a server whose policy wants signatures.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ClientCommandTests {
    private static let configuration = """
        listen: 127.0.0.1:0
        trust:
          keys:
            release: release.pub
          rules:
            - repositories: ["team/**"]
              enforce: pull
              require:
                - signed: {keys: [release]}
        """

    private let directory: TemporaryDirectory
    private let manifest: [UInt8]
    private let config = Array(#"{"architecture":"amd64","os":"linux"}"#.utf8)

    init() throws {
        directory = try TemporaryDirectory()
        manifest = try Sample.image(config: config, layers: [])
        try directory.write(Array(Self.configuration.utf8), to: "cairn.yml")
    }

    private func cairn(_ arguments: String...) async throws -> CairnProcess.Result {
        // No credentials of whoever runs the tests, and no state of logs in their home.
        let environment = ["REGISTRY_AUTH_FILE": directory.path + "/none", "HOME": directory.path]
        return try await CairnProcess.run(arguments, environment: environment, directory: directory.path)
    }

    /// Runs a test with a server that has an unsigned image under a tag; the closure gets `host:port`.
    private func serving(_ body: (String) async throws -> Void) async throws {
        let keys = try await cairn("key", "generate", "release")
        #expect(keys.status == 0)
        let process = try CairnProcess(
            ["serve", "--unsafe-filesystem", "--config", "cairn.yml"],
            directory: directory.path
        )
        let port = await process.port()
        do {
            let authority = "127.0.0.1:\(try #require(port))"
            let url = "http://\(authority)/v2/team/app"
            let blob = try await send(.POST, "\(url)/blobs/uploads/?digest=\(Sample.digest(config))", config)
            let image = try await send(.PUT, "\(url)/manifests/1", manifest)
            #expect(blob == 201 && image == 201)
            try await body(authority)
        } catch {
            process.terminate()
            _ = await process.end()
            throw error
        }
        process.terminate()
        let end = await process.end()
        #expect(end.status == 0)
    }

    private func send(_ method: HTTPMethod, _ url: String, _ body: [UInt8]) async throws -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers.add(name: "Content-Type", value: method == .PUT ? Sample.imageType : "application/octet-stream")
        request.body = .bytes(ByteBuffer(bytes: body))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        _ = try await response.body.collect(upTo: 1 << 20)
        return Int(response.status.code)
    }

    @Test func whatPolicyKeepsBackIsExplainedSignedAndPulled() async throws {
        try await serving { authority in
            let image = "\(authority)/team/app:1"
            let refused = try await cairn("pull", image, "--to", "out")
            #expect(refused.status == 10 && refused.errors.contains("not met: signed by 1 of release"))
            let unmet = try await cairn("trust", "explain", image)
            #expect(unmet.status == 10 && unmet.output.contains("  not met  signed by 1 of release"))
            let wrong = try await cairn("sign", "\(image)@\(Sample.digest([1]))", "--key", "release.key")
            #expect(wrong.status == 3)
            let signed = try await cairn("sign", image, "--key", "release.key", "--legacy-tag")
            let digest = try Sample.digest(manifest)
            #expect(signed.status == 0 && signed.errors.contains("@\(digest)"))
            let met = try await cairn("trust", "explain", image, "--output", "json")
            #expect(met.status == 0)
            #expect(try JSONValue(parsing: Array(met.output.utf8))["allowed"] == .bool(true))
            let pulled = try await cairn("pull", image, "--to", "out")
            #expect(pulled.status == 0)
            #expect(try directory.read("out/blobs/sha256/\(digest.hex)") == manifest)
        }
    }

    @Test func aQuarantineBeginsAndEnds() async throws {
        try await serving { authority in
            let (image, digest) = ("\(authority)/team/app:1", try Sample.digest(config).description)
            let signed = try await cairn("sign", image, "--key", "release.key")
            let set = try await cairn("quarantine", digest, "--reason", "it \"leaks\"", "--registry", authority)
            #expect(signed.status == 0 && set.status == 0)
            let list = try await cairn("quarantine", "--list", "--registry", authority)
            #expect(list.output.hasPrefix(digest) && list.output.hasSuffix(": it \"leaks\"\n"))
            for arguments in [["pull", image, "--to", "out"], ["sign", image, "--key", "release.key"]] {
                let held = try await CairnProcess.run(arguments, directory: directory.path)
                #expect(held.status == 10 && held.errors.contains("in quarantine: \(digest)"))
            }
            let explained = try await cairn("trust", "explain", image)
            #expect(explained.status == 10 && explained.output.contains("in quarantine: \(digest)"))
            let lifted = try await cairn(
                "quarantine",
                digest,
                "--lift",
                "--reason",
                "new & ok",
                "--registry",
                authority
            )
            let again = try await cairn("quarantine", digest, "--lift", "--reason", "x", "--registry", authority)
            #expect(lifted.status == 0 && again.status == 3)
            let pulled = try await cairn("pull", image, "--to", "out")
            #expect(pulled.status == 0)
        }
    }

    @Test func aTurnOfCollectionIsAskedForAndShown() async throws {
        try await serving { authority in
            let waited = try await cairn("gc", "--registry", authority, "--wait")
            #expect(waited.status == 0 && waited.output.contains(" blobs of "))
            let status = try await cairn("gc", "--registry", authority, "--status", "--output", "json")
            let shown = try JSONValue(parsing: Array(status.output.utf8))
            #expect(shown["enabled"] == .bool(true) && shown["grace_seconds"] == .integer(86_400))
            #expect(shown["total"]?["removed_blobs"] == .integer(0))
            let both = try await cairn("gc", "--registry", authority, "--status", "--wait")
            #expect(both.status == 2)
        }
    }

    @Test func aTagHasAHistory() async throws {
        try await serving { authority in
            let other = try Sample.image(config: config, layers: [], annotations: ["a": "b"])
            let put = try await send(.PUT, "http://\(authority)/v2/team/app/manifests/1", other)
            #expect(put == 201)
            let table = try await cairn("history", "\(authority)/team/app:1")
            let digests = table.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ").last ?? "" }
            #expect(table.status == 0)
            #expect(try digests == [other, manifest].map { Substring(try Sample.digest($0).description) })
            let first = try await cairn("history", "\(authority)/team/app:1", "--limit", "1", "--output", "json")
            let document = try JSONValue(parsing: Array(first.output.utf8))
            #expect(document["history"]?.elements?.count == 1 && document["more"] == .bool(true))
        }
    }

    /// What was ordered is said, also where the tag cannot be set then.
    @Test func anOrderStandsWithoutItsTag() async throws {
        let rules = """
            listen: 127.0.0.1:0
            access:
              rules:
                - {deny: [overwrite], tags: ["1"]}
                - {allow: [pull, push]}
            """
        // The first robot is made before the file with its secret is there.
        let probing = rules + "\nprobe: {username: robot+probe, password-file: probe.password}\n"
        try directory.write(Array(probing.utf8), to: "cairn.yml")
        let grant = "pull,push,promote:team/*"
        let made = try await cairn(
            "access",
            "robot",
            "create",
            "ci",
            "--allow",
            grant,
            "--json",
            "--config",
            "cairn.yml"
        )
        let secret = try #require(try JSONValue(parsing: Array(made.output.utf8))["secret"]?.text)
        try directory.write(Array(rules.utf8), to: "cairn.yml")
        let environment = [
            "CAIRN_USERNAME": "robot+ci", "CAIRN_PASSWORD": secret, "REGISTRY_AUTH_FILE": directory.path + "/none",
        ]
        try await serving { authority in
            let other = try Sample.image(config: config, layers: [], annotations: ["a": "b"])
            let digest = try Sample.digest(other)
            let put = try await send(.PUT, "http://\(authority)/v2/team/app/manifests/2", other)
            #expect(put == 201)
            let promoted = try await CairnProcess.run(
                ["promote", "\(authority)/team/app:2", "--to", "prod", "--tag", "1"],
                environment: environment,
                directory: directory.path
            )
            #expect(promoted.status != 0)
            #expect(promoted.output.contains("@\(digest) is to run in prod"), "\(promoted.errors)")
            #expect(promoted.errors.contains("the order stands, but the tag 1 was not set: "), "\(promoted.errors)")
            let again = try await CairnProcess.run(
                ["promote", "\(authority)/team/app:2", "--to", "prod", "--tag", "3"],
                environment: environment,
                directory: directory.path
            )
            #expect(again.status == 0 && again.output.contains("was to run already in prod"), "\(again.errors)")
        }
    }

    @Test func aTestOfAWebhookEndsAsTheReceiverAnswers() async throws {
        // Nobody listens there.
        let hooks = "listen: 127.0.0.1:0\nwebhooks: [{name: a, url: 'http://127.0.0.1:1/'}]\n"
        try directory.write(Array(hooks.utf8), to: "cairn.yml")
        try await serving { authority in
            let tested = try await cairn("webhook", "test", "a", "--registry", authority, "--output", "json")
            #expect(tested.status == 5 && tested.errors.contains("did not accept it"))
            let answer = try JSONValue(parsing: Array(tested.output.utf8))
            #expect(answer["accepted"] == .bool(false) && answer["reply"]?.text?.isEmpty == false)
        }
    }

    /// The status decides; a body that never comes whole keeps neither the delivery nor the server's end waiting.
    @Test func aReceiverWhoseAnswerNeverEndsHasAcceptedIt() async throws {
        let connections = TricklingConnections()
        let receiver = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(TricklingHandler(connections))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer { receiver.close(promise: nil) }
        let port = try #require(receiver.localAddress?.port)
        // A server that waited at its end for a delivery would not end within the test.
        let hooks = """
            listen: 127.0.0.1:0
            drain-seconds: 3600
            webhooks: [{name: a, url: 'http://127.0.0.1:\(port)/'}]
            """
        try directory.write(Array(hooks.utf8), to: "cairn.yml")
        try await serving { authority in
            let tested = try await cairn("webhook", "test", "a", "--registry", authority)
            #expect(tested.status == 0, "\(tested.errors)")
        }
        // Told by what the receiver sent from its answer on: no start of a process counts.
        let sent = try await connections.bytesAtTheirEnds()
        #expect(!sent.isEmpty)
        #expect(sent.allSatisfy { $0 < 50 }, "a delivery has 10 s, which are 50 bytes: \(sent)")
    }

    @Test func limitsAreNotRounded() async throws {
        let place = ["127.0.0.1:1/a", "--env", "prod", "--deployment", "d"]
        for (option, number) in [("ceiling", "0.0005"), ("ceiling", "0.0501"), ("ratio", "1.005")] {
            let result = try await CairnProcess.run(
                ["rollout", "verdict"] + place + ["--\(option)", number],
                directory: directory.path
            )
            #expect(result.status == 2 && result.errors.contains("the \(option) goes in steps of"), "\(result.errors)")
        }
    }

    @Test func argumentsThatContradictEachOtherAreRefused() async throws {
        let registry = ["--registry", "127.0.0.1:1"]
        for arguments in [
            ["quarantine", "--list", "--lift"] + registry, ["quarantine", "sha256:1", "--reason", "x"] + registry,
            ["quarantine", "--reason", "x"] + registry, ["quarantine", "\(try Sample.digest([1]))"] + registry,
            ["history", "127.0.0.1:1/a@\(try Sample.digest([1]))"], ["history", "127.0.0.1:1/a:1", "--limit", "0"],
            ["pull", "127.0.0.1:1/a:1", "--to", "out", "--tls", "--plain-http"],
        ] {
            let result = try await CairnProcess.run(arguments, directory: directory.path)
            #expect(result.status == 2, "\(arguments)")
        }
    }
}

/// What a trickling receiver sent over each of its connections.
private final class TricklingConnections: Sendable {
    final class Connection: Sendable {
        let channel: any Channel
        let bytes = Mutex(0)

        init(_ channel: any Channel) { self.channel = channel }
    }

    private let all = Mutex<[Connection]>([])

    func add(_ channel: any Channel) -> Connection {
        let connection = Connection(channel)
        all.withLock { $0.append(connection) }
        return connection
    }

    /// Waits until all that were made have ended, and tells how many bytes of the body each had by then.
    func bytesAtTheirEnds() async throws -> [Int] {
        var counts: [Int] = []
        for connection in all.withLock({ $0 }) {
            try await connection.channel.closeFuture.get()
            counts.append(connection.bytes.withLock { $0 })
        }
        return counts
    }
}

/// Answers with 200 at once, and then with a byte of the body now and then.
private final class TricklingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connections: TricklingConnections
    private var isAnswered = false

    init(_ connections: TricklingConnections) { self.connections = connections }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered else { return }
        isAnswered = true
        let channel = context.channel
        let connection = connections.add(channel)
        let head = ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        channel.writeAndFlush(head, promise: nil)
        channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(200)) { task in
            guard channel.isActive else { return task.cancel() }
            connection.bytes.withLock { $0 += 1 }
            channel.writeAndFlush(ByteBuffer(string: "."), promise: nil)
        }
    }
}
