// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

@Suite struct ManifestTests {
    private func manifest(_ text: String, _ contentType: String? = nil) throws -> Manifest {
        try Manifest(parsing: Array(text.utf8), contentType: try contentType.map { try MediaType(parsing: $0) })
    }

    @Test func readsAnImage() throws {
        let layer = Sample.descriptor("application/vnd.oci.image.layer.v1.tar+gzip", digest: Sample.sha512)
        let text = """
            {
              "schemaVersion": 2, "mediaType": "\(Sample.imageType)",
              "config": \(Sample.descriptor("application/vnd.oci.image.config.v1+json")),
              "layers": [\(layer), \(Sample.descriptor(more: #","urls":["https://x.test/a","b"]"#))],
              "subject": \(Sample.descriptor(Sample.imageType)),
              "annotations": {"org.opencontainers.image.created": "2026-01-01T00:00:00Z", "é": ""}
            }

            """
        let image = try manifest(text, Sample.imageType)
        #expect(image.bytes == Array(text.utf8))
        #expect(image.kind == .image)
        #expect(image.mediaType == .imageManifest)
        #expect(image.configType == .imageConfig)
        #expect(image.artifactType == .imageConfig)
        #expect(image.layers.map(\.digest.description) == [Sample.sha512, Sample.sha256])
        #expect(image.layers[0].mediaType == .imageLayerGzip)
        #expect(image.layers[0].size == 5)
        #expect(image.layers[1].urls == ["https://x.test/a", "b"])
        #expect(image.subject?.mediaType == .imageManifest)
        #expect(image.annotations == ["org.opencontainers.image.created": "2026-01-01T00:00:00Z", "é": ""])
        #expect(image.manifests.isEmpty)
        #expect(image.descriptors.count == 4)
    }

