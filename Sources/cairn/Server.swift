// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Catalog
import Content
import Foundation
import HTTPAPI
import Journal
import Logging
import Metrics
import NIOCore
import NIOPosix
import Observability
import Registry
import ServiceLifecycle
import Transparency
import UnixSignals

/// Assembles the registry from its parts and runs it until a signal.
struct Server: Sendable {
    let configuration: Configuration
    let log: LogWriter

    func run() async throws {
        let logger = Logger(label: "cairn")
        let metrics = bootstrappedMetrics()
        let telemetry = Telemetry.start(configuration.telemetry)
        ProcessLimits.raiseOpenFiles(logger: logger)

        let transport = configuration.log.witnesses.isEmpty ? nil : WitnessTransport()
        let store = try await openStore(transport, logger: logger)

        let tls = try configuration.tlsSettings.map { try TLSContext($0, now: Self.now) }
        let connectionLimits = ConnectionLimits()
        let files = configuration.access == nil ? nil : configuration.file.map { AccessFiles.live(file: $0) }
        let access = try await accessControl(files, store, connectionLimits)
        let recorder = denialRecorder(store)
        let watch = AccessWatch(
            files: files,
            control: access,
            catalog: store.catalog,
            tls: tls,
            trust: try await trustFiles(store),
            retention: try await retentionFiles(store),
            connectionLimits: connectionLimits,
            logger: logger
        )
        let scrubbing = Scrubbing(store: store, settings: configuration.scrub)
        let collecting = Collecting(store, configuration.collection)
        let following = try followingRegions(store)
        try await following.register()
        let keeper = try await AvailabilityKeeper.open(configuration, store)
        keeper.take(Self.sources(following.regions, configuration.regions, scrubbing.scrubber, store))
        let port = ListeningPort()
        let upstreams = try MirroredUpstreams(configuration.upstreams, store.registry)
        let telling = try TellingHooks(configuration.webhooks, store.catalog, logger: Logger(label: "webhooks"))
        let health = Health(gauge: store.content.gauge, isCatalogWritable: { store.catalog.isWritable })
        let responder = Responder(
            registry: store.registry,
            access: access,
            denials: { recorder.record($0.note) },
            collector: collecting.collector,
            health: health,
            metrics: HTTPMetrics(registry: metrics, repositories: configuration.metrics.repositories),
            scrubber: scrubbing.scrubber,
            regions: following.regions,
            releases: configuration.releases,
            hooks: telling.hooks,
            objectives: keeper.desk,
            accessLog: configuration.accessLog ? Logger(label: "access") : nil,
            logger: Logger(label: "http"),
            requestIDs: RequestIDs(seed: UInt64.random(in: .min ... .max)),
            dates: DateHeader(seconds: { Int64(Date().timeIntervalSince1970) }),
            tracer: telemetry?.tracer
        )
        let server = httpServer(responder, tls, connectionLimits, port)
        let prober = ProbeService(configuration, keeper, port, store.registry.journal)
        try await runUntilSignal(
            exporting(telemetry, metrics, store) + keeping(store, logger) + [
                keeper, collecting, following,
                try LayerScanning(registry: store.registry, signer: configuration.signerDirectory), scrubbing,
                DenialWriter(recorder: recorder), telling, watch, server, prober,
                DrainNotice(health, store.registry.journal, following.regions, logger),
            ]
        )
        await store.drainAndClose()
        await transport?.shutDown()
        await upstreams.close()
        logger.info("stopped")
    }

