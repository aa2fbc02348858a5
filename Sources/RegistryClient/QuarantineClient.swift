// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI

/// Keeps digests of a registry from being pulled, lets them go, and lists them.
package struct QuarantineClient: Sendable {
    /// A digest that is kept back.
    package struct Record: Hashable, Sendable {
        package let digest: Digest
        package let reason: String
        package let actor: String
        /// A time, as the registry writes it.
        package let since: String

        /// A line for people.
        package var line: String {
            "\(digest)  since \(ShownText.line(since)) by \(ShownText.line(actor)): \(ShownText.line(reason))"
        }
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Keeps a digest back. It holds once this returns.
    ///
    /// - Returns: The id of the event.
    /// - Throws: `.usage` for an empty reason.
    package func set(_ digest: Digest, reason: String) async throws(ClientError) -> String {
        guard !reason.isEmpty else { throw ClientError(.usage, "a quarantine has a reason") }
        var writer = JSONWriter()
        writer.object { $0.field("reason", reason) }
        let call = RemoteRegistry.Call(
            method: .PUT,
            target: Self.target(digest),
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: writer.bytes),
            accepted: [204],
            purpose: "putting \(digest) in quarantine"
        )
        return try await event(call)
    }

    /// Lets a digest go.
    ///
    /// - Returns: The id of the event.
    /// - Throws: `.notFound` where it is not in quarantine.
    package func lift(_ digest: Digest, reason: String) async throws(ClientError) -> String {
        let call = RemoteRegistry.Call(
            method: .DELETE,
            target: "\(Self.target(digest))?reason=\(WebAddress.encoded(reason))",
            accepted: [204],
            purpose: "ending the quarantine of \(digest)"
        )
        return try await event(call)
    }

    private func event(_ call: RemoteRegistry.Call) async throws(ClientError) -> String {
        let answer = try await registry.send(call, .administration)
        return ShownText.line(answer["Cairn-Event"] ?? "")
    }

    private static func target(_ digest: Digest) -> String { "/api/v1/quarantine/\(digest)" }

    /// All that is kept back.
    ///
    /// - Throws: `.network` for what is no such list.
    package func list() async throws(ClientError) -> [Record] {
        let call = RemoteRegistry.Call(target: "/api/v1/quarantine", purpose: "listing the quarantine")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        guard let elements = (try? JSONValue(parsing: body))?["quarantine"]?.elements else {
            throw ClientError(.network, "\(registry.origin) answers with what is no list of a quarantine")
        }
        var records: [Record] = []
        for element in elements {
            guard let digest = element["digest"]?.text.flatMap({ Digest($0) }), let reason = element["reason"]?.text,
                let actor = element["actor"]?.text, let since = element["since"]?.text
            else { throw ClientError(.network, "\(registry.origin) lists in its quarantine what is none of it") }
            records.append(Record(digest: digest, reason: reason, actor: actor, since: since))
        }
        return records
    }

    /// A list as a JSON object.
    package static func json(_ records: [Record]) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("quarantine")
            writer.array { writer in
                for record in records {
                    writer.object { writer in
                        writer.field("digest", record.digest.description)
                        writer.field("reason", record.reason)
                        writer.field("actor", record.actor)
                        writer.field("since", record.since)
                    }
                }
            }
        }
        return writer.text
    }
}
