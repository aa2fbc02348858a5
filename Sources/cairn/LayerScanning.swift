// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Foundation
import LayerScan
import Registry
import ServiceLifecycle

/// Looks for secrets in layers while the server runs, each time in this program again, shut in.
struct LayerScanning: Service {
    static let subcommand = "scan-layer"
    /// This program, whatever its file is called and wherever it lies now.
    private static let executable = "/proc/self/exe"
    private static let keyBytes = 32

    private let scanner: ImageScanner

    /// Reads the key of fingerprints beside the log's key, or makes it. Blocks.
    init(registry: Registry, signer directory: String) throws {
        let files = DurableFiles()
        let path = directory + "/fingerprint-key"
        let key: [UInt8]
        if let kept = try files.readSecretIfPresent(path, limit: Self.keyBytes), kept.count == Self.keyBytes {
            key = kept
        } else {
            var generator = SystemRandomNumberGenerator()
            key = (0..<Self.keyBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            try files.replace(path, with: key, mode: 0o600)
        }
        scanner = ImageScanner(
            registry: registry,
            process: LayerScanProcess(executable: Self.executable, arguments: [Self.subcommand]),
            fingerprintKey: key,
            now: { Int64(Date().timeIntervalSince1970) }
        )
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await scanner.run { try await Task.sleep(for: $0) } }
    }
}
