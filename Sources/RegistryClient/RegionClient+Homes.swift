// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
internal import OCI

extension RegionClient {
    /// In which region immutable tags of a repository are created.
    package struct Home: Sendable, Hashable {
        package let repository: String
        /// nil where nobody has said.
        package let region: String?
        package let epoch: Int64
        package let isHere: Bool
        /// The same in one line of JSON.
        package let json: String
    }

    /// What became of handing homes over.
    package struct HomesReport: Sendable, Hashable {
        package let changed: Int64
        package let unchanged: Int64
        /// Repositories, each with the reason.
        package let refused: [String]
        /// The same in one line of JSON.
        package let json: String
    }

    /// The homes of repositories.
    ///
    /// - Parameter pattern: Which ones.
    /// - Returns: By name.
    /// - Throws: `ClientError`.
    package func homes(_ pattern: String) async throws(ClientError) -> [Home] {
        var found: [Home] = []
        while true {
            let last = WebAddress.encoded(found.last?.repository ?? "")
            let call = RemoteRegistry.Call(
                target: "/api/v1/homes?n=500&last=\(last)&repositories=\(WebAddress.encoded(pattern))",
                purpose: "asking for the homes of repositories"
            )
            let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
            guard let elements = (try? JSONValue(parsing: body))?["homes"]?.elements else {
                throw ClientError(.network, "\(registry.origin) answers with what is no list of homes")
            }
            found += elements.map(Home.init)
            guard elements.count == 500 else { return found }
        }
    }

    /// Hands the homes of repositories over.
    ///
    /// - Parameters:
    ///   - pattern: Which repositories.
    ///   - region: The region that gets them; nil for the registry that is asked.
    ///   - isTakeover: Whether they are taken from a region that does not give them.
    /// - Returns: What became of it.
    /// - Throws: `.notFound` where no region has that name.
    package func setHomes(
        _ pattern: String,
        to region: String?,
        isTakeover: Bool
    ) async throws(ClientError) -> HomesReport {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("repositories", pattern)
            if let region { writer.field("region", region) }
            writer.key("takeover")
            writer.bool(isTakeover)
        }
        let call = RemoteRegistry.Call(
            method: .PUT,
            target: "/api/v1/homes",
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: writer.bytes),
            purpose: "handing over the homes of \(pattern)"
        )
        let answer = try await registry.send(call, .administration)
        let body = try await answer.collect(limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body), let changed = document["changed"]?.number else {
            throw ClientError(.network, "\(registry.origin) does not say what became of it")
        }
        let refused = document["refused"]?.elements ?? []
        return HomesReport(
            changed: changed,
            unchanged: document["unchanged"]?.number ?? 0,
            refused: refused.map { element in
                ShownText.line("\(element["repository"]?.text ?? ""): \(element["reason"]?.text ?? "")")
            },
            json: JSONWriter.text(of: document)
        )
    }
}

extension RegionClient.Home {
    fileprivate init(_ element: JSONValue) {
        self.init(
            repository: ShownText.line(element["repository"]?.text ?? ""),
            region: element["region"]?.text.map { ShownText.line($0) },
            epoch: element["epoch"]?.number ?? 0,
            isHere: element["here"] == .bool(true),
            json: JSONWriter.text(of: element)
        )
    }
}
