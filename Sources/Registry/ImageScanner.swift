// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Cryptography
package import LayerScan
import Logging
import NIOCore
import OCI
import Synchronization
import Trust

/// Looks for secrets in the layers of images, one at a time, in a process that is shut in, and attaches what it found.
///
/// What waits stands in the catalog, in the transaction of the push: a restart loses none. A layer is looked into once,
/// for all images that have it. The report is a referrer that the registry itself made, which is what a policy of
/// `no-secrets` believes.
package final class ImageScanner: Sendable {
    /// Raised when rules change, so that layers are looked into again.
    private static let version: Int64 = 1

    private let registry: Registry
    private let threads: FileThreads
    private let process: LayerScanProcess
    /// Keys the fingerprints of findings: a short secret could be guessed from a plain hash.
    private let fingerprintKey: [UInt8]
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64

    package init(
        registry: Registry,
        process: LayerScanProcess,
        fingerprintKey: [UInt8],
        now: @escaping @Sendable () -> Int64
    ) {
        self.registry = registry
        self.process = process
        self.fingerprintKey = fingerprintKey
        self.now = now
        threads = FileThreads(count: 1)
    }

    /// Works until the task is cancelled. `sleep` is called where nothing waits, and after a failure.
    package func run(sleep: @Sendable (Duration) async throws -> Void) async {
        while !Task.isCancelled {
            let isIdle = await work()
            if isIdle { try? await sleep(RegistryLimits.scanInterval) }
        }
        await threads.shutDown()
    }

    /// Does what waits now. True where there is nothing more, or it failed and is tried again later.
    private func work() async -> Bool {
        do {
            let waiting = try await registry.catalog.queuedScans(limit: RegistryLimits.scansPerTurn)
            for scan in waiting where !Task.isCancelled { try await examine(scan) }
            return waiting.isEmpty
        } catch {
            registry.logger.warning("layers could not be scanned; it is tried again", metadata: ["reason": "\(error)"])
            return true
        }
    }

    private func examine(_ scan: QueuedScan) async throws {
        let catalog = registry.catalog
        guard let record = try await catalog.manifest(.digest(scan.digest), in: scan.repository),
            let manifest = try? Manifest(parsing: record.payload, contentType: record.mediaType)
        else { return try await catalog.endScan(scan) }
        var report = ScanReport()
        var seen: Set<Digest> = []
        for descriptor in (manifest.config.map { [$0] } ?? []) + manifest.layers
        where seen.insert(descriptor.digest).inserted {
            report.add(try await result(for: descriptor), of: descriptor.digest)
        }
        let subject = Descriptor(mediaType: record.mediaType, digest: scan.digest, size: Int64(record.payload.count))
        try await attach(report, to: subject, in: scan)
        try await catalog.endScan(scan)
        let found = report.findings.count
        registry.logger.log(
            level: found > 0 ? .warning : .info,
            found > 0 ? "secrets found in an image" : "an image was scanned",
            metadata: [
                "repository": "\(scan.repository)", "digest": "\(scan.digest)", "findings": "\(found)",
                "complete": "\(report.isComplete)",
            ]
        )
    }

    private func result(for descriptor: Descriptor) async throws -> LayerScanResult {
        let (catalog, content) = (registry.catalog, registry.content)
        if descriptor.mediaType.description.hasSuffix("+encrypted") { return LayerScanResult(unscanned: .encrypted) }
        let digest = descriptor.digest
        if let kept = try await catalog.layerScan(of: digest, scanner: Self.version),
            let result = LayerScanResult(decoding: kept)
        {
            return result
        }
        guard try await content.stat(digest) != nil else { return LayerScanResult(unscanned: .missing) }
        let path = content.layout.blob(digest)
        let (process, key) = (process, fingerprintKey)
        let outcome = try await threads.run { () throws(ContentError) in
            Result {
                var result = process.run(path: path)
                result.findings = try result.findings.map { try $0.keyed(by: key) }
                return result
            }
        }
        let result = try outcome.get()
        // A worker that died may do better next time, on a machine with less to do.
        if result.unscanned?.mayPass != true {
            try await catalog.keepLayerScan(result.encoded(), of: digest, scanner: Self.version)
        }
        return result
    }

    private func attach(_ report: ScanReport, to subject: Descriptor, in scan: QueuedScan) async throws {
        let artifact = try TrustArtifact.referrer(
            of: subject,
            report: report.encoded(),
            mediaType: .secretsReport,
            created: now()
        )
        let caller = Caller(principal: "server", requestID: "")
        for blob in artifact.blobs {
            try await registry.putBlob(
                ByteBuffer(bytes: blob.bytes),
                as: blob.descriptor.digest,
                in: scan.repository,
                caller: caller
            )
        }
        var push = ManifestPush(
            reference: .digest(artifact.digest),
            contentType: .imageManifest,
            bytes: artifact.manifest
        )
        push.scanRole = .report
        _ = try await registry.putManifest(push, in: scan.repository, caller: caller)
    }
}

extension UnscannedReason {
    /// Whether another try may do better.
    fileprivate var mayPass: Bool {
        switch self {
        case .notStarted, .timeout, .crashed, .badAnswer: true
        default: false
        }
    }
}
