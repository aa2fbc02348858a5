// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Catalog
import Cryptography
import Foundation
import HTTPAPI
import Logging
import OCI
import ServiceLifecycle
import UnixSignals

/// Puts changes of the access rules, users, robots, keys and certificates in force while the server runs.
///
/// Looks at the files once a second, and at SIGHUP. A change is read, checked, written to the event record, and then
/// applied whole; one that cannot be read changes nothing, and the log says why, once for each state of the files.
struct AccessWatch: Service {
    let files: AccessFiles?
    let control: AccessControl?
    let catalog: Catalog
    let tls: TLSContext?
    let trust: TrustFiles?
    let retention: RetentionFiles?
    let connectionLimits: ConnectionLimits
    let logger: Logger

    private enum Wake {
        case clock, hangup
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            let (wakes, source) = AsyncStream.makeStream(of: Wake.self, bufferingPolicy: .bufferingNewest(2))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while (try? await Task.sleep(for: .seconds(1))) != nil { source.yield(.clock) }
                }
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) { source.yield(.hangup) }
                }
                await react(to: wakes)
                group.cancelAll()
            }
        }
    }

    private func react(to wakes: AsyncStream<Wake>) async {
        var seen = stamps()
        var trusted = trust?.stamps()
        for await wake in wakes {
            reloadCertificates()
            if let stamps = trust?.stamps(), stamps != trusted || wake == .hangup {
                trusted = stamps
                await reloadTrust()
                await reloadRetention()
            }
            let current = stamps()
            guard current != seen || wake == .hangup else { continue }
            seen = current
            await reload()
        }
    }

    private func reloadCertificates() {
        guard let tls else { return }
        do {
            if try tls.reloadIfChanged() { logger.notice("certificate reloaded") }
        } catch {
            logger.error("the certificate was not reloaded; the former one stays", metadata: ["reason": "\(error)"])
        }
    }

    private func reloadTrust() async {
        do {
            guard try await trust?.apply() == true else { return }
            logger.notice("trust policy applied")
        } catch {
            logger.error("trust policy not applied; the former one stays", metadata: ["reason": "\(error)"])
        }
    }

    private func reloadRetention() async {
        do {
            guard try await retention?.apply() == true else { return }
            logger.notice("rules of retention applied")
        } catch {
            logger.error("rules of retention not applied; the former ones stay", metadata: ["reason": "\(error)"])
        }
    }

    private func reload() async {
        guard let files, let control else { return }
        do {
            let (configuration, settings) = try files.load()
            let certificates = try settings.flatMap { $0 == tls?.settings ? nil : try tls?.prepare($0) }
            let policy = try files.policy(configuration, after: control.policy)
            try await Self.record(files.file, configuration, in: catalog)
            for change in policy.robots.changes(since: control.policy.robots) {
                try await catalog.recordChange(change, context: Self.context)
            }
            connectionLimits.update(perAddress: configuration.limits.connectionsPerAddress)
            control.replace(with: policy)
            certificates.map { tls?.use($0) }
            logger.notice("access rules applied", metadata: ["revision": "\(policy.revision)"])
        } catch {
            logger.error("access rules not applied; the former ones stay", metadata: ["reason": "\(error)"])
        }
    }

    /// Writes to the event record which rules are in force from now on.
    static func record(_ file: String, _ configuration: AccessConfiguration, in catalog: Catalog) async throws {
        // A catalog that is only read records nothing; its rules hold all the same.
        guard catalog.isWritable else { return }
        let bytes = FileManager.default.contents(atPath: file).map { Array($0) } ?? []
        try await catalog.recordChange(
            .rulesSet(file: Digest.of(bytes, algorithm: .sha256), rules: configuration.rules.count),
            context: context
        )
    }

    private static let context = Catalog.Context(actor: "server", requestID: "")

    /// What tells one state of the files from another.
    private func stamps() -> [String] {
        guard let files, let control else { return [] }
        return files.paths(control.policy.configuration).map(FileStamp.of)
    }
}

/// Writes denials to the catalog while the server runs, and what is left of them at its end.
struct DenialWriter: Service {
    let recorder: DenialRecorder

    func run() async throws {
        await cancelWhenGracefulShutdown { await recorder.run() }
        await recorder.flush()
    }
}

/// What tells one state of a file from another: time of change, size, inode and permissions.
enum FileStamp {
    static func of(_ path: String) -> String {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let modified = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        let keys: [FileAttributeKey] = [.size, .systemFileNumber, .posixPermissions, .ownerAccountID]
        return "\(modified) " + keys.map { "\(attributes?[$0] ?? 0)" }.joined(separator: " ")
    }
}
