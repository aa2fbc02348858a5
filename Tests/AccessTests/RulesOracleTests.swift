// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Testing
import Yams

/// Rules as the file has them, judged by filtering texts: slow, and written apart from the code under test.
struct OracleRules {
    struct Rule {
        var name: String?
        var allows = true
        var actions: [String] = []
        var who: [String]?
        var repositories: [String]?
        var tags: [String]?
        var networks: [OracleNetwork]?
        var message: String?
    }

    struct Request {
        var principal: String
        var groups: [String] = []
        var action: String
        var repository: String?
        var tag: String?
        var address: OracleNetwork?
    }

    var groups: [String: [String]] = [:]
    var rules: [Rule] = []

    /// The number of the rule that decides, counted from 0.
    func deciding(_ request: Request) -> Int? {
        rules.indices
            .filter { Self.names(rules[$0].actions, request.action) != .no }
            .filter { index in rules[index].who.map { $0.contains { isMeant($0, request) } } ?? true }
            .filter { index in
                guard let patterns = rules[index].repositories else { return true }
                return request.repository.map { name in patterns.contains { OracleGlob.matches($0, name) } } ?? false
            }
            .filter { index in
                guard let patterns = rules[index].tags else { return true }
                return request.tag.map { tag in patterns.contains { OracleGlob.matches($0, tag) } }
                    ?? rules[index].allows
            }
            .filter { index in
                guard let networks = rules[index].networks else { return true }
                return request.address.map { address in networks.contains { address.bits.hasPrefix($0.bits) } } ?? false
            }
            .first
    }

    enum Naming { case no, covered, listed }

    static func names(_ actions: [String], _ action: String) -> Naming {
        if actions.contains("*") || actions.contains(action) { return .listed }
        let cover = ["pull-by-tag": "pull", "overwrite": "push"][action]
        return cover.map(actions.contains) == true ? .covered : .no
    }

    private func isMeant(_ who: String, _ request: Request) -> Bool {
        if who == "*" { return true }
        if who == "authenticated" { return request.principal != "anonymous" }
        if who == "anonymous" { return request.principal == "anonymous" }
        if who.hasPrefix("group:") {
            let own = groups.filter { $0.value.contains(request.principal) }.map(\.key) + request.groups
            return own.contains { OracleGlob.matches(String(who.dropFirst(6)), $0) }
        }
        let kind = who.prefix { $0 != ":" } + ":"
        guard request.principal.hasPrefix(kind) else { return false }
        return OracleGlob.matches(String(who.dropFirst(kind.count)), String(request.principal.dropFirst(kind.count)))
    }
}

/// An address, or the first bits of one: `4` or `6` and zeros and ones.
struct OracleNetwork {
    var bits: String
    var text: String

    static func random(_ random: inout SeededGenerator, isAddress: Bool) -> OracleNetwork {
        // Few different bytes, so that networks and addresses meet.
        if random.once(in: 4) {
            let groups = (0..<8).map { index in index < 2 ? random.pick([0x2001, 0x0db8]) : random.below(3) << 14 }
            let bits = groups.map { binary($0, 16) }.joined()
            let texts = groups.map { String($0, radix: 16) }.joined(separator: ":")
            return cut(OracleNetwork(bits: "6" + bits, text: texts), isAddress, &random) { kept in
                stride(from: 0, to: 128, by: 16).map { String(number(kept, $0, 16), radix: 16) }.joined(separator: ":")
            }
        }
        let bytes = (0..<4).map { _ in random.pick([10, 0, 127, 128, 192]) }
        let bits = bytes.map { binary($0, 8) }.joined()
        var text = bytes.map { String($0) }.joined(separator: ".")
        if isAddress, random.once(in: 4) { text = "::ffff:" + text }
        return cut(OracleNetwork(bits: "4" + bits, text: text), isAddress, &random) { kept in
            stride(from: 0, to: 32, by: 8).map { String(number(kept, $0, 8)) }.joined(separator: ".")
        }
    }

    private static func cut(
        _ whole: OracleNetwork,
        _ isAddress: Bool,
        _ random: inout SeededGenerator,
        write: ([Character]) -> String
    ) -> OracleNetwork {
        if isAddress || random.once(in: 6) { return whole }
        let width = whole.bits.count - 1
        let length = random.once(in: 2) ? random.below(5) * width / 8 : random.below(width + 1)
        let kept = Array(whole.bits.dropFirst().prefix(length))
        let base = kept + Array(repeating: "0", count: width - length)
        return OracleNetwork(bits: String(whole.bits.prefix(length + 1)), text: "\(write(base))/\(length)")
    }

    private static func binary(_ value: Int, _ width: Int) -> String {
        let digits = String(value, radix: 2)
        return String(repeating: "0", count: width - digits.count) + digits
    }

    private static func number(_ bits: [Character], _ start: Int, _ width: Int) -> Int {
        Int(String(bits[start..<start + width]), radix: 2) ?? 0
    }
}

