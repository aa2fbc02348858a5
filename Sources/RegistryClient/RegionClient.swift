// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
internal import OCI

/// Asks a registry how it follows other regions, and says what it is to do about them.
package struct RegionClient: Sendable {
    /// A region that is followed.
    package struct Region: Sendable, Hashable {
        package let name: String
        /// `starting`, `following`, `failing`, `paused`, `retired` or `frozen`.
        package let state: String
        package let reason: String?
        /// Entries of its log that are there, and that are still to come.
        package let entries: Int64
        package let behind: Int64
        /// Those that are there and do not count yet, and how old the oldest change of them is.
        package let waiting: Int64
        package let secondsBehind: Int64
        /// Bytes of blobs that its entries speak of and that are still to be fetched.
        package let bytesBehind: Int64
        /// What the oldest one is, and why it waits.
        package let oldest: String?
        /// Entries of the registry's own log that the region has said it has.
        package let confirmed: Int64
        /// When a checkpoint of it was last verified (RFC 3339).
        package let verifiedAt: String?
        /// The same in one line of JSON.
        package let json: String
    }

    /// All regions, and what they have in common.
    package struct Overview: Sendable, Hashable {
        package let regions: [Region]
        /// Blobs that other regions alone have, and their bytes.
        package let remoteBlobs: Int64
        package let remoteBytes: Int64
        package let conflictsOpen: Int64
    }

    /// A tag that regions have set to different images.
    package struct Conflict: Sendable, Hashable {
        package let id: Int64
        /// For people.
        package let line: String
        package let json: String
    }

    let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    package func overview() async throws(ClientError) -> Overview {
        let call = RemoteRegistry.Call(target: "/api/v1/regions", purpose: "asking how other regions are followed")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        let document = try? JSONValue(parsing: body)
        guard let document, let elements = document["regions"]?.elements else {
            throw ClientError(.network, "\(registry.origin) answers with what says nothing of regions")
        }
        return Overview(
            regions: elements.map(Region.init),
            remoteBlobs: document["remote_blobs"]?.number ?? 0,
            remoteBytes: document["remote_bytes"]?.number ?? 0,
            conflictsOpen: document["conflicts_open"]?.number ?? 0
        )
    }

    /// Says what is done about a region: `following`, `paused` or `retired`.
    ///
    /// - Throws: `.notFound` where the registry knows none of that name.
    package func set(_ name: String, _ state: String, reason: String) async throws(ClientError) {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("state", state)
            writer.field("reason", reason)
        }
        try await post("/api/v1/regions/\(WebAddress.encoded(name))", writer, "setting the region \(name) to \(state)")
    }

    /// Open conflicts, or all of them, by id.
    package func conflicts(all: Bool) async throws(ClientError) -> [Conflict] {
        var found: [Conflict] = []
        while true {
            let after = found.last?.id ?? 0
            let call = RemoteRegistry.Call(
                target: "/api/v1/conflicts?n=100&after=\(after)\(all ? "&all=true" : "")",
                purpose: "listing the conflicts of regions"
            )
            let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
            guard let elements = (try? JSONValue(parsing: body))?["conflicts"]?.elements else {
                throw ClientError(.network, "\(registry.origin) answers with what is no list of conflicts")
            }
            let page = elements.map(Conflict.init).filter { $0.id > after }
            found += page
            guard page.count == 100 else { return found }
        }
    }

    /// Ends a conflict in all regions: with what the tag has, or with the image that lost.
    ///
    /// - Throws: `.notFound`, `.refused` for one that has ended, or whose image is gone.
    package func resolve(_ id: Int64, takeLoser: Bool) async throws(ClientError) {
        var writer = JSONWriter()
        writer.object { $0.field("decision", takeLoser ? "take-loser" : "keep") }
        try await post("/api/v1/conflicts/\(id)", writer, "resolving the conflict \(id)")
    }

    private func post(_ target: String, _ body: JSONWriter, _ purpose: String) async throws(ClientError) {
        let call = RemoteRegistry.Call(
            method: .POST,
            target: target,
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: body.bytes),
            accepted: [204],
            purpose: purpose
        )
        _ = try await registry.send(call, .administration)
    }
}

extension RegionClient.Region {
    fileprivate init(_ element: JSONValue) {
        self.init(
            name: ShownText.line(element["region"]?.text ?? ""),
            state: ShownText.line(element["state"]?.text ?? ""),
            reason: element["reason"]?.text.map { ShownText.line($0) },
            entries: element["entries"]?.number ?? 0,
            behind: element["behind"]?.number ?? 0,
            waiting: element["waiting"]?.number ?? 0,
            secondsBehind: element["seconds_behind"]?.number ?? 0,
            bytesBehind: element["bytes_behind"]?.number ?? 0,
            oldest: element["oldest"]?.text.map { ShownText.line($0) },
            confirmed: element["confirmed"]?.number ?? 0,
            verifiedAt: element["verified_at"]?.text.map { ShownText.line($0) },
            json: JSONWriter.text(of: element)
        )
    }
}

extension RegionClient.Conflict {
    fileprivate init(_ element: JSONValue) {
        func side(_ key: String) -> String {
            let side = element[key]
            let digest = side?["digest"]?.text ?? "deleted"
            return ShownText.line("\(digest) by \(side?["region"]?.text ?? "?") at \(side?["time"]?.text ?? "?")")
        }
        let name = ShownText.line("\(element["repository"]?.text ?? ""):\(element["tag"]?.text ?? "")")
        let end = element["resolved"]?.text.map { ", resolved \(ShownText.line($0))" } ?? ""
        self.init(
            id: element["id"]?.number ?? 0,
            line: "\(element["id"]?.number ?? 0) \(name): \(side("winner")) counts, \(side("loser")) lost\(end)",
            json: JSONWriter.text(of: element)
        )
    }
}
