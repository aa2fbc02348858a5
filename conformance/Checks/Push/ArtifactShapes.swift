// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The shapes of Docker's manifests and of artifacts.
extension Shapes {
    /// A Docker manifest with one layer, whose blobs are stored.
    static func dockerJSON(_ session: Session, _ algorithm: Digest.Algorithm) async throws -> JSONText {
        let config = try await session.store(try session.configBlob(algorithm))
        let layer = try await session.storedBlob(64, algorithm)
        return [
            "schemaVersion": 2, "mediaType": .string(MediaTypes.dockerManifest),
            "config": config.descriptor(MediaTypes.dockerConfig), "layers": [layer.descriptor(MediaTypes.dockerLayer)],
        ]
    }

    static let docker = [
        Shape("docker-manifest", "A Docker schema 2 manifest", reference: "docker, skopeo", level: .client) {
            session,
            algorithm in
            try Document(try await dockerJSON(session, algorithm), MediaTypes.dockerManifest, algorithm)
        },
        Shape(
            "docker-foreign-layer",
            "A Docker manifest with a foreign layer that was not pushed",
            reference: "docker",
            level: .client
        ) { session, algorithm in
            let ghost = try Blob(session.random(16), algorithm)
            let urls: [(String, JSONText)] = [("urls", ["https://example.com/layer"])]
            let json = try await dockerJSON(session, algorithm)
                .with("layers", [ghost.descriptor(MediaTypes.dockerForeignLayer, urls)])
            return try Document(json, MediaTypes.dockerManifest, algorithm)
        },
        Shape("docker-list", "A Docker manifest list", reference: "docker, skopeo", level: .client) {
            session,
            algorithm in
            let child = try Document(
                try await dockerJSON(session, algorithm),
                MediaTypes.dockerManifest,
                algorithm
            )
            try await session.store(child)
            let platform: [(String, JSONText)] = [("platform", ["architecture": "amd64", "os": "linux"])]
            let json: JSONText = [
                "schemaVersion": 2, "mediaType": .string(MediaTypes.dockerList),
                "manifests": [child.descriptor(platform)],
            ]
            return try Document(json, MediaTypes.dockerList, algorithm)
        },
        Shape("index-of-docker", "An index of a Docker manifest", reference: "buildah", level: .client) {
            session,
            algorithm in
            let child = try Document(
                try await dockerJSON(session, algorithm),
                MediaTypes.dockerManifest,
                algorithm
            )
            try await session.store(child)
            return try Document(Session.index([child.descriptor()]), MediaTypes.index, algorithm)
        },
    ]

    /// An artifact: a configuration of a media type and content, layers of media types.
    private static func artifact(
        _ name: String,
        _ what: String,
        reference: String,
        config: String,
        configText: String,
        layers types: [String],
        artifactType: String? = nil
    ) -> Shape {
        Shape(name, what, reference: reference, level: .client) { session, algorithm in
            let config = try await session.store(try Blob(Array(configText.utf8), algorithm)).descriptor(config)
            var layers: [JSONText] = []
            for type in types {
                layers.append(try await session.storedBlob(40, algorithm).descriptor(type))
            }
            let json = Session.image(config: config, layers)
            guard let artifactType else {
                return try Document(json, MediaTypes.image, algorithm)
            }
            return try Document(json.with("artifactType", .string(artifactType)), MediaTypes.image, algorithm)
        }
    }

    static let artifacts = [
        artifact(
            "artifact",
            "An artifact with artifactType and the empty config",
            reference: "image-spec; oras",
            config: MediaTypes.empty,
            configText: "{}",
            layers: ["text/plain"],
            artifactType: "application/vnd.example.thing"
        ),
        artifact(
            "artifact-by-config",
            "An artifact told by the type of its config",
            reference: "oras before 1.1",
            config: "application/vnd.example.config.v1+json",
            configText: "{}",
            layers: ["text/plain"]
        ),
        artifact(
            "artifact-helm",
            "A Helm chart",
            reference: "helm",
            config: MediaTypes.helmConfig,
            configText: "{\"name\":\"chart\",\"version\":\"1.0.0\"}",
            layers: [MediaTypes.helmChart]
        ),
        artifact(
            "artifact-cosign",
            "A cosign signature of the tagged kind",
            reference: "cosign",
            config: MediaTypes.config,
            configText: "{\"architecture\":\"\",\"os\":\"\"}",
            layers: [MediaTypes.cosignSimpleSigning]
        ),
        artifact(
            "artifact-wasm",
            "A WebAssembly module",
            reference: "wasm-to-oci",
            config: "application/vnd.wasm.config.v0+json",
            configText: "{\"os\":\"wasip1\"}",
            layers: ["application/wasm"]
        ),
        Shape("artifact-subject", "An artifact with a subject that is there") { session, algorithm in
            let subject = try await session.storedImage(algorithm)
            let json = try await session.artifactJSON("application/vnd.example.sbom", subject: subject.descriptor())
            return try Document(json, MediaTypes.image, algorithm)
        },
        Shape("artifact-subject-missing", "An artifact with a subject that is not there") { session, algorithm in
            let subject = try Document(session.random(32), MediaTypes.image, algorithm)
            let json = try await session.artifactJSON("application/vnd.example.sbom", subject: subject.descriptor())
            return try Document(json, MediaTypes.image, algorithm)
        },
        Shape("index-subject", "An index with a subject") { session, algorithm in
            let subject = try await session.storedImage(algorithm)
            let json = Session.index([]).with("artifactType", "application/vnd.example.set")
                .with("subject", subject.descriptor()).with(
                    "annotations",
                    .object([("nonce", .string(session.word()))])
                )
            return try Document(json, MediaTypes.index, algorithm)
        },
    ]
}
