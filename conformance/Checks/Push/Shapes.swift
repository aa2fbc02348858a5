// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The shapes of image manifests and indexes.
enum Shapes {
    /// An image manifest, changed in one way.
    private static func image(
        _ name: String,
        _ what: String,
        reference: String = "end-7a; image-spec",
        level: Level = .must,
        edition: Edition = .released,
        change: @escaping @Sendable (JSONText, Session, Digest.Algorithm) async throws -> JSONText
    ) -> Shape {
        Shape(name, what, reference: reference, level: level, edition: edition) { session, algorithm in
            let json = try await change(try await session.imageJSON(algorithm), session, algorithm)
            return try Document(json, MediaTypes.image, algorithm)
        }
    }

    /// Layers of new content, each of a media type.
    private static func layers(
        _ session: Session,
        _ algorithm: Digest.Algorithm,
        _ types: [String],
        _ more: [(String, JSONText)] = []
    ) async throws -> JSONText {
        var layers: [JSONText] = []
        for type in types {
            layers.append(try await session.storedBlob(48, algorithm).descriptor(type, more))
        }
        return .array(layers)
    }

    static let images = [
        image("image", "An image with one layer") { json, _, _ in json },
        image("image-no-layers", "An image with no layers") { json, _, _ in json.with("layers", []) },
        image("image-many-layers", "An image with sixty layers") { json, session, algorithm in
            let types = Array(repeating: MediaTypes.gzipLayer, count: 60)
            return json.with("layers", try await layers(session, algorithm, types))
        },
        image("image-same-layer-twice", "An image in which a layer stands twice", reference: "builders", level: .client)
        {
            json,
            session,
            algorithm in
            let layer = try await session.storedBlob(48, algorithm).descriptor(MediaTypes.layer)
            return json.with("layers", [layer, layer])
        },
        image("image-zstd-layer", "An image with a zstd layer", reference: "buildkit, podman", level: .client) {
            json,
            session,
            algorithm in
            json.with("layers", try await layers(session, algorithm, [MediaTypes.zstdLayer]))
        },
        image("image-unknown-layer-type", "An image with a layer of a media type that is not registered") {
            json,
            session,
            algorithm in
            json.with("layers", try await layers(session, algorithm, ["application/vnd.example.layer.v9+thing"]))
        },
        image("image-absent-foreign-layer", "An image with a non-distributable layer that was not pushed") {
            json,
            session,
            algorithm in
            let ghost = try Blob(session.random(16), algorithm)
            let urls: [(String, JSONText)] = [("urls", ["https://example.com/layer"])]
            return json.with("layers", [ghost.descriptor(MediaTypes.foreignLayer, urls)])
        },
        image("image-unknown-fields", "An image with fields that no specification knows") { json, _, _ in
            json.with("x-example", ["deep": [1, .boolean(true), .null, "text"]])
        },
        image("image-layer-fields", "A layer's descriptor with urls, annotations, data and artifactType") {
            json,
            session,
            algorithm in
            let blob = try await session.store(try Blob(Array("data".utf8), algorithm))
            let more: [(String, JSONText)] = [
                ("urls", ["https://example.com/"]), ("data", "ZGF0YQ=="), ("artifactType", "application/x-thing"),
                ("annotations", .object([("org.example.key", "value")])),
            ]
            return json.with("layers", [blob.descriptor(MediaTypes.layer, more)])
        },
        image("image-annotations-unicode", "An image with annotations beyond ASCII, escaped and not") { json, _, _ in
            let values: [(String, JSONText)] = [
                ("org.example.greeting", "Grüße, 世界 🗿"),
                ("org.example.escaped", .verbatim("\"\\u4e16\\/\\ud83d\\uddff\"")),
            ]
            return json.with("annotations", .object(values))
        },
        image("image-no-media-type", "An image without the mediaType field", reference: "image-spec: SHOULD be used") {
            json,
            _,
            _ in json.without("mediaType")
        },
        image("image-no-config", "An image without a config", reference: "image-spec, 2026-02", edition: .development) {
            json,
            _,
            _ in json.without("config").with("artifactType", "application/vnd.example.thing")
        },
        Shape("image-odd-spacing", "An image with line breaks, tabs and a line break at the end") {
            session,
            algorithm in
            let text = try await session.imageJSON(algorithm).text
            let spaced = text.replacing("\":", with: "\" \t:\r\n ").replacing(",", with: " ,\n\n")
            return try Document(Array("\n  \(spaced)  \n".utf8), MediaTypes.image, algorithm)
        },
        Shape("image-config-is-layer", "An image whose config is its only layer as well") { session, algorithm in
            let blob = try await session.store(try session.configBlob(algorithm))
            let json = Session.image(
                config: blob.descriptor(MediaTypes.config),
                [blob.descriptor(MediaTypes.layer)]
            )
            return try Document(json, MediaTypes.image, algorithm)
        },
    ]