    /// Runs services until a signal. The first to start is the last to end.
    private func runUntilSignal(_ services: [any Service]) async throws {
        var group = ServiceGroupConfiguration(
            services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "lifecycle")
        )
        group.maximumGracefulShutdownDuration = .seconds(configuration.drainSeconds)
        group.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: group).run()
    }

    /// What keeps the store in order, whoever asks for what.
    private func keeping(_ store: Store, _ logger: Logger) -> [any Service] {
        [
            Housekeeping(store: store, logger: logger), LogKeeper(log: store.log),
            Retaining(runner: store.registry.retention), ProtectionKeeper(registry: store.registry, logger: logger),
            ReleaseWatch(registry: store.registry, settings: configuration.releases, logger: logger),
        ]
    }

    /// What sends traces and metrics. It ends last: what ends before it is sent too.
    private func exporting(
        _ telemetry: Telemetry?,
        _ metrics: PrometheusRegistry,
        _ store: Store
    ) -> [any Service] {
        guard let telemetry else { return [] }
        return [telemetry.exporter(metrics, instance: store.content.storeID)]
    }

    /// Opens the store and its log, and takes up what a crash has left; says so where nothing is written.
    private func openStore(_ transport: WitnessTransport?, logger: Logger) async throws -> Store {
        let store = try await Store.open(
            root: configuration.root,
            unsafeFilesystem: configuration.unsafeFilesystem,
            blobLimit: configuration.maximumBlobBytes,
            collection: configuration.collection,
            log: logOptions(transport)
        )
        if let replayed = store.log?.replayed { replayed.tell(logger) }
        if let refusal = store.log?.readOnly {
            logger.critical("the registry takes no changes", metadata: ["reason": "\(refusal.reason)"])
            Console.error("cairn: no changes are taken: \(refusal.reason)")
        }
        let recovery = try await store.registry.recover()
        logger.debug(
            "recovered",
            metadata: ["resumable_uploads": "\(recovery.resumable)", "stray_files": "\(recovery.strays)"]
        )
        return store
    }

    private func followingRegions(_ store: Store) throws -> FollowingRegions {
        let name = try KeyName(parsing: store.catalog.settings.origin + "/region")
        let keys = SignerKeys(directory: configuration.signerDirectory)
        return FollowingRegions(
            configuration.regions,
            awaited: configuration.waitReplicated,
            store,
            cosigner: try keys.regionCosigner(name: name, passphrase: configuration.logKeyPassphrase)
        )
    }

    private func httpServer(
        _ responder: Responder,
        _ tls: TLSContext?,
        _ connectionLimits: ConnectionLimits,
        _ listening: ListeningPort
    ) -> HTTPServer {
        let address = configuration.listen
        return HTTPServer(
            host: address.host,
            port: address.port,
            tls: tls,
            connectionLimits: connectionLimits,
            responder: responder,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "http")
        ) { channel in
            let port = channel.localAddress?.port ?? address.port
            listening.set(port)
            announce(ListenAddress(host: address.host, port: port))
        }
    }

    private func logOptions(_ transport: WitnessTransport?) -> Store.LogOptions {
        var options = Store.LogOptions(
            signer: configuration.signerDirectory,
            origin: configuration.logOrigin,
            passphrase: configuration.logKeyPassphrase
        )
        let log = configuration.log
        options.cosigners = transport.map { transport in
            Cosigners(log.witnesses, quorum: log.quorum, logger: Logger(label: "log")) { url, body in
                try await transport.post(url, body)
            }
        }
        options.witness = log.witnessName.map { (name: $0, logs: log.witnessedLogs) }
        return options
    }

    /// The registry of metrics, with what is measured of the process and of the log.
    private func bootstrappedMetrics() -> PrometheusRegistry {
        let metrics = PrometheusRegistry()
        MetricsCatalogue.declare(in: metrics)
        metrics.registerProcessMetrics()
        metrics.register(log)
        MetricsSystem.bootstrap(metrics)
        return metrics
    }

    private func denialRecorder(_ store: Store) -> DenialRecorder {
        DenialRecorder(
            catalog: store.catalog,
            wallMilliseconds: { Int64(Date().timeIntervalSince1970 * 1000) },
            sleep: { try await Task.sleep(for: $0) }
        )
    }

    private static let now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }

    /// The policy of the configuration file, in force and in the event record; nil where there is none.
    private func accessControl(
        _ files: AccessFiles?,
        _ store: Store,
        _ connectionLimits: ConnectionLimits
    ) async throws -> AccessControl? {
        guard let files, let settings = configuration.access else { return nil }
        let policy = try files.policy(settings)
        try await AccessWatch.record(files.file, settings, in: store.catalog)
        connectionLimits.update(perAddress: settings.limits.connectionsPerAddress)
        return AccessControl(
            policy: policy,
            passwords: PasswordChecker(monotonic: files.monotonic),
            now: files.now,
            monotonic: files.monotonic
        )
    }

    /// The trust policy of the configuration file, in force and in the event record; nil where there is no file.
    private func trustFiles(_ store: Store) async throws -> TrustFiles? {
        guard let file = configuration.file else { return nil }
        let files = TrustFiles(file: file, gate: store.registry.gate, catalog: store.catalog)
        try await files.apply()
        return files
    }

    /// The rules of retention in the configuration file, in force and in the event record; nil where there is no file.
    private func retentionFiles(_ store: Store) async throws -> RetentionFiles? {
        guard let file = configuration.file, let runner = store.registry.retention else { return nil }
        let files = RetentionFiles(file: file, registry: store.registry, runner: runner)
        try await files.apply()
        return files
    }

    private func announce(_ address: ListenAddress) {
        let root = URL(fileURLWithPath: configuration.root).path
        let host = ["0.0.0.0", "::"].contains(address.host) ? "localhost:\(address.port)" : address.description
        let hasTLS = configuration.tlsCertificate != nil
        let (push, pull) = hasTLS ? ("", "") : (" --dest-tls-verify=false", " --src-tls-verify=false")
        Console.say(
            """
            Cairn \(Cairn.version) listens on \(hasTLS ? "https" : "http")://\(address), data in \(root)
            push:  skopeo copy\(push) dir:IMAGE docker://\(host)/team/app:v1
            pull:  skopeo copy\(pull) docker://\(host)/team/app:v1 dir:COPY
            """
        )
    }
}

extension Configuration {
    /// The files of TLS, where the settings name them.
    var tlsSettings: TLSSettings? {
        guard let tlsCertificate, let tlsKey else { return nil }
        return TLSSettings(certificate: tlsCertificate, key: tlsKey, clientCA: tlsClientCA)
    }
}

extension Denial {
    /// The same as the catalog has it.
    var note: DenialNote {
        DenialNote(
            context: Catalog.Context(
                actor: caller.principal,
                requestID: caller.requestID,
                method: caller.method,
                address: caller.address
            ),
            action: action,
            repository: repository,
            subject: subject,
            rule: rule,
            reason: reason
        )
    }
}
