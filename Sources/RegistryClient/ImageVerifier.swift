// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Verifies what an image is by all that was asked for: the log, signatures and policy, and the bytes of its blobs.
package struct ImageVerifier: Sendable {
    private let log: LogCheck?
    private let trust: TrustCheck?

    /// - Throws: `.usage` where there is nothing to verify against.
    package init(log: LogCheck?, trust: TrustCheck?) throws(ClientError) {
        guard log != nil || trust != nil else {
            throw ClientError(.usage, "there is nothing to verify against: give --key, --policy or --log-key")
        }
        self.log = log
        self.trust = trust
    }

    /// Verifies the log's proof and what is attached, at the first region where that is possible. The reference is the
    /// tag or digest by which the image was asked for.
    ///
    /// - Throws: `.policy` or `.integrity` with what is wrong.
    package func verify(
        _ contents: ImageContents,
        as reference: Reference,
        in regions: Regions
    ) async throws(ClientError) -> VerificationReport {
        var report = VerificationReport(repository: regions.name, reference: reference, digest: contents.root.digest)
        if let log {
            report.log = try await regions.first { repository throws(ClientError) in
                try await log.prove(reference, is: contents.root.digest, in: repository)
            }
        }
        if let trust {
            let pushedAt = report.log?.entry.seconds
            report.trust = try await regions.first { repository throws(ClientError) in
                try await trust.check(
                    contents.root,
                    images: contents.root.manifest.kind == .index ? contents.images : [],
                    tag: reference.tag,
                    pushedAt: pushedAt,
                    in: repository
                )
            }
        }
        return report
    }

    /// Reads every blob of an image from the registry and compares its digest; nothing is kept.
    ///
    /// - Throws: `.integrity` for the first blob that is not what it must be.
    package static func checkBlobs(
        of contents: ImageContents,
        in regions: Regions,
        _ progress: PullProgress
    ) async throws(ClientError) {
        progress.expect(blobs: contents.blobs.count, bytes: contents.bytes)
        try await Parallel.forEach(contents.blobs, width: ClientLimits.parallelBlobs) { blob throws(ClientError) in
            let sink = try BlobSink.hashing(blob)
            try await BlobFetch(descriptor: blob, regions: regions, sink: sink, progress: progress).run()
            let digest = try await sink.finish()
            guard digest == blob.digest else {
                throw ClientError(
                    .integrity,
                    "the bytes served as \(blob.digest) have the digest \(digest) (from \(regions.places))"
                )
            }
            progress.finished()
        }
    }
}
