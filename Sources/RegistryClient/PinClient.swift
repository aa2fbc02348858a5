// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI

/// Keeps tags and digests of a registry whatever its rules say, lets them go, and lists them.
package struct PinClient: Sendable {
    package enum Kind: String, Sendable {
        case pin, hold, lock

        fileprivate var actions: TokenScope.Actions { self == .hold ? .admin : .retain }
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Keeps a tag or a digest, until a time of RFC 3339 or without an end. It holds once this returns.
    ///
    /// - Returns: The id of the event, and what the registry warns of.
    /// - Throws: `.usage` for an empty reason, `.notFound` where the repository has no such tag or manifest.
    package func set(
        _ kind: Kind,
        on subject: Reference,
        in repository: RepositoryName,
        reason: String,
        until: String?
    ) async throws(ClientError) -> (event: String, warning: String?) {
        guard !reason.isEmpty else { throw ClientError(.usage, "a pin has a reason") }
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("repository", repository.description)
            writer.field(Self.key(subject), subject.description)
            writer.field("kind", kind.rawValue)
            writer.field("reason", reason)
            if let until { writer.field("until", until) }
        }
        let call = RemoteRegistry.Call(
            method: .POST,
            target: "/api/v1/pins",
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: writer.bytes),
            accepted: [204],
            purpose: "setting a \(kind.rawValue) on \(repository) \(subject)"
        )
        let answer = try await registry.send(call, .repository(repository, kind.actions))
        return (ShownText.line(answer["Cairn-Event"] ?? ""), answer["Warning"].map(ShownText.line))
    }

    /// Lets a tag or a digest go.
    ///
    /// - Returns: The id of the event.
    /// - Throws: `.notFound` where there is no such pin.
    package func remove(
        _ kind: Kind,
        from subject: Reference,
        in repository: RepositoryName
    ) async throws(ClientError) -> String {
        let call = RemoteRegistry.Call(
            method: .DELETE,
            target: "/api/v1/pins?repository=\(WebAddress.encoded(repository.description))&kind=\(kind.rawValue)"
                + "&\(Self.key(subject))=\(WebAddress.encoded(subject.description))",
            accepted: [204],
            purpose: "removing the \(kind.rawValue) from \(repository) \(subject)"
        )
        let answer = try await registry.send(call, .repository(repository, kind.actions))
        return ShownText.line(answer["Cairn-Event"] ?? "")
    }

    /// What is kept in one repository, or in all.
    package func list(in repository: RepositoryName?, limit: Int) async throws(ClientError) -> RecordList {
        try await registry.records(
            "pins",
            [("repository", repository?.description)],
            limit: limit,
            repository.map { .repository($0, .pull) } ?? .records
        )
    }

    private static func key(_ subject: Reference) -> String {
        switch subject {
        case .tag: "tag"
        case .digest: "digest"
        }
    }
}
