// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CSandbox
internal import Cryptography
internal import Glibc
internal import LayerArchive
internal import OCI

/// The process that reads one layer, in a sandbox.
package enum LayerScanWorker {
    /// Reads a layer from a descriptor, writes the result's JSON to another, and ends the process.
    ///
    /// To be called first thing in a process of its own: every descriptor from 3 on is closed. The output is a pipe;
    /// to a file the process may write nothing. The status is 0 whenever a result was written.
    package static func run(
        input: Int32 = 0,
        output: Int32 = 1,
        limits: LayerScanLimits = LayerScanLimits(),
        worker: LayerWorkerLimits = LayerWorkerLimits()
    ) -> Never {
        _exit(answer(scan(input, limits: limits, worker: worker), to: output))
    }

    private static func scan(_ input: Int32, limits: LayerScanLimits, worker: LayerWorkerLimits) -> LayerScanResult {
        guard prepare(), cairn_close_from(3) == 0 else { return LayerScanResult(unscanned: .notStarted) }
        do { try Sandbox.enter(worker) } catch { return LayerScanResult(unscanned: .notStarted) }
        return LayerScan.run(.descriptor(input), limits: limits)
    }

    /// Does what opens files or asks the system, so that it need not be done in the sandbox: OpenSSL reads its
    /// configuration at first use, and the C library looks for its time zone and locale.
    private static func prepare() -> Bool {
        _ = SecretScanner.shared
        _ = nice(10)
        return !SecretFinding.fingerprint(of: []).isEmpty
    }

    private static func answer(_ result: LayerScanResult, to output: Int32) -> Int32 {
        let bytes = result.encoded()
        var written = 0
        while written < bytes.count {
            // Safety: the kernel reads at most the bytes that are left, during the call.
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe write(output, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written)
            }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                return 1
            }
            written += count
        }
        return 0
    }
}
