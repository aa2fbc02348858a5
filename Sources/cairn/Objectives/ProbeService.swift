// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Foundation
import Journal
import Logging
import Metrics
import OCI
import Observability
import Probing
import RegistryClient
import ServiceLifecycle
import Synchronization
import Transparency

/// Probes this registry and others while the server runs.
struct ProbeService: Service {
    private let settings: ProbeSettings
    private let keeper: AvailabilityKeeper
    private let listen: ListenAddress
    private let port: ListeningPort
    /// The keys with which this registry signs its log now.
    private let ownKeys: @Sendable () -> [NoteVerifier]
    private let logger = Logger(label: "probe")

    init(_ configuration: Configuration, _ keeper: AvailabilityKeeper, _ port: ListeningPort, _ journal: Journal?) {
        settings = configuration.probe
        ownKeys = { (journal?.keys ?? []).compactMap { try? NoteVerifier(parsing: $0) } }
        listen = configuration.listen
        self.keeper = keeper
        self.port = port
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard settings.isEnabled, let port = await port.value() else { return }
            let environment = Self.environment
            await withTaskGroup(of: Void.self) { group in
                for target in targets(port) {
                    let loop = ProbeLoop(
                        target,
                        every: settings.every,
                        pushEvery: settings.pushEvery,
                        environment
                    )
                    group.addTask {
                        let figures = ProbeFigures(target.name, logger)
                        await loop.run { sample, report in
                            keeper.count(sample)
                            figures.show(report)
                        }
                    }
                }
            }
        }
        try? await gracefulShutdown()
    }

    static let environment = ProbeLoop.Environment(
        prober: Prober.Environment(
            monotonic: { DispatchTime.now().uptimeNanoseconds },
            randomBytes: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            }
        ),
        wall: { Int64(Date().timeIntervalSince1970) },
        sleep: { try await Task.sleep(for: $0) }
    )

    /// A registry that is probed.
    struct Aim: Sendable {
        let name: String
        /// How it is reached; nil for this one's own socket.
        let remote: RemoteSettings?
        /// The keys of its log that the settings name; without any this registry asks itself by its own.
        var logKeys: [NoteVerifier] = []
    }

    /// What is probed by a registry that has a name: of nothing else samples are expected.
    static func aims(_ configuration: Configuration, as name: String) -> [Aim] {
        let settings = configuration.probe
        guard settings.isEnabled else { return [] }
        var aims: [Aim] = []
        func add(_ aim: Aim) {
            guard aims.count < ProbeLimits.targets, !aims.contains(where: { $0.name == aim.name }) else { return }
            aims.append(aim)
        }
        // With TLS its own socket has no name that a certificate could be of.
        if settings.own != nil || configuration.tlsCertificate == nil { add(Aim(name: name, remote: settings.own)) }
        // Who pushes nothing asks nobody else.
        guard settings.pushes else { return aims }
        for target in settings.targets {
            add(Aim(name: target.name, remote: target.remote, logKeys: target.logKeys))
        }
        for region in settings.probesPeers ? configuration.regions : [] {
            add(Aim(name: region.name, remote: region.remote, logKeys: region.keys))
        }
        return aims
    }

    private func logKeys(of aim: Aim, own name: String) -> @Sendable () -> [NoteVerifier] {
        if aim.name == name, aim.logKeys.isEmpty { return ownKeys }
        return { aim.logKeys }
    }

    private func targets(_ port: Int) -> [ProbeTarget] {
        let name = keeper.book.region
        if !keeper.probed.contains(where: { $0.name == name }) {
            logger.warning(
                "this registry does not probe itself: with TLS it has to know its name; set 'url' of 'probe'",
                metadata: ["see": "docs/observability.md"]
            )
        }
        let host = ["0.0.0.0", "::"].contains(listen.host) ? "127.0.0.1" : listen.host
        let socket = "\(ListenAddress(host: host, port: port))"
        return keeper.probed.compactMap { aim in
            var options = Transport.Options()
            aim.remote?.configure(&options)
            let credentials = aim.remote.map(\.credentials) ?? settings.credentials
            do {
                return ProbeTarget(
                    name: aim.name,
                    origin: try aim.remote?.origin ?? Origin(parsing: socket, tls: .nowhere),
                    repository: settings.repository(of: name),
                    credentials: try CredentialSource(given: credentials, environment: [:]),
                    transport: options,
                    logKeys: logKeys(of: aim, own: name),
                    milliseconds: settings.milliseconds
                )
            } catch {
                logger.error("cannot be probed", metadata: ["region": "\(aim.name)", "error": "\(error)"])
                return nil
            }
        }
    }
}

/// Shows what rounds were like as metrics, and says in the log what changes.
private final class ProbeFigures: Sendable {
    private let target: String
    private let logger: Logger
    /// What was told last; empty while all is well.
    private let told = Mutex("")

    init(_ target: String, _ logger: Logger) {
        self.target = target
        self.logger = logger
    }

    func show(_ report: ProbeReport) {
        let region = [("region", target)]
        for step in report.steps {
            let dimensions = region + [("step", step.step.rawValue)]
            Metrics.Timer(label: "cairn_probe_seconds", dimensions: dimensions)
                .recordNanoseconds(Int64(step.seconds * 1e9))
            if let failure = step.failure {
                Counter(
                    label: "cairn_probe_failures_total",
                    dimensions: dimensions + [("reason", failure.code.rawValue)]
                ).increment()
            }
        }
        Meter(label: "cairn_probe_refused", dimensions: region).set(report.refusal == nil ? 0 : 1)
        if report.isAvailable {
            let now = Int64(Date().timeIntervalSince1970)
            Meter(label: "cairn_probe_success_timestamp_seconds", dimensions: region).set(now)
        }
        tell(report)
    }

    private func tell(_ report: ProbeReport) {
        let why = report.failure.map { "\($0.step.rawValue): \($0.failure?.reason ?? "")" }
        let news = report.refusal ?? why ?? ""
        let isNews = told.withLock { told in
            defer { told = news }
            return told.isEmpty != news.isEmpty
        }
        guard isNews else { return }
        let metadata: Logger.Metadata = ["region": "\(target)", "why": "\(news.isEmpty ? "-" : news)"]
        if report.refusal != nil {
            logger.warning(
                """
                the prober may not push, pull and delete its canary, and only knocks: give 'probe' a 'username' and \
                'password-file' of somebody with the rights push, pull and delete there
                """,
                metadata: metadata
            )
        } else if news.isEmpty {
            logger.notice("the prober can do everything again", metadata: metadata)
        } else {
            logger.warning("the prober could not do something", metadata: metadata)
        }
    }
}
