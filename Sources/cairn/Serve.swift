// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Foundation
import HTTPAPI
import Logging
import Metrics
import NIOPosix
import Observability
import Registry
import ServiceLifecycle

/// `cairn serve`
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the registry.",
        discussion: """
            Settings come from the command line, else the environment, else the configuration file, else their defaults.
            In the file, a YAML mapping, they are:

            \(Setting.allCases.map { "  \($0.rawValue): \($0.help)" }.joined(separator: "\n"))
              log: mapping: who cosigns the log; witness: mapping: which logs are cosigned here (docs/log.md)
              wait-replicated: list of patterns of repositories whose pushes wait for another region (docs/regions.md)
              scan-secrets: list of patterns of repositories whose images are scanned for secrets (docs/trust.md)
              collection: mapping: how long things are kept, and how fast they go (docs/admins.md)
              retention: mapping: which images go when, and which stay (docs/retention.md)
              regions: list of other regions whose logs are followed (docs/regions.md)
              upstreams: list of registries of others that are mirrored (docs/mirrors.md)
              trust: mapping: what images have to carry before they leave (docs/trust.md)
              webhooks: list of who is told what happens, as CloudEvents (docs/webhooks.md)
              releases: mapping of production and drift-after: how rollouts are judged (docs/release-record.md)
              objectives: list of what is promised; probe: mapping: how it is probed (docs/observability.md)
              scrub: mapping of rate, every and enabled: how all blobs are read over (docs/admins.md)
              telemetry: mapping: where traces and metrics are sent (docs/observability.md)
              metrics: mapping: repositories that are counted by name (docs/metrics.md)
              access: mapping: who may do what; without it everyone may do everything
              tls: mapping of certificate, key and client-ca, another way to write tls-certificate and so on

            In the environment each of these with one value is CAIRN_ and its name in capitals, such as
            \(Setting.allowAnonymous.variable).
            """
    )

    @Option(help: "Directory of all data (default ./cairn-data).")
    var root: String?

    @Option(help: "HOST:PORT to listen on (default 127.0.0.1:5000; port 0 takes a free one).")
    var listen: String?

    @Option(help: "Configuration file (YAML); see below for its settings.")
    var config: String?

    @Flag(help: "Listen beyond loopback although everyone may then push, pull and delete.")
    var allowAnonymous = false

    @Flag(help: "Accept NFS, overlay or tmpfs, where a power cut may lose acknowledged pushes.")
    var unsafeFilesystem = false

    func run() async throws {
        let configuration: Configuration
        do {
            configuration = try settings()
        } catch {
            Console.error("cairn serve: \(error)")
            throw ExitCode(2)
        }
        let log = Console.startLog(level: configuration.logLevel, format: configuration.logFormat)
        do {
            try await Server(configuration: configuration, log: log).run()
        } catch {
            Console.error("cairn serve: \(error)")
            Console.flush()
            throw ExitCode(1)
        }
        Console.flush()
    }

    private func settings() throws(ConfigurationError) -> Configuration {
        let environment = ProcessInfo.processInfo.environment
        var configuration = try Configuration.load(
            file: config ?? environment["CAIRN_CONFIG"],
            environment: environment
        )
        do {
            if let root { try Setting.root.apply(root, to: &configuration) }
            if let listen { try Setting.listen.apply(listen, to: &configuration) }
        } catch {
            throw ConfigurationError(description: "command line: \(error.reason)")
        }
        if allowAnonymous { configuration.allowAnonymous = true }
        if unsafeFilesystem { configuration.unsafeFilesystem = true }
        try configuration.check()
        return configuration
    }
}
