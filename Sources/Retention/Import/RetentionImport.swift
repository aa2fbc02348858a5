// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Turns the rules of another registry into those of this one.
package struct RetentionImport: Sendable {
    /// Whose rules are read.
    package enum Source: String, Sendable, Hashable, CaseIterable {
        /// A retention policy of Harbor's API.
        case harbor
        /// A lifecycle policy of Amazon ECR.
        case ecr
        /// The configuration of zot, or its `retention` alone, as JSON or YAML.
        case zot
        /// Cleanup policies of Google Artifact Registry.
        case gar
        /// A cleanup policy of GitLab's API, or the project that has it.
        case gitlab
        /// Policies of Quay's auto-pruning.
        case quay
        /// The retention policy of an Azure Container Registry.
        case acr

        /// Whether the file says of which repositories of the whole registry its rules are.
        var isOfRegistry: Bool { self == .zot || self == .acr }
    }

    package let source: Source
    /// Where the repositories of the file are here; nil: under the names that they have there.
    package let base: RepositoryName?
    /// Whether rules of one repository or project are meant for all repositories here.
    package let isForAll: Bool
    /// Whether what has no translation is left out with a comment, instead of being an error.
    package let isLenient: Bool

    package init(
        from source: Source,
        under base: RepositoryName? = nil,
        isForAll: Bool = false,
        isLenient: Bool = false
    ) {
        self.source = source
        self.base = base
        self.isForAll = isForAll
        self.isLenient = isLenient
    }

    /// The section `retention` in YAML, with a comment for each thing that is not quite the same here.
    ///
    /// Where a rule that keeps is left out, those that delete are comments too: alone they would delete more.
    ///
    /// - Throws: `invalidImport` for a file that cannot be read; `untranslatable`, unless lenient, with everything that
    ///   has no translation; `tooLarge`.
    package func yaml(of text: String) throws(RetentionError) -> String {
        guard text.utf8.count <= RetentionLimits.importBytesLimit else {
            throw RetentionError(.tooLarge, "the file has over \(RetentionLimits.importBytesLimit) bytes")
        }
        guard base != nil || isForAll || source.isOfRegistry else {
            throw RetentionError(
                .invalidImport,
                """
                rules of \(source.rawValue) belong to one repository or project; say which that is here with --under \
                NAME, or --under "**" for all
                """
            )
        }
        let document = try ImportedValue.document(text)
        var draft = ImportDraft(base: base)
        switch source {
        case .harbor: try HarborImport.read(document, into: &draft)
        case .ecr: try ECRImport.read(document, into: &draft)
        case .zot: try ZotImport.read(document, into: &draft)
        case .gar: try GARImport.read(document, into: &draft)
        case .gitlab: try GitLabImport.read(document, into: &draft)
        case .quay: try QuayImport.read(document, into: &draft)
        case .acr: try ACRImport.read(document, into: &draft)
        }
        guard draft.problems.isEmpty || isLenient else {
            throw RetentionError(.untranslatable, draft.problems.joined(separator: "\n"))
        }
        return draft.yaml(title: "Rules of \(source.rawValue).")
    }
}

/// What has been translated so far.
struct ImportDraft {
    struct Rule {
        var notes: [String] = []
        let name: String
        let action: RetentionRule.Action
        let selector: RetentionSelector
    }

    struct Policy {
        var notes: [String] = []
        var name: String
        var repositories: [String]
        var notRepositories: [String] = []
        var together = false
        var rules: [Rule] = []

        mutating func keep(_ name: String, _ selector: RetentionSelector, notes: [String] = []) {
            rules.append(Rule(notes: notes, name: name, action: .keep, selector: selector))
        }

        mutating func delete(_ name: String, _ selector: RetentionSelector, notes: [String] = []) {
            rules.append(Rule(notes: notes, name: name, action: .delete, selector: selector))
        }
    }

    let base: RepositoryName?
    var notes: [String] = []
    var policies: [Policy] = []
    /// Sentences about what has no translation.
    private(set) var problems: [String] = []
    /// Whether a rule that keeps is missing.
    private(set) var lacksKeeping = false

    init(base: RepositoryName?) { self.base = base }

    mutating func problem(_ sentence: String, keeps: Bool) {
        problems.append(sentence)
        lacksKeeping = lacksKeeping || keeps
    }

    /// Patterns of repositories, put under the base.
    func below(_ patterns: [String]) -> [String] {
        guard let base else { return patterns }
        return patterns.map { "\(base)/\($0)" }
    }

    /// The base itself and all below it.
    var wholeBase: [String] { base.map { ["\($0)", "\($0)/**"] } ?? ["**"] }

