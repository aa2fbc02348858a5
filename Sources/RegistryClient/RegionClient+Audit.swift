// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
internal import OCI

extension RegionClient {
    /// What a comparison of two regions has found.
    package struct Audit: Sendable, Hashable {
        /// `equal`, `differs` or `undecided`.
        package let outcome: String
        /// For people, one a line; the first of them where there are many.
        package let findings: [String]
        package let line: String
        /// The same in one line of JSON.
        package let json: String
    }

    /// Has a registry compare itself with a region, and waits for what comes of it.
    ///
    /// - Throws: `.notFound` where it follows none of that name; `.network` where the comparison has failed.
    package func audit(_ name: String) async throws(ClientError) -> Audit {
        let target = "/api/v1/regions/\(WebAddress.encoded(name))/audit"
        var call = RemoteRegistry.Call(
            method: .POST,
            target: target,
            accepted: [202],
            purpose: "comparing with the region \(name)"
        )
        _ = try await registry.send(call, .administration)
        (call.method, call.accepted) = (.GET, [200])
        while true {
            let body = try await registry.fetch(call, .administration, limit: ClientLimits.documentBytes).body
            guard let document = try? JSONValue(parsing: body) else {
                throw ClientError(.network, "\(registry.origin) answers with what is no comparison")
            }
            if document["running"] == .bool(false) { return try Audit(document, name) }
            do { try await registry.transport.options.pause(500) } catch { throw ClientError.cancelled }
        }
    }
}

extension RegionClient.Audit {
    fileprivate init(_ document: JSONValue, _ name: String) throws(ClientError) {
        if let reason = document["reason"]?.text {
            throw ClientError(.network, "\(name) could not be compared: \(ShownText.line(reason))")
        }
        let outcome = ShownText.line(document["outcome"]?.text ?? "")
        let (count, revisited) = (document["differences"]?.number ?? 0, document["revisited"]?.number ?? 0)
        let line =
            switch outcome {
            case "equal": "\(name) has the same"
            case "undecided": "\(name) cannot be compared: one of the two has not heard all that the other has"
            default: "\(count) rows differ from \(name); \(revisited) entries are applied once more"
            }
        self.init(
            outcome: outcome,
            findings: document["findings"]?.elements?.compactMap { $0.text.map { ShownText.line($0) } } ?? [],
            line: line,
            json: JSONWriter.text(of: document)
        )
    }
}
