// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

extension TrustVerdict {
    private static let version: Int64 = 1

    /// The verdict as JSON, for `init(parsing:)`.
    package var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("version")
            writer.integer(Self.version)
            writer.key("policy")
            writer.string(policy.description)
            writer.key("image")
            writer.string(image.description)
            if let tag {
                writer.key("tag")
                writer.string(tag.description)
            }
            writer.key("rules")
            writer.array { writer in
                for rule in rules { rule.write(to: &writer) }
            }
        }
        return writer.bytes
    }

    /// Reads what `bytes` wrote, and nothing else.
    ///
    /// - Throws: `invalidVerdict` or `tooLarge`.
    package init(parsing bytes: [UInt8]) throws(TrustError) {
        let reader = try DocumentReader(
            parsing: bytes,
            "the verdict",
            .invalidVerdict,
            bytesLimit: TrustLimits.verdictBytesLimit
        )
        try reader.allowOnly(["version", "policy", "image", "tag", "rules"])
        guard reader.value["version"] == .integer(Self.version) else { throw reader.error("is of another version") }
        policy = try reader.digest("policy")
        image = try reader.digest("image")
        if let text = try reader.text("tag") {
            guard let tag = Tag(text) else { throw reader.error("has a 'tag' that is none") }
            self.tag = tag
        } else {
            tag = nil
        }
        guard let elements = try reader.elements("rules", limit: TrustLimits.rulesLimit) else {
            throw reader.error("lacks 'rules'")
        }
        var rules: [RuleVerdict] = []
        for element in elements { rules.append(try RuleVerdict(DocumentReader(element, "a rule", .invalidVerdict))) }
        self.rules = rules
    }
}

extension RuleVerdict {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("index")
            writer.integer(index)
            writer.key("enforce")
            writer.string(enforcement.rawValue)
            writer.key("outcomes")
            writer.array { writer in
                for outcome in outcomes { outcome.write(to: &writer) }
            }
        }
    }

    fileprivate init(_ reader: DocumentReader) throws(TrustError) {
        try reader.allowOnly(["index", "enforce", "outcomes"])
        guard case .integer(let number)? = reader.value["index"], let index = Int(exactly: number), index >= 0 else {
            throw reader.error("lacks 'index'")
        }
        guard let enforcement = TrustRule.Enforcement(rawValue: try reader.required("enforce")) else {
            throw reader.error("is enforced in no known way")
        }
        guard let elements = try reader.elements("outcomes", limit: TrustLimits.requirementsLimit) else {
            throw reader.error("lacks 'outcomes'")
        }
        var outcomes: [RequirementOutcome] = []
        for element in elements {
            outcomes.append(try RequirementOutcome(DocumentReader(element, "an outcome", .invalidVerdict)))
        }
        self.init(index: index, enforcement: enforcement, outcomes: outcomes)
    }
}

extension RequirementOutcome {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("requirement")
            writer.string(requirement)
            writer.key("satisfied")
            writer.bool(isSatisfied)
            writer.key("reason")
            writer.string(reason)
            writer.key("attachments")
            writer.array { writer in
                for attachment in attachments { writer.string(attachment.description) }
            }
            writer.key("keys")
            writer.array { writer in
                for key in keys { writer.string(key) }
            }
            for (key, moment) in [("notBefore", window.notBefore), ("validUntil", window.validUntil)] {
                guard let moment else { continue }
                writer.key(key)
                writer.integer(moment)
            }
        }
    }

    /// Bytes of a requirement's text or an outcome's reason.
    private static let sentenceBytesLimit = 32 << 10

    fileprivate init(_ reader: DocumentReader) throws(TrustError) {
        try reader.allowOnly([
            "requirement", "satisfied", "reason", "attachments", "keys", "notBefore", "validUntil",
        ])
        guard case .bool(let isSatisfied)? = reader.value["satisfied"] else { throw reader.error("lacks 'satisfied'") }
        var attachments: [Digest] = []
        for element in try reader.elements("attachments", limit: TrustLimits.namedLimit) ?? [] {
            guard let digest = element.text.flatMap({ Digest($0) }) else {
                throw reader.error("has an attachment that is no digest")
            }
            attachments.append(digest)
        }
        var keys: [String] = []
        for element in try reader.elements("keys", limit: TrustLimits.namedLimit) ?? [] {
            guard let name = element.text else { throw reader.error("has a key without a name") }
            keys.append(name)
        }
        self.init(
            requirement: try reader.text("requirement", bytesLimit: Self.sentenceBytesLimit) ?? "",
            isSatisfied: isSatisfied,
            reason: try reader.text("reason", bytesLimit: Self.sentenceBytesLimit) ?? "",
            attachments: attachments,
            keys: keys,
            window: TimeWindow(
                notBefore: try Self.moment(reader, "notBefore"),
                validUntil: try Self.moment(reader, "validUntil")
            )
        )
    }

    private static func moment(_ reader: DocumentReader, _ key: String) throws(TrustError) -> Int64? {
        switch reader.value[key] {
        case nil: return nil
        case .integer(let moment): return moment
        default: throw reader.error("has a '\(key)' that is no number of seconds")
        }
    }
}
