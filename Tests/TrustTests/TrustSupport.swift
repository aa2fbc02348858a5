// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Trust

/// The tag of a repository, not that of a test.
typealias Tag = OCI.Tag

/// What a parser of this module throws; nil where it throws nothing.
func refused<Value>(_ body: () throws(TrustError) -> Value) -> TrustError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

/// SplitMix64: the same seed, the same run.
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
}

enum Sample {
    /// 2026-01-31T12:00:00Z
    static let now: Int64 = 1_769_860_800
    static let day: Int64 = 86_400
    static let image = digest("0123456789abcdef")
    static let other = digest("fedcba9876543210")
    static let index = digest("1111222233334444")
    static let repository = RepositoryName("team/app")

    static func digest(_ piece: String) -> Digest {
        guard let digest = Digest("sha256:" + String(repeating: piece, count: 4)) else { preconditionFailure(piece) }
        return digest
    }

    /// Keys with the names `one`, `two`, `three`: the seeds are 0 to 31, and so on from 1 and 2.
    static let names = ["one", "two", "three"]

    static func key(_ name: String) throws -> SigningKey {
        let first = UInt8(names.firstIndex(of: name) ?? 100)
        return try SigningKey(seed: (0..<32).map { first + $0 })
    }

    static func trustKey(_ name: String) throws -> TrustKey {
        try TrustKey(name: name, key: key(name).verificationKey)
    }

    static func trustKeys() throws -> [TrustKey] { try names.map { try trustKey($0) } }

    /// The policy with these lines under `require`, for the repositories `team/*`, and all three keys.
    static func policy(_ requirements: String, enforce: String = "pull") throws -> TrustPolicy {
        try policy(
            rules: """
                - repositories: ["team/*"]
                  enforce: \(enforce)
                  require:
                \(requirements.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
                """
        )
    }

    static func policy(rules: String) throws -> TrustPolicy {
        let text = "keys: {one: one.pem, two: /keys/two.pem, three: three.pem}\nrules:\n\(rules)\n"
        return try TrustPolicy(parsing: text, directory: "/keys") { path in
            let name = path.dropFirst("/keys/".count).dropLast(".pem".count)
            return Array(try key(String(name)).verificationKey.pem.utf8)
        }
    }

    // MARK: Evidence

    static func signature(by name: String, of image: Digest = image, on subject: Digest = image) throws -> Evidence {
        let bundle = try SigstoreBundle.signature(of: image, with: key(name))
        return Evidence(.bundle(bundle.bytes), manifest: try Digest.of(bundle.bytes), subject: subject)
    }

    static func attestation(
        by name: String,
        _ type: PredicateType,
        _ predicate: String,
        of image: Digest = image,
        on subject: Digest = image
    ) throws -> Evidence {
        let bundle = try SigstoreBundle.attestation(
            of: image,
            type: type,
            predicate: Array(predicate.utf8),
            with: key(name)
        )
        return Evidence(.bundle(bundle.bytes), manifest: try Digest.of(bundle.bytes), subject: subject)
    }

    static func report(_ text: String, _ type: MediaType, isOwn: Bool, on subject: Digest = image) throws -> Evidence {
        Evidence(
            .report(Array(text.utf8), type),
            manifest: try Digest.of(Array(text.utf8)),
            subject: subject,
            isOwn: isOwn
        )
    }
}

extension TrustPolicy {
    /// The outcomes of all rules, for an image that was pushed a day before.
    func outcomes(
        _ evidence: [Evidence],
        image: Digest = Sample.image,
        isIndex: Bool = false,
        parents: [Digest] = [],
        tag: Tag? = nil,
        now: Int64 = Sample.now
    ) throws -> [RequirementOutcome] {
        let image = TrustImage(
            digest: image,
            isIndex: isIndex,
            parents: parents,
            tag: tag,
            pushedAt: Sample.now - Sample.day
        )
        let repository = try #require(Sample.repository)
        return evaluate(repository: repository, image: image, evidence: evidence, now: now).rules.flatMap(\.outcomes)
    }

    /// The outcome of the only requirement.
    func outcome(
        _ evidence: [Evidence],
        image: Digest = Sample.image,
        isIndex: Bool = false,
        parents: [Digest] = [],
        tag: Tag? = nil,
        now: Int64 = Sample.now
    ) throws -> RequirementOutcome {
        let all = try outcomes(evidence, image: image, isIndex: isIndex, parents: parents, tag: tag, now: now)
        try #require(all.count == 1)
        return all[0]
    }
}