    // MARK: YAML

    func yaml(title: String) -> String {
        var lines = ["# \(title)"] + notes.map { "# \($0)" }
        lines += problems.map { "# NOT TRANSLATED: \($0)" }
        if lacksKeeping {
            lines.append("# As a rule that keeps is missing, those that delete are comments: alone they delete more.")
        }
        lines.append("retention:")
        guard policies.contains(where: { $0.rules.contains(where: isWritten) }) else {
            return (lines + ["  policies: []"] + policies.flatMap(commented)).joined(separator: "\n") + "\n"
        }
        lines.append("  policies:")
        for policy in policies {
            lines += policy.rules.contains(where: isWritten) ? text(policy) : commented(policy)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func isWritten(_ rule: Rule) -> Bool { rule.action == .keep || !lacksKeeping }

    private func text(_ policy: Policy) -> [String] {
        var lines = policy.notes.map { "    # \($0)" } + ["    - name: \(policy.name)"]
        lines.append("      repositories: \(SelectorWriter.list(policy.repositories))")
        if !policy.notRepositories.isEmpty {
            lines.append("      not-repositories: \(SelectorWriter.list(policy.notRepositories))")
        }
        if policy.together { lines.append("      together: true") }
        lines.append("      rules:")
        for rule in policy.rules {
            lines += rule.notes.map { "        # \($0)" }
            let prefix = isWritten(rule) ? "        " : "        # "
            lines.append("\(prefix)- name: \(rule.name)")
            lines.append("\(prefix)  \(rule.action.rawValue): \(SelectorWriter.text(rule.selector))")
        }
        return lines
    }

    private func commented(_ policy: Policy) -> [String] {
        text(policy).map { line in
            let rest = line.drop { $0 == " " }
            return rest.hasPrefix("#") ? line : "    # " + line.dropFirst(4)
        }
    }
}

/// Writes selectors as the configuration has them.
extension RetentionSelector {
    /// The selector as the configuration has it.
    package var written: String { SelectorWriter.text(self) }
}

/// Writes selectors as the configuration has them.
enum SelectorWriter {
    static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return writer.text
    }

    static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }

    static func text(_ selector: RetentionSelector) -> String {
        var parts: [String] = []
        func add(_ key: String, _ values: [String]) { if !values.isEmpty { parts.append("\(key): \(list(values))") } }
        func add(_ key: String, _ seconds: Int64?) {
            if let seconds { parts.append("\(key): \(RetentionSelector.duration(seconds))") }
        }
        if selector.untagged != .no { parts.append("untagged: \(selector.untagged.rawValue)") }
        add("tags", selector.tags.map(\.description))
        add("not-tags", selector.notTags.map(\.description))
        add("tags-matching", selector.tagsMatching.map(\.description))
        add("not-tags-matching", selector.notTagsMatching.map(\.description))
        add("with-tags", selector.withTags.map(\.description))
        add("versions", selector.versions.map(\.description))
        if let preRelease = selector.preRelease { parts.append("pre-release: \(preRelease)") }
        add("pushed-before", selector.pushedBefore)
        add("pushed-within", selector.pushedWithin)
        add("pulled-before", selector.pulledBefore)
        add("pulled-within", selector.pulledWithin)
        if let orphaned = selector.orphaned { parts.append("orphaned: \(orphaned)") }
        add("media-types", selector.mediaTypes.map(\.description))
        add("artifact-types", selector.artifactTypes.map(\.description))
        if !selector.annotations.isEmpty {
            let pairs = selector.annotations.map { "\(quoted($0.key)): \(quoted($0.value.description))" }
            parts.append("annotations: {\(pairs.joined(separator: ", "))}")
        }
        if let newest = selector.newest { parts.append("newest: \(text(newest))") }
        if !selector.except.isEmpty {
            parts.append("except: [\(selector.except.map(text).joined(separator: ", "))]")
        }
        return "{\(parts.joined(separator: ", "))}"
    }

    private static func text(_ newest: Newest) -> String {
        var parts = ["count: \(newest.count)"]
        if newest.order != .push { parts.append("by: \(newest.order.rawValue)") }
        switch newest.grouping {
        case .none: break
        case .major: parts.append("per: major")
        case .minor: parts.append("per: minor")
        case .prefix(let separator): parts += ["per: prefix", "separator: \(quoted(separator))"]
        case .capture: parts.append("per: capture")
        }
        if newest.unit != .tags { parts.append("of: \(newest.unit.rawValue)") }
        return parts.count == 1 ? "\(newest.count)" : "{\(parts.joined(separator: ", "))}"
    }
}
