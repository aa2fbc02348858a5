// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a registry's trust policy says of an image, requirement by requirement.
package struct TrustExplanation: Hashable, Sendable {
    /// A rule of the policy.
    package struct Rule: Hashable, Sendable {
        /// `pull`, `promote` or `warn`.
        package let enforcement: String
        package let requirements: [Requirement]
    }

    package struct Requirement: Hashable, Sendable {
        package let text: String
        package let isSatisfied: Bool
        package let reason: String
        /// The manifests that counted.
        package let attachments: [String]
        /// Names of the keys that counted.
        package let keys: [String]
        /// When the outcome begins and ends to hold, as the registry writes times.
        package let notBefore: String?
        package let validUntil: String?
    }

    package let digest: Digest
    /// Whether rules for pulls and quarantine let it go, exemptions aside.
    package let isAllowed: Bool
    /// What is in quarantine, and why.
    package let quarantine: String?
    package let rules: [Rule]
    private let name: String
    private let document: JSONValue

    /// Reads the registry's answer.
    ///
    /// - Throws: `.network` for what is none, or contradicts itself.
    init(parsing body: [UInt8], of name: String) throws(ClientError) {
        let malformed = ClientError(.network, "the registry explains \(name) by what is no explanation")
        guard let document = try? JSONValue(parsing: body),
            let digest = document["digest"]?.text.flatMap({ Digest($0) }),
            case .bool(let isAllowed)? = document["allowed"], let elements = document["rules"]?.elements
        else { throw malformed }
        var rules: [Rule] = []
        for element in elements {
            guard let rule = Rule(element) else { throw malformed }
            rules.append(rule)
        }
        self.name = name
        self.document = document
        self.digest = digest
        self.isAllowed = isAllowed
        self.rules = rules
        quarantine = document["quarantine"]?.text
        guard !isAllowed || quarantine == nil && rules.allSatisfy({ $0.enforcement != "pull" || $0.isMet }) else {
            throw ClientError(.network, "the registry says that \(name) is allowed, and why it is not")
        }
    }

    /// Lines for people.
    package var lines: [String] {
        var lines = ["\(name) is \(digest): \(isAllowed ? "allowed" : "kept back")"]
        if let quarantine { lines.append("in quarantine: \(ShownText.line(quarantine))") }
        if rules.isEmpty { lines.append("no rule is for it") }
        for (index, rule) in rules.enumerated() {
            lines.append("rule \(index + 1), \(ShownText.line(rule.enforcement)): \(rule.isMet ? "met" : "not met")")
            for requirement in rule.requirements { lines += requirement.lines }
        }
        return lines
    }

    /// The registry's answer as JSON, as it was.
    package var json: String { JSONWriter.text(of: document) }
}

extension TrustExplanation.Rule {
    package var isMet: Bool { requirements.allSatisfy(\.isSatisfied) }

    fileprivate init?(_ value: JSONValue) {
        guard let enforcement = value["enforce"]?.text, let elements = value["requirements"]?.elements else {
            return nil
        }
        var requirements: [TrustExplanation.Requirement] = []
        for element in elements {
            guard let requirement = TrustExplanation.Requirement(element) else { return nil }
            requirements.append(requirement)
        }
        self.init(enforcement: enforcement, requirements: requirements)
    }
}

extension TrustExplanation.Requirement {
    fileprivate init?(_ value: JSONValue) {
        guard let text = value["requirement"]?.text, case .bool(let isSatisfied)? = value["satisfied"],
            let reason = value["reason"]?.text
        else { return nil }
        self.init(
            text: text,
            isSatisfied: isSatisfied,
            reason: reason,
            attachments: value["attachments"]?.elements?.compactMap(\.text) ?? [],
            keys: value["keys"]?.elements?.compactMap(\.text) ?? [],
            notBefore: value["not_before"]?.text,
            validUntil: value["valid_until"]?.text
        )
    }

    fileprivate var lines: [String] {
        var lines = ["  \(isSatisfied ? "met    " : "not met")  \(ShownText.line(text)): \(ShownText.line(reason))"]
        if !keys.isEmpty { lines.append("           keys: \(ShownText.line(keys.joined(separator: ", ")))") }
        for attachment in attachments { lines.append("           counts: \(ShownText.line(attachment))") }
        let times = [("not before", notBefore), ("until", validUntil)].compactMap { word, time in
            time.map { "\(word) \(ShownText.line($0))" }
        }
        if !times.isEmpty { lines.append("           holds: \(times.joined(separator: ", "))") }
        return lines
    }
}

extension RemoteRepository {
    /// What the registry's policy says of an image, asked for by tag or digest.
    ///
    /// - Throws: `.notFound` where there is no such image, or the registry has no such policies.
    package func explanation(of reference: Reference) async throws(ClientError) -> TrustExplanation {
        let call = Call(
            target: target("_cairn/trust/\(reference)"),
            purpose: "asking what the trust policy says of \(name) \(reference)"
        )
        let (_, body) = try await fetch(call, limit: ClientLimits.documentBytes)
        let explanation = try TrustExplanation(parsing: body, of: "\(name) \(reference)")
        if let asked = reference.digest, asked != explanation.digest {
            throw ClientError(.integrity, "\(origin) was asked about \(asked) and explains \(explanation.digest)")
        }
        return explanation
    }
}
