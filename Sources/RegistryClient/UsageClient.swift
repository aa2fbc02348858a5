// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Asks what takes up the space of a registry.
package struct UsageClient: Sendable {
    /// What a repository takes up, in bytes.
    package struct Repository: Sendable, Hashable {
        package let name: String
        package let tags: Int64
        package let manifests: Int64
        package let bytes: Int64
        package let unique: Int64
        package let trash: Int64
        package let unreferenced: Int64
        package let uploads: Int64
        package let json: String
    }

    /// A blob of an image.
    package struct Blob: Sendable, Hashable {
        package let digest: String
        package let role: String
        package let platform: String?
        package let size: Int64
        package let sharedBy: Int64
        package let sharedWith: [String]
        package let isNew: Bool?
    }

    package struct Image: Sendable, Hashable {
        package let digest: String
        package let bytes: Int64
        package let unique: Int64
        package let former: (digest: String, bytes: Int64)?
        package let blobs: [Blob]
        package let json: String

        package static func == (left: Image, right: Image) -> Bool { left.json == right.json }

        package func hash(into hasher: inout Hasher) { hasher.combine(json) }
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Hands every repository that the caller may see to `body`, by name.
    package func repositories(_ body: (Repository) -> Void) async throws(ClientError) {
        var next: String? = "/api/v1/usage"
        while let target = next {
            let call = RemoteRegistry.Call(target: target, purpose: "asking what takes up the space")
            let (answer, bytes) = try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes)
            let document = try? JSONValue(parsing: bytes, nodesLimit: Self.nodes)
            guard let elements = document?["repositories"]?.elements else { throw misunderstood }
            for element in elements {
                guard let repository = Repository(element) else { throw misunderstood }
                body(repository)
            }
            let following = try answer.nextPage()
            guard following != target else { throw misunderstood }
            next = following
        }
    }

    package func repository(_ name: RepositoryName) async throws(ClientError) -> Repository {
        let call = RemoteRegistry.Call(
            target: "/api/v1/usage?repository=\(WebAddress.encoded(name.description))",
            purpose: "asking what \(name) takes up"
        )
        let (_, body) = try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body), let repository = Repository(document) else {
            throw misunderstood
        }
        return repository
    }

    package func image(_ reference: Reference, in name: RepositoryName) async throws(ClientError) -> Image {
        let call = RemoteRegistry.Call(
            target: "/api/v1/usage?repository=\(WebAddress.encoded(name.description))"
                + "&reference=\(WebAddress.encoded(reference.description))",
            purpose: "asking what \(name) \(reference) takes up"
        )
        let (_, body) = try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body, nodesLimit: Self.nodes), let image = Image(document) else {
            throw misunderstood
        }
        return image
    }

    /// Values of one answer.
    private static let nodes = 200_000

    private var misunderstood: ClientError {
        ClientError(.network, "\(registry.origin) answers with what is not about usage")
    }
}

extension UsageClient.Repository {
    fileprivate init?(_ value: JSONValue) {
        guard let name = value["repository"]?.text, let bytes = value["bytes"]?.number else { return nil }
        self.init(
            name: ShownText.line(name),
            tags: value["tags"]?.number ?? 0,
            manifests: value["manifests"]?.number ?? 0,
            bytes: bytes,
            unique: value["unique_bytes"]?.number ?? 0,
            trash: value["trash_bytes"]?.number ?? 0,
            unreferenced: value["unreferenced_bytes"]?.number ?? 0,
            uploads: value["upload_bytes"]?.number ?? 0,
            json: JSONWriter.text(of: value)
        )
    }
}

extension UsageClient.Image {
    fileprivate init?(_ value: JSONValue) {
        guard let digest = value["digest"]?.text, let bytes = value["bytes"]?.number,
            let elements = value["blobs"]?.elements
        else { return nil }
        var former: (digest: String, bytes: Int64)?
        if let digest = value["former"]?["digest"]?.text, let bytes = value["former"]?["bytes"]?.number {
            former = (ShownText.line(digest), bytes)
        }
        self.init(
            digest: ShownText.line(digest),
            bytes: bytes,
            unique: value["unique_bytes"]?.number ?? 0,
            former: former,
            blobs: elements.map { element in
                var isNew: Bool?
                if case .bool(let flag)? = element["new"] { isNew = flag }
                return UsageClient.Blob(
                    digest: ShownText.line(element["digest"]?.text ?? ""),
                    role: ShownText.line(element["role"]?.text ?? ""),
                    platform: element["platform"]?.text.map { ShownText.line($0) },
                    size: element["size"]?.number ?? 0,
                    sharedBy: element["shared_by"]?.number ?? 0,
                    sharedWith: (element["shared_with"]?.elements ?? []).compactMap(\.text).map { ShownText.line($0) },
                    isNew: isNew
                )
            },
            json: JSONWriter.text(of: value)
        )
    }
}
