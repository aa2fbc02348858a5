// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The tag of a repository, not that of a test.
typealias Tag = OCI.Tag

/// A generator with a fixed seed (SplitMix64), so that a failing run can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A text of characters that the grammars know, and now and then of others.
    mutating func text(of alphabet: [Character], lengths: ClosedRange<Int>) -> String {
        let count = Int.random(in: lengths, using: &self)
        return String((0..<count).map { _ in alphabet.randomElement(using: &self) ?? "a" })
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

enum Sample {
    static let hex256 = String(repeating: "0123456789abcdef", count: 4)
    static let hex512 = String(repeating: "0123456789abcdef", count: 8)
    static let sha256 = "sha256:" + hex256
    static let sha512 = "sha512:" + hex512
    static let imageType = "application/vnd.oci.image.manifest.v1+json"
    static let indexType = "application/vnd.oci.image.index.v1+json"
    static let dockerType = "application/vnd.docker.distribution.manifest.v2+json"
    static let listType = "application/vnd.docker.distribution.manifest.list.v2+json"
    static let artifactType = "application/vnd.oci.artifact.manifest.v1+json"

    /// A descriptor with further members, each as `, "name": value`.
    static func descriptor(_ mediaType: String = "application/x.test", digest: String = sha256, more: String = "")
        -> String
    {
        #"{"mediaType":"\#(mediaType)","digest":"\#(digest)","size":5\#(more)}"#
    }

    static func image(_ more: String = "") -> String {
        let members = #""config":\#(descriptor()),"layers":[\#(descriptor())]"#
        return #"{"schemaVersion":2,"mediaType":"\#(imageType)",\#(members)\#(more)}"#
    }

    static func index(_ more: String = "") -> String {
        #"{"schemaVersion":2,"mediaType":"\#(indexType)","manifests":[\#(descriptor(imageType))]\#(more)}"#
    }
}

/// What a parser throws; nil when it throws nothing.
func code<Value>(_ body: () throws(ParsingError) -> Value) -> ParsingError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return error.code
    }
}

func jsonCode(_ bytes: some Sequence<UInt8>) -> JSONError.Code? {
    do {
        _ = try JSONValue(parsing: Array(bytes))
        return nil
    } catch {
        return error.code
    }
}

func manifestError(_ bytes: some Sequence<UInt8>, _ contentType: String? = nil) -> ManifestError? {
    do {
        _ = try Manifest(parsing: Array(bytes), contentType: contentType.flatMap { MediaType($0) })
        return nil
    } catch {
        return error
    }
}
