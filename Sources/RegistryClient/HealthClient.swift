// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// Asks a registry whether it is in full service, and for its metrics.
package struct HealthClient: Sendable {
    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// What keeps the registry from full service, in the words of `/readyz`; empty where nothing does.
    package func problems() async throws(ClientError) -> [String] {
        let call = RemoteRegistry.Call(
            target: "/readyz",
            accepted: [200, 503],
            purpose: "asking whether it is ready",
            attempts: 1
        )
        let (answer, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        if answer.status == 200 { return [] }
        let problems = (try? JSONValue(parsing: body))?["problems"]?.elements?.compactMap(\.text) ?? []
        return problems.isEmpty ? ["not ready"] : problems.map { ShownText.line($0) }
    }

    /// The metrics in the text format of Prometheus.
    package func metrics() async throws(ClientError) -> String {
        let call = RemoteRegistry.Call(target: "/metrics", purpose: "reading the metrics")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        return String(decoding: body, as: UTF8.self)
    }
}
