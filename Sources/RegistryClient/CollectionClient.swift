// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
internal import OCI

/// Asks a registry what it collects, and to collect now.
package struct CollectionClient: Sendable {
    /// What a registry says of its collection, as far as clients use it.
    package struct Status: Sendable {
        /// Turns that have ended.
        package let turns: Int64
        package let isRunning: Bool
        package let isEnabled: Bool
        /// The whole answer.
        let document: JSONValue

        /// The whole answer as a JSON object.
        package var json: String { JSONWriter.text(of: document) }

        /// A line for each thing worth saying.
        package var lines: [String] {
            let number = { (path: [String]) -> Int64 in document.integer(at: path) }
            var lines = [
                "\(number(["stored_blobs"])) blobs of \(number(["stored_bytes"])) bytes are stored",
                "\(number(["backlog", "queued_links"])) links queued, \(number(["backlog", "due_links"])) due; "
                    + "\(number(["backlog", "trashed_manifests"])) manifests in the trash, "
                    + "\(number(["backlog", "due_manifests"])) due; "
                    + "\(number(["backlog", "condemned_blobs"])) blobs to be deleted; "
                    + "the oldest has waited \(number(["backlog", "oldest_seconds"])) s",
                "since the start: \(number(["total", "purged_manifests"])) manifests, "
                    + "\(number(["total", "removed_links"])) links and "
                    + "\(number(["total", "removed_blobs"])) blobs of \(number(["total", "freed_bytes"])) bytes went, "
                    + "\(number(["total", "failures"])) could not",
            ]
            if let failure = document["last_turn"]?["failure"]?.text {
                lines.append("the last turn was broken off: \(ShownText.line(failure))")
            }
            if let ended = document["audit"]?["ended"]?.text {
                lines.append(
                    "audited \(ShownText.line(ended)): \(number(["audit", "findings"])) breaches in "
                        + "\(number(["audit", "links"])) links and \(number(["audit", "manifests"])) manifests"
                )
            }
            if !isEnabled { lines.append("collection is switched off") }
            return lines
        }
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Asks for a turn to begin now.
    ///
    /// - Returns: The number of a turn that begins after this.
    package func requestTurn() async throws(ClientError) -> Int64 {
        let call = RemoteRegistry.Call(
            method: .POST,
            target: Self.target,
            accepted: [202],
            purpose: "beginning a turn of collection"
        )
        let (_, body) = try await registry.fetch(call, .administration, limit: ClientLimits.documentBytes)
        guard let turn = (try? JSONValue(parsing: body))?["turn"]?.number else { throw strange() }
        return turn
    }

    package func status() async throws(ClientError) -> Status {
        let call = RemoteRegistry.Call(target: Self.target, purpose: "asking what is collected")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body), let turns = document["turns"]?.number else {
            throw strange()
        }
        return Status(
            turns: turns,
            isRunning: document["running"] == .bool(true),
            isEnabled: document["enabled"] == .bool(true),
            document: document
        )
    }

    /// What uses the disk of a registry, by what keeps it there.
    package struct Storage: Sendable {
        package let figures: [(name: String, blobs: Int64, bytes: Int64)]
        package let bytes: Int64
        /// The whole answer as a JSON object.
        package let json: String
    }

    package func storage() async throws(ClientError) -> Storage {
        let call = RemoteRegistry.Call(target: "/api/v1/usage/storage", purpose: "asking what uses the disk")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body), let bytes = document["bytes"]?.number,
            let members = document.members
        else { throw strange() }
        var figures: [(name: String, blobs: Int64, bytes: Int64)] = []
        for member in members {
            guard let blobs = member.value["blobs"]?.number, let bytes = member.value["bytes"]?.number else { continue }
            figures.append((ShownText.line(member.key), blobs, bytes))
        }
        return Storage(figures: figures, bytes: bytes, json: JSONWriter.text(of: document))
    }

    private func strange() -> ClientError {
        ClientError(.network, "\(registry.origin) answers with what says nothing of a collection")
    }

    private static let target = "/api/v1/collection"
}

extension JSONValue {
    fileprivate func integer(at path: [String]) -> Int64 {
        var value: JSONValue? = self
        for key in path { value = value?[key] }
        return value?.number ?? 0
    }
}
