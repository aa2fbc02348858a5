// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Testing

/// Changed samples with fixed seeds: no crash, no hang, and whatever is accepted keeps its promises. Together the tests
/// take `FuzzRun.inputs` inputs.
@Suite struct RulesFuzzTests {
    private static let scopes = [
        "repository:team/app:pull,push", "registry:catalog:*", "repository(plugin):host.example:5000/a/b:delete",
        "repository:a:pull repository:b:push", "",
    ]
    private static let scopePieces = Array(":,/()*. -_aZ5\0".utf8) + [0xC3, 0xA9, 0xFF]

    private static let networks = [
        "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::ffff:10.0.0.0/104", "::/0", "1:2:3:4:5:6:7:8/127", "::1",
    ]
    private static let networkPieces = Array("0123456789abcfF.:/%x ".utf8) + [0xD9, 0xA1]

    private static let globs = ["team/**", "*/app", "v?.*", "**/a*b/**", "literal", "?*?"]
    private static let globPieces = Array("**?/ab[\\".utf8) + [0xC3, 0xA9, 0]

    private static let rules = """
        groups: {dev: ["user:a", 'robot:b']}
        immutable: [{repositories: ["a/*"], tags: [v*]}]
        quotas: [{repositories: a/, bytes: 1GiB}]
        limits: {requests-per-second: 5, request-burst: 6}
        certificates: [{san: "*.x", name: y}]
        issuers: [{name: i, issuer: https://h, audience: z, workloads: [{name: w, claims: {s: "*"}}]}]
        rules:
          - &r {name: n, deny: [push, "*"], who: [anonymous, "group:d*"], tags: ["v?"], message: "no: \\u00e9"}
          - allow: [pull]
            networks: [10.0.0.0/8, "::1"]
        """
    private static let yamlPieces = Array("\n \t:-[]{},\"'*&!|>#%@`?~<.0a".utf8) + [0xC3, 0xA9, 0xFF, 0]

    /// Gives a body the share of all inputs that is asked for, each changed from one of the samples.
    private static func run(
        share: Int,
        seed: UInt64,
        _ samples: [String],
        pieces: [UInt8],
        _ body: (String, inout SeededGenerator) -> Void
    ) {
        var random = SeededGenerator(seed: seed)
        let sources = samples.map { Array($0.utf8) }
        for _ in 0..<FuzzRun.inputs / 100 * share {
            var bytes = random.pick(sources)
            random.mutate(&bytes, pieces: pieces)
            body(String(decoding: bytes, as: UTF8.self), &random)
        }
    }

    @Test(.timeLimit(.minutes(10))) func scopesSurvive() {
        var accepted = 0
        Self.run(share: 34, seed: 41, Self.scopes, pieces: Self.scopePieces) { text, _ in
            guard let items = try? Scope.parse(text) else { return }
            accepted += 1
            // Writing every one would take longer than all the rest.
            guard accepted % 16 == 0 else { return }
            let written = items.map(\.description).joined(separator: " ")
            if (try? Scope.parse(written)) != items { Issue.record("'\(text)' became '\(written)'") }
        }
        #expect(accepted > 1)
    }

    @Test(.timeLimit(.minutes(10))) func networksSurvive() {
        var accepted = 0
        Self.run(share: 34, seed: 42, Self.networks, pieces: Self.networkPieces) { text, _ in
            guard let network = try? Network(parsing: text) else { return }
            accepted += 1
            guard accepted % 16 == 0 else { return }
            guard let base = IPAddress(text.prefix { $0 != "/" }), network.contains(base),
                IPAddress(base.description) == base
            else {
                Issue.record("'\(text)' does not hold its own first address")
                return
            }
        }
        #expect(accepted > 1)
    }

    @Test(.timeLimit(.minutes(10))) func patternsSurvive() {
        var accepted = 0
        Self.run(share: 30, seed: 43, Self.globs, pieces: Self.globPieces) { text, random in
            guard let glob = try? Glob(parsing: text) else { return }
            accepted += 1
            guard accepted % 16 == 0 else { return }
            // What a pattern stands for when each wildcard stands for one letter.
            let example = String(text.map { $0 == "*" || $0 == "?" ? "x" : $0 })
            if !glob.matches(example) { Issue.record("'\(text)' does not match '\(example)'") }
            _ = glob.matches(random.pick(Self.globs))
        }
        #expect(accepted > 1)
    }

    @Test(.timeLimit(.minutes(10))) func configurationsSurvive() {
        var random = SeededGenerator(seed: 44)
        let source = Array(Self.rules.utf8)
        #expect(AccessYAML.accepts(source))
        var accepted = 0
        for _ in 0..<FuzzRun.inputs / 50 {
            var bytes = source
            random.mutate(&bytes, pieces: Self.yamlPieces)
            accepted += AccessYAML.accepts(bytes) ? 1 : 0
        }
        #expect(accepted > 1)
    }
}