    /// An index, over children that are stored.
    private static func index(
        _ name: String,
        _ what: String,
        level: Level = .must,
        make: @escaping @Sendable (Session, Digest.Algorithm) async throws -> JSONText
    ) -> Shape {
        Shape(name, what, level: level) { session, algorithm in
            try Document(try await make(session, algorithm), MediaTypes.index, algorithm)
        }
    }

    private static func platform(_ architecture: String, _ more: [(String, JSONText)] = []) -> [(String, JSONText)] {
        [("platform", .object([("architecture", .string(architecture)), ("os", "linux")] + more))]
    }

    static let indexes = [
        index("index", "An index of two platforms") { session, algorithm in
            Session.index([
                try await session.storedImage(algorithm).descriptor(platform("amd64")),
                try await session.storedImage(algorithm).descriptor(platform("arm64", [("variant", "v8")])),
            ])
        },
        index("index-empty", "An index of nothing") { _, _ in Session.index([]) },
        index("index-of-index", "An index of an index") { session, algorithm in
            let inner = try Document(
                Session.index([try await session.storedImage(algorithm).descriptor()]),
                MediaTypes.index,
                algorithm
            )
            return Session.index([try await session.store(inner).descriptor()])
        },
        index("index-artifact-type", "An index with artifactType and annotations") { session, algorithm in
            Session.index([try await session.storedImage(algorithm).descriptor()])
                .with("artifactType", "application/vnd.example.bundle")
                .with("annotations", .object([("org.example.key", "value")]))
        },
        index("index-windows-platform", "An index with os.version and os.features") { session, algorithm in
            let more: [(String, JSONText)] = [("os.version", "10.0.20348.2113"), ("os.features", ["win32k"])]
            return Session.index([try await session.storedImage(algorithm).descriptor(platform("amd64", more))])
        },
        index("index-attestation", "An index with an attestation of platform unknown/unknown", level: .client) {
            session,
            algorithm in
            let image = try await session.storedImage(algorithm)
            let attestation = try await session.storedImage(algorithm)
            let about: [(String, JSONText)] = [
                (
                    "annotations",
                    .object([
                        ("vnd.docker.reference.digest", .string(image.digest.description)),
                        ("vnd.docker.reference.type", "attestation-manifest"),
                    ])
                )
            ]
            let nowhere: [(String, JSONText)] = [("platform", ["architecture": "unknown", "os": "unknown"])]
            return Session.index([image.descriptor(platform("amd64")), attestation.descriptor(about + nowhere)])
        },
        index("index-unknown-fields", "An index with fields that no specification knows") { session, algorithm in
            Session.index([try await session.storedImage(algorithm).descriptor([("x-child", 1)])]).with(
                "x-example",
                [1]
            )
        },
        index("index-same-child-twice", "An index in which a child stands twice, for two platforms") {
            session,
            algorithm in
            let image = try await session.storedImage(algorithm)
            return Session.index([image.descriptor(platform("amd64")), image.descriptor(platform("386"))])
        },
    ]
}
