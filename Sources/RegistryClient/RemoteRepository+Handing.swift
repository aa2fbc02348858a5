// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI

/// A manifest with tags that are set in another registry only.
package struct HandedManifest: Sendable {
    let digest: Digest
    let tags: [Tag]
    let mediaType: String?
    let bytes: [UInt8]
    let headers: [(name: String, value: String)]

    package init(
        digest: Digest,
        tags: [Tag],
        mediaType: String?,
        bytes: [UInt8],
        headers: [(name: String, value: String)]
    ) {
        self.digest = digest
        self.tags = tags
        self.mediaType = mediaType
        self.bytes = bytes
        self.headers = headers
    }
}

/// What the other registry says.
package enum HandedAnswer: Sendable {
    case stored
    /// It does not do it, and a further attempt would not change that.
    case refused(status: Int, body: [UInt8])
}

extension RemoteRepository {
    private static let refusals: Set<Int> = [400, 403, 405, 409, 412, 413, 422]

    /// Sends a manifest with its tags, once: the client that waits for it tries again.
    ///
    /// - Parameter push: What is sent.
    /// - Returns: What became of it.
    /// - Throws: `ClientError` where the registry does not answer, or not for good.
    package func hand(_ push: HandedManifest) async throws(ClientError) -> HandedAnswer {
        let query = push.tags.map { "tag=\($0)" }.joined(separator: "&")
        let call = Call(
            method: .PUT,
            target: target("manifests/\(push.digest)?\(query)"),
            headers: (push.mediaType.map { [("Content-Type", $0)] } ?? []) + push.headers.map { ($0.name, $0.value) },
            body: ByteBuffer(bytes: push.bytes),
            accepted: Self.refusals.union([200, 201]),
            purpose: "setting tags of \(name) in its home region",
            attempts: 1
        )
        let answer = try await send(call, for: .pullAndPush)
        guard Self.refusals.contains(answer.status) else { return .stored }
        return .refused(status: answer.status, body: try await answer.collect(limit: ClientLimits.errorBodyBytes))
    }
}
