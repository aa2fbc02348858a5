// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
internal import OCI

/// Tells a registry when it is allowed to be away, and asks when it is.
package struct MaintenanceClient: Sendable {
    /// What is declared.
    package struct Window: Sendable {
        package let id: String
        package let line: String
        package let json: String
    }

    private static let target = "/api/v1/maintenance"
    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Declares maintenance from now on.
    ///
    /// - Parameters:
    ///   - seconds: How long.
    ///   - reason: Why.
    ///   - environment: Of which environment; nil for the whole region.
    /// - Returns: What is declared.
    /// - Throws: `ClientError`.
    package func start(seconds: Int64, reason: String, environment: String?) async throws(ClientError) -> [Window] {
        var json = JSONWriter()
        json.object { json in
            json.key("seconds")
            json.integer(seconds)
            json.key("reason")
            json.string(reason)
            guard let environment else { return }
            json.key("environment")
            json.string(environment)
        }
        return try await windows(
            RemoteRegistry.Call(
                method: .POST,
                target: Self.target,
                headers: [("Content-Type", "application/json")],
                body: ByteBuffer(bytes: json.bytes),
                accepted: [201],
                purpose: "declaring maintenance",
                attempts: 1
            ),
            .administration
        )
    }

    /// Ends what was declared.
    ///
    /// - Parameters:
    ///   - id: Which; nil for all of the environment, or of the region.
    ///   - environment: Of which environment; nil for the whole region.
    /// - Returns: What was ended.
    /// - Throws: `.notFound` where nothing is declared.
    package func end(id: String?, environment: String?) async throws(ClientError) -> [Window] {
        guard var address = try? WebAddress(parsing: "\(registry.origin)\(Self.target)") else {
            throw ClientError(.usage, "\(registry.origin) is no registry")
        }
        if let id { address = address.adding("id", id) }
        if let environment { address = address.adding("environment", environment) }
        return try await windows(
            RemoteRegistry.Call(method: .DELETE, target: address.target, purpose: "ending maintenance"),
            .administration
        )
    }

    /// What is declared now, or was in the last 35 days.
    ///
    /// - Throws: `ClientError`.
    package func list(all: Bool) async throws(ClientError) -> [Window] {
        try await windows(
            RemoteRegistry.Call(
                target: Self.target + (all ? "?all=true" : ""),
                purpose: "asking for maintenance"
            ),
            .records
        )
    }

    private func windows(_ call: RemoteRegistry.Call, _ scope: TokenScope) async throws(ClientError) -> [Window] {
        let (_, body) = try await registry.fetch(call, scope, limit: ClientLimits.documentBytes)
        guard let elements = (try? JSONValue(parsing: body))?["maintenance"]?.elements else {
            throw ClientError(.network, "\(registry.origin) answers with what says nothing of maintenance")
        }
        return elements.map { element in
            func text(_ key: String) -> String { ShownText.line(element[key]?.text ?? "") }
            let place = element["environment"].map { _ in " \(text("environment"))" } ?? ""
            let state = element["active"] == .bool(true) ? "" : " (over)"
            return Window(
                id: text("id"),
                line: "\(text("id")) \(text("region"))\(place) \(text("start")) to \(text("end"))\(state), "
                    + "by \(text("actor")): \(text("reason"))",
                json: JSONWriter.text(of: element)
            )
        }
    }
}
