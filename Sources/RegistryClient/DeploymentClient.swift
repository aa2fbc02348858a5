// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI

/// Tells a registry what runs where, and lists what it was told.
package struct DeploymentClient: Sendable {
    /// Where something runs.
    package struct Place: Sendable, Hashable {
        package let environment: PlaceName
        package let target: PlaceName
        package let service: PlaceName?

        package init(environment: PlaceName, target: PlaceName, service: PlaceName?) {
            self.environment = environment
            self.target = target
            self.service = service
        }
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Reports that an image runs somewhere. It is protected once this returns.
    ///
    /// `deployment` is the rollout that brought it there. The report holds for `expires` seconds, or where that is nil
    /// for as long as the registry takes.
    ///
    /// - Returns: When the report goes stale, as the registry writes it, and what it warns of.
    /// - Throws: `.notFound` where the repository has no such manifest.
    package func report(
        _ place: Place,
        runs digest: Digest,
        of repository: RepositoryName,
        deployment: PlaceName?,
        configuration: Digest? = nil,
        expires: Int64?
    ) async throws(ClientError) -> (staleAt: String, warning: String?) {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("env", place.environment.description)
            writer.field("target", place.target.description)
            if let service = place.service { writer.field("service", service.description) }
            if let deployment { writer.field("deployment", deployment.description) }
            writer.key("image")
            writer.object { writer in
                writer.field("repository", repository.description)
                writer.field("digest", digest.description)
            }
            if let configuration { writer.field("config", configuration.description) }
            if let expires {
                writer.key("expires")
                writer.integer(expires)
            }
        }
        let call = RemoteRegistry.Call(
            method: .POST,
            target: "/api/v1/deployments",
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: writer.bytes),
            purpose: "reporting that \(digest) runs on \(place.target)"
        )
        let scope = TokenScope.repository(repository, .pull)
        let (_, body) = try await registry.fetch(call, scope, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body), let staleAt = document["stale_at"]?.text else {
            throw ClientError(.network, "\(registry.origin) answers to a report with what says nothing of it")
        }
        return (ShownText.line(staleAt), document["warning"]?.text.map(ShownText.line))
    }

    /// Reports that nothing of a repository, or one image of it no more, runs somewhere.
    ///
    /// - Returns: The id of the event.
    /// - Throws: `.notFound` where nothing is reported there.
    package func end(
        _ place: Place,
        of repository: RepositoryName,
        digest: Digest?
    ) async throws(ClientError) -> String {
        let members: [(String, String?)] = [
            ("repository", repository.description), ("env", place.environment.description),
            ("target", place.target.description), ("service", place.service?.description),
            ("digest", digest?.description),
        ]
        let query = members.compactMap { key, value in value.map { "\(key)=\(WebAddress.encoded($0))" } }
        let call = RemoteRegistry.Call(
            method: .DELETE,
            target: "/api/v1/deployments?\(query.joined(separator: "&"))",
            accepted: [204],
            purpose: "ending what runs on \(place.target)"
        )
        let answer = try await registry.send(call, .repository(repository, .pullAndRetain))
        return ShownText.line(answer["Cairn-Event"] ?? "")
    }

    /// What was reported of one repository or of all, in one environment or in all.
    package func list(
        in repository: RepositoryName?,
        environment: PlaceName?,
        limit: Int
    ) async throws(ClientError) -> RecordList {
        try await registry.records(
            "deployments",
            [("repository", repository?.description), ("env", environment?.description)],
            limit: limit,
            repository.map { .repository($0, .pull) } ?? .records
        )
    }
}
