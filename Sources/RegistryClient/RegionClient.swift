// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// Asks a registry how it follows other regions.
package struct RegionClient: Sendable {
    /// A region that is followed.
    package struct Region: Sendable, Hashable {
        package let name: String
        /// `starting`, `following`, `failing` or `frozen`.
        package let state: String
        package let reason: String?
        /// Entries of its log that are there, and that are still to come.
        package let entries: Int64
        package let behind: Int64
        /// When a checkpoint of it was last verified (RFC 3339).
        package let verifiedAt: String?
        /// The same in one line of JSON.
        package let json: String
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    package func regions() async throws(ClientError) -> [Region] {
        let call = RemoteRegistry.Call(target: "/api/v1/regions", purpose: "asking how other regions are followed")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        guard let elements = (try? JSONValue(parsing: body))?["regions"]?.elements else {
            throw ClientError(.network, "\(registry.origin) answers with what says nothing of regions")
        }
        return elements.map { element in
            Region(
                name: ShownText.line(element["region"]?.text ?? ""),
                state: ShownText.line(element["state"]?.text ?? ""),
                reason: element["reason"]?.text.map { ShownText.line($0) },
                entries: element["entries"]?.number ?? 0,
                behind: element["behind"]?.number ?? 0,
                verifiedAt: element["verified_at"]?.text.map { ShownText.line($0) },
                json: JSONWriter.text(of: element)
            )
        }
    }
}
