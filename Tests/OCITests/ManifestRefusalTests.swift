// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

@Suite struct ManifestRefusalTests {
    /// `D` stands for a descriptor.
    @Test(
        arguments: [
            (#"[]"#, .wrongType, ""), (#""a""#, .wrongType, ""), ("null", .wrongType, ""), ("2", .wrongType, ""),
            ("", .notJSON, ""), ("{", .notJSON, ""), ("{}x", .notJSON, ""), ("\u{FEFF}{}", .notJSON, ""),
            ("{}", .missingField, "schemaVersion"), (#"{"schemaVersion":2}"#, .missingField, ""),
            (#"{"schemaVersion":null,"layers":[]}"#, .missingField, "schemaVersion"),
            (#"{"layers":[D]}"#, .missingField, "schemaVersion"),
            (#"{"manifests":[]}"#, .missingField, "schemaVersion"),
            (#"{"schemaVersion":3,"layers":[]}"#, .badSchemaVersion, "schemaVersion"),
            (#"{"schemaVersion":0,"layers":[]}"#, .badSchemaVersion, "schemaVersion"),
            (#"{"schemaVersion":-2,"layers":[]}"#, .badSchemaVersion, "schemaVersion"),
            (#"{"schemaVersion":2.0,"layers":[]}"#, .badSchemaVersion, "schemaVersion"),
            (#"{"schemaVersion":2e0,"layers":[]}"#, .badSchemaVersion, "schemaVersion"),
            (#"{"schemaVersion":"2","layers":[]}"#, .wrongType, "schemaVersion"),
            (#"{"schemaVersion":[2],"layers":[]}"#, .wrongType, "schemaVersion"),
            (#"{"schemaVersion":true,"layers":[]}"#, .wrongType, "schemaVersion"),
            (#"{"schemaVersion":1,"fsLayers":[]}"#, .unsupportedMediaType, "schemaVersion"),
            (#"{"schemaVersion":1,"layers":[]}"#, .unsupportedMediaType, "schemaVersion"),
            (#"{"schemaVersion":2,"schemaVersion":2,"layers":[]}"#, .duplicateKey, ""),
            (#"{"schemaVersion":2,"layers":[],"layers":[D]}"#, .duplicateKey, ""),
            (#"{"schemaVersion":2,"layers":[],"l\u0061yers":[D]}"#, .duplicateKey, ""),
            (#"{"schemaVersion":2,"layers":[],"Layers":[D]}"#, .ambiguousKey, ""),
            (#"{"schemaVersion":2,"layers":[],"MANIFESTS":[D]}"#, .ambiguousKey, ""),
            (#"{"schemaVersion":2,"layers":[],"manife\u017Fts":[D]}"#, .ambiguousKey, ""),
            (#"{"schemaVersion":2,"layers":[],"MediaType":"a/b"}"#, .ambiguousKey, ""),
            (#"{"schemaversion":2,"layers":[]}"#, .ambiguousKey, ""),
            (#"{"schemaVersion":2,"Config":D}"#, .ambiguousKey, ""),
            (#"{"schemaVersion":2,"layers":[],"ſubject":D}"#, .ambiguousKey, ""),
            (#"{"schemaVersion":2,"layers":[],"manifests":[]}"#, .bothManifestsAndLayers, "layers"),
            (#"{"schemaVersion":2,"layers":[D],"manifests":[D]}"#, .bothManifestsAndLayers, "layers"),
            (#"{"schemaVersion":2,"config":D,"manifests":[D]}"#, .bothManifestsAndLayers, "config"),
            (#"{"schemaVersion":2,"config":D,"layers":[],"manifests":[]}"#, .bothManifestsAndLayers, "config"),
            (#"{"schemaVersion":2,"layers":[],"blobs":[]}"#, .bothManifestsAndLayers, "blobs"),
            (#"{"schemaVersion":2,"manifests":[],"blobs":[]}"#, .bothManifestsAndLayers, "blobs"),
            (#"{"schemaVersion":2,"manifests":[],"config":{}}"#, .bothManifestsAndLayers, "config"),
            (#"{"schemaVersion":2,"blobs":[D]}"#, .missingField, ""),
            (#"{"schemaVersion":2,"layers":{}}"#, .wrongType, "layers"),
            (#"{"schemaVersion":2,"layers":"a"}"#, .wrongType, "layers"),
            (#"{"schemaVersion":2,"layers":5}"#, .wrongType, "layers"),
            (#"{"schemaVersion":2,"manifests":D}"#, .wrongType, "manifests"),
            (#"{"schemaVersion":2,"manifests":[[]]}"#, .wrongType, "manifests[0]"),
            (#"{"schemaVersion":2,"manifests":[D,null]}"#, .wrongType, "manifests[1]"),
            (#"{"schemaVersion":2,"config":[]}"#, .wrongType, "config"),
            (#"{"schemaVersion":2,"config":"a"}"#, .wrongType, "config"),
            (#"{"schemaVersion":2,"layers":[],"subject":[D]}"#, .wrongType, "subject"),
            (#"{"schemaVersion":2,"layers":[],"subject":{}}"#, .missingField, "subject.mediaType"),
            (#"{"schemaVersion":2,"layers":[],"annotations":[]}"#, .wrongType, "annotations"),
            (#"{"schemaVersion":2,"layers":[],"annotations":{"a":1}}"#, .wrongType, #"annotations["a"]"#),
            (#"{"schemaVersion":2,"layers":[],"annotations":{"a\n":null}}"#, .wrongType, #"annotations["a\u{a}"]"#),
            (#"{"schemaVersion":2,"layers":[],"annotations":{"a":{"b":"c"}}}"#, .wrongType, #"annotations["a"]"#),
            (#"{"schemaVersion":2,"layers":[],"annotations":{"a":"b","a":"c"}}"#, .duplicateKey, ""),
            (#"{"schemaVersion":2,"layers":[],"artifactType":"x"}"#, .badArtifactType, "artifactType"),
            (#"{"schemaVersion":2,"layers":[],"artifactType":"a/b;c"}"#, .badArtifactType, "artifactType"),
            (#"{"schemaVersion":2,"layers":[],"artifactType":5}"#, .wrongType, "artifactType"),
            (#"{"schemaVersion":2,"layers":[],"mediaType":5}"#, .wrongType, "mediaType"),
            (#"{"schemaVersion":2,"layers":[],"mediaType":"json"}"#, .unsupportedMediaType, "mediaType"),
            (#"{"schemaVersion":2,"layers":[],"mediaType":"application/json"}"#, .unsupportedMediaType, "mediaType"),
            (#"{"schemaVersion":2,"layers":[],"mediaType":"\u0000"}"#, .unsupportedMediaType, "mediaType"),
            (#"{"schemaVersion":2,"layers":[],"x":"\ud800"}"#, .invalidUTF8, ""),
        ] as [(String, ManifestError.Code, String)]
    )
    func refuses(_ text: String, _ code: ManifestError.Code, _ path: String) {
        let error = manifestError(text.replacing("D", with: Sample.descriptor()).utf8)
        #expect(error?.code == code)
        #expect(error?.path == path)
    }

    /// Each text is a descriptor; the path is inside it.
    @Test(
        arguments: [
            (#"{}"#, .missingField, "mediaType"), (#"{"mediaType":"a/b","size":1}"#, .missingField, "digest"),
            (#"{"mediaType":"a/b","digest":"H"}"#, .missingField, "size"),
            (#"{"digest":"H","size":1}"#, .missingField, "mediaType"),
            (#"{"mediaType":null,"digest":"H","size":1}"#, .missingField, "mediaType"),
            (#"{"mediaType":"a/b","digest":"H","size":null}"#, .missingField, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":-1}"#, .badDescriptor, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":-0}"#, .badDescriptor, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":9007199254740993}"#, .badDescriptor, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":9223372036854775808}"#, .badDescriptor, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":99999999999999999999999999}"#, .badDescriptor, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":1.0}"#, .badDescriptor, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":1e2}"#, .badDescriptor, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":"1"}"#, .wrongType, "size"),
            (#"{"mediaType":"a/b","digest":"H","size":[1]}"#, .wrongType, "size"),
            (#"{"mediaType":"","digest":"H","size":1}"#, .badDescriptor, "mediaType"),
            (#"{"mediaType":"a","digest":"H","size":1}"#, .badDescriptor, "mediaType"),
            (#"{"mediaType":"a/b; c","digest":"H","size":1}"#, .badDescriptor, "mediaType"),
            (#"{"mediaType":"a/\u0000","digest":"H","size":1}"#, .badDescriptor, "mediaType"),
            (#"{"mediaType":{},"digest":"H","size":1}"#, .wrongType, "mediaType"),
            (#"{"mediaType":"a/b","digest":"","size":1}"#, .badDescriptor, "digest"),
            (#"{"mediaType":"a/b","digest":"sha256:abc","size":1}"#, .badDescriptor, "digest"),
            (#"{"mediaType":"a/b","digest":"md5:abc","size":1}"#, .badDescriptor, "digest"),
            (#"{"mediaType":"a/b","digest":"H ","size":1}"#, .badDescriptor, "digest"),
            (#"{"mediaType":"a/b","digest":"sha256:../../../../etc/passwd","size":1}"#, .badDescriptor, "digest"),
            (#"{"mediaType":"a/b","digest":1,"size":1}"#, .wrongType, "digest"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"urls":"http://x.test"}"#, .wrongType, "urls"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"urls":[1]}"#, .wrongType, "urls[0]"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"annotations":{"a":1}}"#, .wrongType, #"annotations["a"]"#),
            (#"{"mediaType":"a/b","digest":"H","size":1,"artifactType":"x"}"#, .badDescriptor, "artifactType"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"data":"aGVsbG8="}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"data":""}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"data":"AA"}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"data":"AA="}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"data":"AB=="}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":2,"data":"AAB="}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":0,"data":"===="}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":0,"data":"A==="}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":4,"data":"AA==AAAA"}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"data":"A=A="}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":3,"data":"AA\nAA"}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":3,"data":"--__"}"#, .badDescriptor, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"data":[0]}"#, .wrongType, "data"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"platform":"linux"}"#, .wrongType, "platform"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"platform":{}}"#, .missingField, "platform"),
            (#"{"mediaType":"a/b","digest":"H","size":1,"platform":{"os":"linux"}}"#, .missingField, "platform"),
            (
                #"{"mediaType":"a/b","digest":"H","size":1,"platform":{"os":1,"architecture":"a"}}"#, .wrongType,
                "platform.os"
            ),
            (
                #"{"mediaType":"a/b","digest":"H","size":1,"platform":{"os":"","architecture":"","os.features":"x"}}"#,
                .wrongType, "platform.os.features"
            ),
        ] as [(String, ManifestError.Code, String)]
    )
    func refusesDescriptors(_ text: String, _ code: ManifestError.Code, _ path: String) {
        let descriptor = text.replacing("\"H", with: "\"\(Sample.sha256)")
        for (document, place) in [
            (#"{"schemaVersion":2,"config":\#(descriptor)}"#, "config"),
            (#"{"schemaVersion":2,"layers":[\#(Sample.descriptor()),\#(descriptor)]}"#, "layers[1]"),
            (#"{"schemaVersion":2,"manifests":[\#(descriptor)]}"#, "manifests[0]"),
            (#"{"schemaVersion":2,"layers":[],"subject":\#(descriptor)}"#, "subject"),
        ] {
            let error = manifestError(document.utf8)
            #expect(error?.code == code)
            #expect(error?.path == "\(place).\(path)")
        }
    }

    @Test(arguments: [#""Digest":"x""#, #""SIZE":1"#, #""mediatype":"a/b""#, #""\#u{17F}ize":1"#, #""URLs":[]"#])
    func refusesDescriptorsWithAmbiguousKeys(_ member: String) {
        let document = #"{"schemaVersion":2,"layers":[\#(Sample.descriptor(more: "," + member))]}"#
        let error = manifestError(document.utf8)
        #expect(error?.code == .ambiguousKey)
        #expect(error?.path == "layers[0]")
    }

    @Test(arguments: [
        (Sample.imageType, Sample.indexType), (Sample.indexType, Sample.imageType),
        (Sample.imageType, Sample.dockerType),
        (Sample.dockerType, Sample.imageType), (Sample.listType, Sample.indexType), (Sample.indexType, Sample.listType),
        (Sample.artifactType, Sample.imageType), (Sample.imageType, Sample.artifactType),
        ("application/json", Sample.imageType), ("Application/vnd.oci.image.manifest.v1+json", Sample.imageType),
    ])
    func refusesAnotherTypeThanTheRequest(_ declared: String, _ requested: String) {
        let document = #"{"schemaVersion":2,"mediaType":"\#(declared)","config":\#(Sample.descriptor()),"layers":[]}"#
        let error = manifestError(document.utf8, requested)
        #expect(error?.code == .mediaTypeMismatch)
        #expect(error?.path == "mediaType")
    }

    @Test(arguments: [
        "application/json", "application/octet-stream", "text/html", "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.oci.image.manifest.v2+json", "application/vnd.oci.descriptor.v1+json",
    ])
    func refusesOtherTypes(_ type: String) throws {
        let members = #""config":\#(Sample.descriptor()),"layers":[]"#
        #expect(manifestError(#"{"schemaVersion":2,\#(members)}"#.utf8, type)?.code == .unsupportedMediaType)
        let declared = manifestError(#"{"schemaVersion":2,"mediaType":"\#(type)",\#(members)}"#.utf8)
        #expect(declared?.code == .unsupportedMediaType)
        #expect(declared?.path == "mediaType")
        if type.contains("manifest.v1+") { #expect(try #require(declared).reason.contains("schema 1")) }
    }

    /// A document is of its declared type, never of the one its members would suggest.
    @Test(arguments: [
        (Sample.imageType, #""manifests":[]"#, ManifestError.Code.bothManifestsAndLayers),
        (Sample.dockerType, #""manifests":[]"#, .bothManifestsAndLayers),
        (Sample.indexType, #""layers":[]"#, .bothManifestsAndLayers),
        (Sample.listType, #""config":D"#, .bothManifestsAndLayers),
        (Sample.artifactType, #""layers":[]"#, .bothManifestsAndLayers),
        (Sample.artifactType, #""manifests":[]"#, .bothManifestsAndLayers),
        (Sample.artifactType, #""config":D"#, .bothManifestsAndLayers),
        (Sample.imageType, #""x":1"#, .missingField), (Sample.indexType, #""x":1"#, .missingField),
        (Sample.listType, #""x":1"#, .missingField), (Sample.dockerType, #""config":D"#, .missingField),
        (Sample.dockerType, #""layers":[D]"#, .missingField),
        (Sample.artifactType, #""schemaVersion":2,"schemaVersion":2"#, .duplicateKey),
    ])
    func refusesMembersThatTheTypeLacks(_ type: String, _ members: String, _ code: ManifestError.Code) {
        let expanded = members.replacing("D", with: Sample.descriptor())
        #expect(manifestError(#"{"schemaVersion":2,"y":0,\#(expanded)}"#.utf8, type)?.code == code)
        #expect(manifestError(#"{"schemaVersion":2,"mediaType":"\#(type)",\#(expanded)}"#.utf8)?.code == code)
    }

    @Test func artifactManifestsHaveVersion2OrNone() {
        #expect(manifestError(#"{"schemaVersion":3}"#.utf8, Sample.artifactType)?.code == .badSchemaVersion)
        #expect(manifestError(#"{"schemaVersion":1}"#.utf8, Sample.artifactType)?.code == .unsupportedMediaType)
    }

    @Test func refusesBombs() {
        let deep = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(manifestError(Sample.image(#","x":\#(deep)"#).utf8)?.code == .tooDeep)
        #expect(manifestError(Sample.image(#","x":\#(deep.dropFirst().dropLast())"#).utf8) == nil)
        let wide = [String](repeating: "0", count: OCILimits.jsonNodesLimit).joined(separator: ",")
        #expect(manifestError(Sample.image(#","x":[\#(wide)]"#).utf8)?.code == .tooManyNodes)
        #expect(manifestError([UInt8](repeating: 0x20, count: OCILimits.manifestBytesLimit + 1))?.code == .tooLarge)
        #expect(manifestError([UInt8](repeating: 0x5B, count: OCILimits.manifestBytesLimit))?.code == .tooDeep)
        #expect(manifestError([0x22, 0xC0, 0x80, 0x22])?.code == .invalidUTF8)
    }

    /// Nothing of the document gets into an error unescaped or at length.
    @Test func errorsAreSafeToPrint() throws {
        let hostile = String(repeating: #"\u001b[31m\n\"é"#, count: 1_000)
        for document in [
            #"{"schemaVersion":2,"mediaType":"\#(hostile)","layers":[]}"#,
            #"{"schemaVersion":2,"layers":[{"mediaType":"a/b","digest":"\#(hostile)","size":1}]}"#,
            #"{"schemaVersion":2,"layers":[],"annotations":{"\#(hostile)":1}}"#,
            #"{"\#(hostile)":1,"\#(hostile)":2}"#,
        ] {
            let error = try #require(manifestError(document.utf8))
            #expect(error.description.utf8.count < 1_000)
            #expect(error.description.utf8.allSatisfy { 0x20..<0x7F ~= $0 })
        }
    }
}
