// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
package import OCI

/// How much of an image a registry has. Sizes are bytes.
package struct WarmReport: Sendable, Hashable {
    package let digest: Digest
    package let isComplete: Bool
    package let missingManifests: Int64
    package let blobs: Int64
    package let bytes: Int64
    package let missingBlobs: Int64
    package let missingBytes: Int64
    /// Why something of it was not fetched when it was last tried.
    package let reason: String?
    /// The same in one line of JSON.
    package let json: String
}

extension RemoteRepository {
    /// Has a registry fetch what it lacks of an image, and says how much that is.
    ///
    /// - Throws: `.notFound` where neither it nor another region that it asks knows the image.
    package func warm(_ reference: Reference) async throws(ClientError) -> WarmReport {
        let call = Call(
            method: .POST,
            target: target("_cairn/warm/\(reference)"),
            purpose: "having \(reference) of \(name) fetched ahead"
        )
        let (_, body) = try await fetch(call, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body),
            let digest = document["digest"]?.text.flatMap({ Digest($0) }),
            case .bool(let isComplete)? = document["complete"]
        else { throw ClientError(.network, "\(origin) answers with what says nothing of \(reference)") }
        return WarmReport(
            digest: digest,
            isComplete: isComplete,
            missingManifests: document["missing_manifests"]?.number ?? 0,
            blobs: document["blobs"]?.number ?? 0,
            bytes: document["bytes"]?.number ?? 0,
            missingBlobs: document["missing_blobs"]?.number ?? 0,
            missingBytes: document["missing_bytes"]?.number ?? 0,
            reason: document["reason"]?.text.map { ShownText.line($0) },
            json: JSONWriter.text(of: document)
        )
    }

    /// Has an image fetched until all of it is there.
    ///
    /// - Parameters:
    ///   - reference: A tag, which is asked for anew each time, or a digest.
    ///   - seconds: How long to wait for it.
    ///   - progress: Told of each answer.
    /// - Returns: The last answer.
    /// - Throws: `.network` with what is missing when the time has passed.
    package func warmWhole(
        _ reference: Reference,
        seconds: Int64,
        progress: (WarmReport) -> Void
    ) async throws(ClientError) -> WarmReport {
        let start = transport.options.now()
        while true {
            let report = try await warm(reference)
            progress(report)
            if report.isComplete { return report }
            guard transport.options.now() - start < UInt64(max(0, seconds)) * 1_000_000_000 else {
                let why = report.reason.map { ": \($0)" } ?? ""
                throw ClientError(
                    .network,
                    "after \(seconds) s \(origin) lacks \(report.missingBlobs) blobs "
                        + "(\(report.missingBytes) bytes) and \(report.missingManifests) manifests "
                        + "of \(name) \(reference)\(why)"
                )
            }
            do { try await transport.options.pause(1_000) } catch { throw ClientError.cancelled }
        }
    }
}