    @Test func readsAnIndex() throws {
        let platform = #"""
            ,"platform":{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1","os.features":["a"],"x":[]}
            """#
        let entry = Sample.descriptor(
            Sample.imageType,
            more: platform + #","artifactType":"a/b","annotations":{"k":"v"}"#
        )
        let text = #"{"schemaVersion":2,"manifests":[\#(entry)],"artifactType":"application/x.list"}"#
        let index = try manifest(text, Sample.indexType)
        #expect(index.kind == .index)
        #expect(index.mediaType == .imageIndex)
        #expect(index.artifactType?.description == "application/x.list")
        #expect(index.config == nil && index.configType == nil && index.layers.isEmpty)
        let expected = Descriptor(
            mediaType: .imageManifest,
            digest: try Digest(parsing: Sample.sha256),
            size: 5,
            annotations: ["k": "v"],
            artifactType: try MediaType(parsing: "a/b"),
            platform: Platform(architecture: "arm64", os: "linux", osVersion: "1", osFeatures: ["a"], variant: "v8")
        )
        #expect(index.manifests == [expected])
    }

    @Test(arguments: [
        (Sample.imageType, Manifest.Kind.image), (Sample.dockerType, .image), (Sample.indexType, .index),
        (Sample.listType, .index),
    ])
    func takesTheTypeFromTheRequestOrTheDocument(_ type: String, _ kind: Manifest.Kind) throws {
        let members =
            kind == .image
            ? #""config":\#(Sample.descriptor()),"layers":[]"#
            : #""manifests":[\#(Sample.descriptor(Sample.imageType))]"#
        let untyped = #"{"schemaVersion":2,\#(members)}"#
        let typed = #"{"schemaVersion":2,"mediaType":"\#(type)",\#(members)}"#
        let emptyType = #"{"schemaVersion":2,"mediaType":"",\#(members)}"#
        for (text, contentType) in [(untyped, type), (typed, nil), (typed, type), (emptyType, type)] {
            let value = try manifest(text, contentType)
            #expect(value.mediaType.description == type)
            #expect(value.kind == kind)
        }
        #expect(try manifest(untyped).mediaType == (kind == .image ? .imageManifest : .imageIndex))
    }

    @Test(arguments: [
        (#"{"schemaVersion":2,"config":D,"layers":[]}"#, Manifest.Kind.image),
        (#"{"schemaVersion":2,"config":D,"layers":null}"#, .image), (#"{"schemaVersion":2,"config":D}"#, .image),
        (#"{"schemaVersion":2,"layers":[D]}"#, .image), (#"{"schemaVersion":2,"layers":[]}"#, .image),
        (#"{"schemaVersion":2,"layers":null}"#, .image), (#"{"schemaVersion":2,"config":null,"layers":[D]}"#, .image),
        (#"{"schemaVersion":2,"config":D,"layers":[],"manifests":null}"#, .image),
        (#"{"schemaVersion":2,"manifests":[]}"#, .index), (#"{"schemaVersion":2,"manifests":null}"#, .index),
        (#"{"schemaVersion":2,"manifests":[],"layers":null,"config":null}"#, .index),
    ])
    func infersTheKindFromTheShape(_ text: String, _ kind: Manifest.Kind) throws {
        let value = try manifest(text.replacing("D", with: Sample.descriptor()))
        #expect(value.kind == kind)
        #expect(value.mediaType == (kind == .image ? .imageManifest : .imageIndex))
    }

    @Test func readsArtifactManifests() throws {
        let text = #"""
            {"mediaType":"\#(Sample.artifactType)","artifactType":"application/x.sbom",
            "blobs":[\#(Sample.descriptor())],"subject":\#(Sample.descriptor(Sample.imageType))}
            """#
        let artifact = try manifest(text)
        #expect(artifact.kind == .image)
        #expect(artifact.mediaType == .artifactManifest)
        #expect(artifact.artifactType?.description == "application/x.sbom")
        #expect(artifact.layers.count == 1)
        #expect(artifact.config == nil)
        #expect(artifact.subject != nil)
        #expect(try manifest("{}", Sample.artifactType).layers.isEmpty)
        #expect(try manifest(#"{"schemaVersion":2,"blobs":null}"#, Sample.artifactType).layers.isEmpty)
    }

    @Test func artifactTypeIsAsReferrersShowIt() throws {
        #expect(try manifest(Sample.image()).artifactType?.description == "application/x.test")
        #expect(try manifest(Sample.image(#","artifactType":"a/b""#)).artifactType?.description == "a/b")
        #expect(try manifest(Sample.image(#","artifactType":"""#)).artifactType?.description == "application/x.test")
        #expect(try manifest(#"{"schemaVersion":2,"layers":[]}"#).artifactType == nil)
        #expect(try manifest(Sample.index()).artifactType == nil)
        #expect(try manifest(Sample.index(#","artifactType":"a/b""#)).artifactType?.description == "a/b")
        #expect(try manifest(Sample.index(#","artifactType":"A/B""#)).artifactType?.description == "A/B")
    }

    @Test(arguments: [
        #","unknown":1"#, #","org.example":{"a":[1,2.5,{"b":null}]}"#, #","":[]"#, #","layersX":[]"#, #","layer":[]"#,
        #","fsLayers":[]"#, #","configuration":{}"#, #","annotations":null"#, #","subject":null"#,
        #","artifactType":null"#,
        #","é":"🐳""#, #","annotations":{}"#,
    ])
    func keepsUnknownFieldsInTheBytes(_ more: String) throws {
        let text = Sample.image(more)
        #expect(try manifest(text, Sample.imageType).bytes == Array(text.utf8))
        _ = try manifest(Sample.index(more.replacing("layersX", with: "manifestsX")), Sample.indexType)
    }

    @Test(arguments: [
        ("aGVsbG8=", 5), ("", 0), ("e30=", 2), ("AAAA", 3), ("AA==", 1), ("//79", 3), ("+/+/", 3),
    ])
    func readsEmbeddedData(_ data: String, _ size: Int) throws {
        let layer = #"{"mediaType":"a/b","digest":"\#(Sample.sha256)","size":\#(size),"data":"\#(data)"}"#
        let image = try manifest(#"{"schemaVersion":2,"layers":[\#(layer)]}"#)
        #expect(image.layers[0].data?.count == size)
        if size == 5 { #expect(image.layers[0].data == Array("hello".utf8)) }
        if data == "//79" { #expect(image.layers[0].data == [0xFF, 0xFE, 0xFD]) }
    }

    @Test(arguments: [0, 1, 1 << 32, (1 << 53) - 1, 1 << 53] as [Int64])
    func readsSizes(_ size: Int64) throws {
        let layer = #"{"mediaType":"a/b","digest":"\#(Sample.sha256)","size":\#(size)}"#
        #expect(try manifest(#"{"schemaVersion":2,"layers":[\#(layer)]}"#).layers[0].size == size)
    }

    @Test func knowsLayersThatMayBeAbsent() throws {
        let type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        let layers = "[\(Sample.descriptor(type)),\(Sample.descriptor())]"
        let image = try manifest(
            #"{"schemaVersion":2,"config":\#(Sample.descriptor()),"layers":\#(layers)}"#,
            Sample.dockerType
        )
        #expect(image.layers.map(\.isNonDistributable) == [true, false])
    }

    /// A document at the bound of its size, as the conformance suite pushes one.
    @Test func takesLargeDocuments() throws {
        let padding = String(repeating: "x", count: OCILimits.manifestBytesLimit - Sample.image(#","p":"""#).utf8.count)
        let text = Sample.image(#","p":"\#(padding)""#)
        #expect(text.utf8.count == OCILimits.manifestBytesLimit)
        #expect(try manifest(text).bytes.count == OCILimits.manifestBytesLimit)
        #expect(manifestError((text + " ").utf8)?.code == .tooLarge)
    }

    @Test func takesManyDescriptors() throws {
        func image(layers: Int) -> String {
            let list = [String](repeating: Sample.descriptor(), count: layers).joined(separator: ",")
            return #"{"schemaVersion":2,"config":\#(Sample.descriptor()),"layers":[\#(list)]}"#
        }
        let limit = OCILimits.manifestDescriptorsLimit
        #expect(try manifest(image(layers: limit - 1)).descriptors.count == limit)
        let error = manifestError(image(layers: limit).utf8)
        #expect(error?.code == .tooManyDescriptors)
        #expect(error?.path == "layers")
    }
}
