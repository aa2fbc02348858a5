// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention
import Testing

/// One line of the tables: a repository, rules, and what must become of it.
///
/// A repository is written one image a line: its number, its tags, and `age=`, `pull=` (seconds ago), `of=` (its
/// subject), `list=` (what it lists), `kind=`, `config=`, `note=` (an annotation). `a@5` is a tag that was set 5
/// seconds ago, `3.sig` one that is attached to image 3, `3.` the tag of its referrers.
///
/// What is expected: `a -` stays as no rule selects it, `a +k` stays by rule k, `a xd` goes by rule d, `a: REASON`
/// stays and `a xd: REASON` goes for that reason. A manifest is `#` and its number. What is not mentioned stays.
struct RetentionCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let rules: String
    let repository: String
    let together: Bool
    let protections: [Protection]
    let expected: [String]
    let time: Int64

    init(
        _ title: String,
        _ rules: String,
        _ repository: String,
        together: Bool = false,
        protect protections: [Protection] = [],
        at time: Int64 = now,
        _ expected: String...
    ) {
        testDescription = title
        self.rules = rules
        self.repository = repository
        self.together = together
        self.protections = protections
        self.expected = expected
        self.time = time
    }

    func check() throws {
        let snapshot = try Self.snapshot(repository)
        let rules = try RetentionTests.rules(rules, together: together)
        let decisions = evaluate(snapshot, rules: rules, protections: protections, now: time)
        #expect(decisions.count == snapshot.tags.count + snapshot.manifests.count)
        var gone: Set<String> = []
        for line in expected {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
            let words = parts[0].split(separator: " ")
            let subject = Self.expand(String(words[0]))
            let decision = try #require(decisions[subject], "nothing is said of \(subject)")
            let verdict = words.count > 1 ? words[1] : ""
            let rule = verdict.isEmpty || verdict == "-" ? nil : "p/\(verdict.dropFirst())"
            let goes = verdict.first == "x"
            if goes { gone.insert(subject) }
            let reason: String =
                if parts.count == 2 {
                    Self.expandDigests(String(parts[1]))
                } else if let rule {
                    "\(goes ? "deleted" : "kept") by rule '\(rule)'"
                } else {
                    subject.hasPrefix("#") ? "untagged, and no rule selects it" : "no rule selects it"
                }
            let isRight =
                (decision.verdict == .delete) == goes && decision.rule == rule
                && (parts.count == 2 ? decision.reason == reason : decision.reason.hasPrefix(reason))
            #expect(isRight, "\(line): \(decision.short): \(decision.reason)")
        }
        #expect(Set(decisions.gone).subtracting(gone.map { String($0) }).allSatisfy { $0.hasPrefix("#") })
        for name in decisions.gone where name.hasPrefix("#") && expected.contains(where: { $0.hasPrefix("#") }) {
            #expect(gone.contains(name), "\(name) goes: \(decisions[name]?.reason ?? "")")
        }
    }

    /// `3.sig` in full.
    static func expand(_ text: String) -> String {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), parts[1].allSatisfy(\.isLetter) else {
            return text
        }
        return digest(number).referrersTag.description + (parts[1].isEmpty ? "" : ".\(parts[1])")
    }

    /// `<3>` as a digest.
    private static func expandDigests(_ text: String) -> String {
        var result = ""
        for (index, piece) in text.split(separator: "<", omittingEmptySubsequences: false).enumerated() {
            let parts = piece.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
            if index > 0, parts.count == 2, let number = Int(parts[0]) {
                result += digest(number).description + parts[1]
            } else {
                result += piece
            }
        }
        return result
    }

    static func snapshot(_ text: String) throws -> RepositorySnapshot {
        var repository = Repository()
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let number = try #require(Int(words[0]))
            var options: [String: String] = [:]
            var tags: [String] = []
            for word in words.dropFirst() {
                let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                if pair.count == 2 { options[pair[0]] = pair[1] } else { tags.append(word) }
            }
            let age = options["age"].flatMap(Int64.init) ?? 0
            let note = options["note"].map { $0.split(separator: ":").map(String.init) }
            repository.image(
                number,
                age: age,
                pulled: options["pull"].flatMap(Int64.init),
                of: options["of"].flatMap(Int.init),
                listing: options["list"].map { $0.split(separator: ",").compactMap { Int($0) } },
                kind: options["kind"].map(type),
                config: options["config"].map(type),
                annotations: note.map { [$0[0]: $0[1]] } ?? [:]
            )
            for word in tags {
                let pair = word.split(separator: "@").map(String.init)
                let set = pair.count == 2 ? try #require(Int64(pair[1])) : age
                let name = tag(expand(pair[0]))
                repository.tags.append(TagFacts(tag: name, digest: digest(number), setAt: now - set))
            }
        }
        return repository.snapshot
    }
}

/// A rule that deletes every tag, to be beaten.
let deleteAll = "- {name: d, delete: {tags: [\"*\"]}}"
