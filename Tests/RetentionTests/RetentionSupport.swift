// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention
import Testing
import Yams

/// A generator that gives the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// True once in so many times.
    mutating func once(in times: Int) -> Bool { below(times) == 0 }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

let day: Int64 = 86_400

/// When runs of the tests are made.
let now: Int64 = 1_800_000_000

/// The digest of a manifest that a test calls by a number.
func digest(_ number: Int, _ algorithm: Digest.Algorithm = .sha256) -> Digest {
    var bytes = [UInt8](repeating: 0, count: algorithm.byteCount)
    (bytes[0], bytes[1]) = (UInt8(number / 256), UInt8(number % 256))
    return Digest(algorithm: algorithm, bytes: bytes) ?? fatal()
}

func tag(_ text: String) -> OCI.Tag { OCI.Tag(text) ?? fatal() }

func type(_ text: String) -> MediaType { MediaType(text) ?? fatal() }

private func fatal<Value>() -> Value { preconditionFailure("a test names what cannot be") }

/// A repository as tests write it: manifests by number, tags with the age of their setting in seconds.
struct Repository {
    var manifests: [ManifestFacts] = []
    var tags: [TagFacts] = []

    /// An image of that age in seconds, with tags that were set at that time.
    mutating func image(
        _ number: Int,
        _ tags: String...,
        age: Int64 = 0,
        pulled: Int64? = nil,
        of subject: Int? = nil,
        listing children: [Int]? = nil,
        kind: MediaType? = nil,
        config: MediaType? = nil,
        annotations: [String: String] = [:]
    ) {
        manifests.append(
            ManifestFacts(
                digest: digest(number),
                mediaType: children == nil ? .imageManifest : .imageIndex,
                artifactType: kind,
                configType: config,
                subject: subject.map { digest($0) },
                children: (children ?? []).map { digest($0) },
                pushedAt: now - age,
                lastPull: pulled.map { now - $0 },
                annotations: annotations
            )
        )
        for text in tags { self.tags.append(TagFacts(tag: tag(text), digest: digest(number), setAt: now - age)) }
    }

    var snapshot: RepositorySnapshot {
        RepositorySnapshot(name: RepositoryName("team/app") ?? fatal(), manifests: manifests, tags: tags)
    }
}

/// The rules of a policy in YAML, as in a configuration.
func rules(_ yaml: String, together: Bool = false) throws -> [RetentionRule] {
    let indented = yaml.split(separator: "\n", omittingEmptySubsequences: false).map { "      " + $0 }
    let text = """
        policies:
          - name: p
            repositories: ["**"]
            together: \(together)
            rules:
        \(indented.joined(separator: "\n"))
        """
    return try settings(text).policies[0].rules
}

func settings(_ yaml: String) throws -> RetentionSettings {
    try RetentionSettings(try #require(try Yams.compose(yaml: yaml)))
}

/// What a test calls the subject of a decision: a tag by its name, a manifest by `#` and its number.
func name(_ subject: RetentionDecision.Subject) -> String {
    switch subject {
    case .tag(let tag, _): tag.description
    case .manifest(let digest): name(digest)
    }
}

func name(_ digest: Digest) -> String {
    let bytes = digest.bytes
    return "#\(Int(bytes[0]) * 256 + Int(bytes[1]))" + (digest.algorithm == .sha512 ? "'" : "")
}

extension RetentionDecision {
    /// `v1 goes by p/old`, `#1 stays`
    var short: String {
        name(subject) + (verdict == .keep ? " stays" : " goes") + (rule.map { " by \($0)" } ?? "")
    }
}

extension [RetentionDecision] {
    subscript(_ wanted: String) -> RetentionDecision? { first { name($0.subject) == wanted } }

    /// What goes, in order.
    var gone: [String] { filter { $0.verdict == .delete }.map { name($0.subject) } }
}
