// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Testing

@Suite struct MediaTypeTests {
    @Test(
        arguments: [
            "application/json", "application/vnd.oci.image.manifest.v1+json", "a/b", "0/1", "text/plain", "x/y+z",
            "application/VND.Example.SBOM", "a!#$&-^_.+/b!#$&-^_.+", "application/vnd.dev.cosign.simplesigning.v1+json",
            String(repeating: "a", count: 127) + "/" + String(repeating: "b", count: 127),
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/spdx+json",
        ] as [String]
    )
    func accepts(_ text: String) throws {
        let type = try MediaType(parsing: text)
        #expect(type.description == text)
        #expect(try MediaType(parsing: type.description) == type)
        #expect(try JSONDecoder().decode([MediaType].self, from: JSONEncoder().encode([type])) == [type])
    }

    @Test(
        arguments: [
            "", "/", "a", "a/", "/b", "a//b", "a/b/c", "a /b", "a/ b", " a/b", "a/b ", "a/b;", "a/b; q=1",
            "text/plain;charset=utf-8", "a/b\n", "a/b\r\nX: y", "a/b\0", "*/*", "a/*", "a/b,c/d", "é/b", "a/é", ".a/b",
            "+a/b", "a/.b", "a/-b", "a/b\"", "a/(b)", "a/b=c", "a/b%", "a/b\\", "a@b/c", "a/b:c", "a/{b}", "a/b\u{301}",
            String(repeating: "a", count: 128) + "/b", "a/" + String(repeating: "b", count: 128),
        ] as [String]
    )
    func refuses(_ text: String) {
        #expect(code { () throws(ParsingError) in try MediaType(parsing: text) } == .invalidMediaType)
    }

    @Test(arguments: [
        ("application/json", "application/json"), ("application/json; charset=utf-8", "application/json"),
        ("application/json;charset=utf-8", "application/json"), (" \tapplication/json\t ; a=b", "application/json"),
        ("Application/JSON", "application/json"), ("a/b;;;", "a/b"), ("a/b; q=\"x;y\"", "a/b"),
    ])
    func readsContentTypes(_ header: String, _ expected: String) throws {
        #expect(try MediaType(contentType: header).description == expected)
    }

    @Test(arguments: ["", " ", ";", "; charset=utf-8", "json", "a/b c/d", "a/b, c/d", "a b/c;", "\u{A0}a/b"])
    func refusesContentTypes(_ header: String) {
        #expect(code { () throws(ParsingError) in try MediaType(contentType: header) } == .invalidMediaType)
    }

    @Test(arguments: [
        (MediaType.imageManifest, Sample.imageType), (.imageIndex, Sample.indexType),
        (.dockerManifest, Sample.dockerType), (.dockerManifestList, Sample.listType),
        (.artifactManifest, Sample.artifactType), (.emptyJSON, "application/vnd.oci.empty.v1+json"),
        (.octetStream, "application/octet-stream"), (.json, "application/json"),
        (.imageConfig, "application/vnd.oci.image.config.v1+json"),
        (.dockerConfig, "application/vnd.docker.container.image.v1+json"),
        (.imageLayer, "application/vnd.oci.image.layer.v1.tar"),
        (.imageLayerGzip, "application/vnd.oci.image.layer.v1.tar+gzip"),
        (.imageLayerZstd, "application/vnd.oci.image.layer.v1.tar+zstd"),
        (.dockerLayerGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        (.dockerSchema1, "application/vnd.docker.distribution.manifest.v1+json"),
        (.dockerSchema1Signed, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    ])
    func knownTypesAreValid(_ type: MediaType, _ text: String) throws {
        #expect(try MediaType(parsing: text) == type)
    }

    @Test func knowsWhatMayBeAbsent() throws {
        for text in [
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        ] { #expect(try MediaType(parsing: text).isNonDistributable) }
        #expect(!MediaType.imageLayerGzip.isNonDistributable)
        #expect(!MediaType.dockerLayerGzip.isNonDistributable)
    }

    @Test func knowsManifests() {
        let manifests: [MediaType] = [
            .imageManifest, .imageIndex, .dockerManifest, .dockerManifestList, .artifactManifest,
        ]
        let others: [MediaType] = [.dockerSchema1, .dockerSchema1Signed, .json, .octetStream, .emptyJSON]
        for type in manifests { #expect(type.isManifest) }
        for type in others { #expect(!type.isManifest) }
    }
}

@Suite struct ParsingErrorTests {
    @Test(arguments: [
        ("plain text", "plain text"), ("a\nb", #"a\u{a}b"#), ("\u{1B}[31m", #"\u{1b}[31m"#), ("\"", #"\""#),
        ("\\", #"\\"#), ("é", #"\u{e9}"#), ("\u{202E}", #"\u{202e}"#), ("\0", #"\u{0}"#), ("\u{7F}", #"\u{7f}"#),
        ("", ""),
    ])
    func quotesValuesSafely(_ value: String, _ expected: String) {
        #expect(ParsingError(code: .invalidTag, reason: "test", value: value).value == expected)
    }

    @Test func cutsLongValues() {
        for value in [String(repeating: "a", count: 257), String(repeating: "\u{1F433}", count: 100_000)] {
            let quoted = ParsingError.quotable(value)
            #expect(quoted.utf8.count <= OCILimits.quotedValueBytesLimit)
            #expect(quoted.hasSuffix("..."))
        }
        let whole = String(repeating: "a", count: 256)
        #expect(ParsingError.quotable(whole) == whole)
    }

    @Test func saysWhatWasWrong() {
        do {
            _ = try Tag(parsing: "a b\n")
            Issue.record("a tag with a blank was accepted")
        } catch {
            #expect(error.description == #"invalidTag: \#(error.reason): "a b\u{a}""#)
        }
    }
}

@Suite struct ErrorCodeTests {
    @Test func hasEveryCodeOfTheSpecification() {
        let specified = [
            "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
            "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED",
            "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS", "RANGE_INVALID", "TAG_INVALID", "UNKNOWN",
        ]
        #expect(ErrorCode.allCases.map(\.rawValue) == specified)
    }
}