@Suite struct RulesOracleTests {
    private static let actions = Action.allCases.map(\.rawValue)
    private static let principals = [
        "anonymous", "user:alice", "user:bob", "user:team/al", "robot:ci", "robot:agent-1", "workload:gh/main",
        "workload:gh/any", "certificate:eu.example", "certificate:alice",
    ]
    private static let who = [
        "*", "authenticated", "anonymous", "user:alice", "user:*", "user:**", "user:a*", "user:?ob", "robot:*",
        "robot:agent-?", "workload:gh/*", "workload:*", "certificate:*.example", "certificate:**", "group:dev",
        "group:o*", "group:**", "group:x/?",
    ]
    private static let groups = ["dev", "ops", "x/y", "other"]
    private static let repositories = ["a", "app", "team/app", "team/a/b", "team/lib", "x/y/z", "teams/app"]
    private static let repositoryGlobs = [
        "**", "*", "team/*", "team/**", "*/app", "**/app", "a*", "?", "team*/**", "x/?/z", "app", "**/*b", "t*/*/*",
    ]
    private static let tags = ["v1", "v1.2", "latest", "main", "release-1"]
    private static let tagGlobs = ["v*", "v?", "*", "latest", "*-?", "v*.*", "?????", "**"]

    private static func model(_ random: inout SeededGenerator) -> OracleRules {
        var model = OracleRules()
        for group in groups where random.once(in: 2) {
            model.groups[group] = random.some(principals, most: 3)
        }
        for number in 0..<random.below(9) {
            var rule = OracleRules.Rule()
            if random.once(in: 2) { rule.name = "r\(number)" }
            rule.allows = !random.once(in: 3)
            rule.actions =
                random.once(in: 5) ? ["*"] : random.some(actions.prefix(6) + ["pull", "push", "audit"], most: 4)
            if !random.once(in: 4) { rule.who = random.some(who, most: 2) }
            if !random.once(in: 3) { rule.repositories = random.some(repositoryGlobs, most: 2) }
            if random.once(in: 3) { rule.tags = random.some(tagGlobs, most: 2) }
            if random.once(in: 4) {
                rule.networks = (0...random.below(2)).map { _ in OracleNetwork.random(&random, isAddress: false) }
            }
            if !rule.allows, random.once(in: 2) { rule.message = "message \(number)" }
            model.rules.append(rule)
        }
        return model
    }

    private static func request(_ random: inout SeededGenerator) -> OracleRules.Request {
        var request = OracleRules.Request(principal: random.pick(principals), action: random.pick(actions))
        if random.once(in: 3), request.principal != "anonymous" { request.groups = random.some(groups, most: 2) }
        if !random.once(in: 6) {
            request.repository = random.pick(repositories)
            if random.once(in: 2) { request.tag = random.pick(tags) }
        }
        if !random.once(in: 4) { request.address = OracleNetwork.random(&random, isAddress: true) }
        return request
    }

    private static func yaml(_ model: OracleRules) -> String {
        func list(_ texts: [String]) -> String { "[" + texts.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }
        func line(_ rule: OracleRules.Rule) -> String {
            var fields = ["\(rule.allows ? "allow" : "deny"): \(list(rule.actions))"]
            if let name = rule.name { fields.append("name: \(name)") }
            if let who = rule.who { fields.append("who: \(list(who))") }
            if let repositories = rule.repositories { fields.append("repositories: \(list(repositories))") }
            if let tags = rule.tags { fields.append("tags: \(list(tags))") }
            if let networks = rule.networks { fields.append("networks: \(list(networks.map(\.text)))") }
            if let message = rule.message { fields.append("message: \(message)") }
            return "- {\(fields.joined(separator: ", "))}\n"
        }
        let groups = model.groups.sorted { $0.key < $1.key }.map { "\($0.key): \(list($0.value))" }
        return "groups: {\(groups.joined(separator: ", "))}\nrules:\n" + model.rules.map(line).joined()
    }

    private static func decision(_ rules: Rules, _ request: OracleRules.Request) throws -> Decision {
        rules.decide(
            AccessRequest(
                principal: try Principal(parsing: request.principal, groups: request.groups),
                action: try #require(Action(rawValue: request.action)),
                repository: try request.repository.map { try RepositoryName(parsing: $0) },
                tag: try request.tag.map { try Tag(parsing: $0) },
                address: try request.address.map { try #require(IPAddress($0.text)) }
            ),
            grants: []
        )
    }

    /// What differs between an answer and the one that the model calls for.
    private static func difference(_ model: OracleRules, _ request: OracleRules.Request, _ got: Decision) -> String? {
        guard let index = model.deciding(request) else {
            return got.allowed || got.rule != nil || got.explicit ? "no rule matches, not \(got)" : nil
        }
        let rule = model.rules[index]
        // The groups stand on the first line, and `rules:` on the second.
        let expected = Decision(
            allowed: rule.allows,
            rule: rule.name ?? "rule \(index + 1) (line \(index + 3))",
            reason: got.reason,
            message: rule.message,
            explicit: OracleRules.names(rule.actions, request.action) == .listed,
            isWildcard: rule.actions.contains("*")
        )
        return got == expected ? nil : "\(expected), not \(got)"
    }

    @Test func decidesAsTheOracleDoes() throws {
        var random = SeededGenerator(seed: 3)
        var cases = 0
        var allowed = 0
        var byRule = 0
        for _ in 0..<500 {
            let model = Self.model(&random)
            let text = Self.yaml(model)
            let rules = try AccessYAML.read(text).rules
            for _ in 0..<44 {
                let request = Self.request(&random)
                let got = try Self.decision(rules, request)
                cases += 1
                allowed += got.allowed ? 1 : 0
                byRule += got.rule == nil ? 0 : 1
                if let difference = Self.difference(model, request, got) {
                    Issue.record("\(request): \(difference)\n\(text)")
                    return
                }
            }
        }
        // The cases are worth something only if all answers occur often.
        #expect(cases == 22_000)
        #expect(allowed > 3_000 && byRule - allowed > 1_500 && cases - byRule > 3_000, "\(allowed) of \(byRule)")
    }
}
