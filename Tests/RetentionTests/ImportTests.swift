// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention
import Testing

/// Rules of other registries, most from their documentation, with the verdicts that these describe.
@Suite struct ImportTests {
    struct Sample: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let source: RetentionImport.Source
        let file: String
        var under: String?
        var repository = "team/app"
        let images: String
        /// The tags and untagged manifests that go.
        let gone: Set<String>
    }

    @Test(arguments: Samples.harbor + Samples.ecr + Samples.zot + Samples.others)
    func verdictsAreTheSame(_ sample: Sample) throws {
        let base = try sample.under.map { try RepositoryName(parsing: $0) }
        let yaml = try RetentionImport(from: sample.source, under: base, isForAll: base == nil).yaml(of: sample.file)
        let section = yaml.split(separator: "\n").filter { $0.hasPrefix("  ") }.joined(separator: "\n")
        let settings = try settings(section)
        let rules = settings.rules(for: try RepositoryName(parsing: sample.repository))
        let decisions = evaluate(try RetentionCase.snapshot(sample.images), rules: rules, protections: [], now: now)
        let tagged = Set(
            decisions.compactMap { decision -> Digest? in
                if case .tag(_, let digest) = decision.subject { digest } else { nil }
            }
        )
        let gone = decisions.filter { decision in
            if case .manifest(let digest) = decision.subject, tagged.contains(digest) { return false }
            return decision.verdict == .delete
        }
        #expect(Set(gone.map { name($0.subject) }) == sample.gone, "\(yaml)")
    }

    @Test(
        arguments: [
            (.harbor, #"{"algorithm": "and", "rules": []}"#),
            (.harbor, Samples.harborTags(#""template": "latestActiveK""#, "**")),
            (.harbor, Samples.harborTags(#""template": "always""#, "[a-c]*")),
            (
                .ecr,
                Samples.ecr(
                    #"""
                    {"tagStatus": "any", "countType": "sinceImageTransitioned", "countNumber": 1, \#
                    "countUnit": "days"}
                    """#
                )
            ),
            (
                .ecr,
                #"""
                {"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", \#
                "countType": "sinceImagePushed", "countNumber": 1}, "action": {"type": "transition"}}]}
                """#
            ),
            (
                .ecr,
                Samples.ecr(
                    #"""
                    {"tagStatus": "any", "storageClass": "archive", "countType": "sinceImagePushed", \#
                    "countNumber": 1}
                    """#
                )
            ),
            (.zot, #"{"policies": [{"keepTags": [{"patterns": [".*"]}]}]}"#),
            (.zot, #"{"policies": [{"repositories": ["a[bc]"]}]}"#),
            (.zot, #"{"storage": {"retention": {}, "subPaths": {"/a": {"retention": {}}}}}"#),
            (.gar, #"[{"name": "a", "action": {"type": "Keep"}, "condition": {"versionNamePrefixes": ["2.0"]}}]"#),
            (.zot, #"{"policies": [{"repositories": ["a"], "keepTags": [{"patterns": ["(?=a)"]}]}]}"#),
            (.gitlab, #"{"name_regex": "("}"#),
            (.gitlab, #"{"name_regex": "a", "name_regex_keep": "\\bx"}"#),
            (.quay, #"{"method": "number_of_tags", "value": 1, "tagPattern": "(?!a)"}"#),
        ] as [(RetentionImport.Source, String)]
    )
    func whatHasNoTranslationIsAnError(_ source: RetentionImport.Source, _ file: String) throws {
        let error = #expect(throws: RetentionError.self) {
            try RetentionImport(from: source, isForAll: true).yaml(of: file)
        }
        #expect(error?.code == .untranslatable)
        let lenient = try RetentionImport(from: source, isForAll: true, isLenient: true).yaml(of: file)
        #expect(lenient.contains("NOT TRANSLATED"))
        _ = try settings(lenient.split(separator: "\n").filter { $0.hasPrefix("  ") }.joined(separator: "\n"))
    }

    @Test(
        arguments: [
            (.harbor, "{}"), (.harbor, "[]"), (.harbor, "{"), (.harbor, ""),
            (.harbor, #"{"rules": [{"template": "always", "odd": 1}]}"#),
            (.harbor, Samples.harborTags(#""template": "latestPushedK""#, "**")), (.ecr, #"{"rules": [{}]}"#),
            (.ecr, Samples.ecr(#"{"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1}"#)),
            (.ecr, Samples.ecr(#"{"tagStatus": "all", "countType": "imageCountMoreThan", "countNumber": 1}"#)),
            (.ecr, Samples.ecr(#"{"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 0}"#)),
            (.zot, #"{"policies": [{"repositories": ["a"], "keepTags": [{"pulledWithin": "soon"}]}]}"#),
            (.zot, #"{"policies": [{"repositories": ["a"], "keeptags": []}]}"#), (.gar, "[1]"),
            (.gar, #"[{"name": "a"}]"#),
            (.gar, #"[{"action": {"type": "Delete"}}]"#), (.gitlab, #"{"keep_n": -1, "name_regex": ".*"}"#),
            (.quay, #"{"method": "size", "value": 1}"#),
            (.quay, #"{"method": "creation_date", "value": "x"}"#),
            (.acr, "{}"), (.acr, #"{"days": "x"}"#),
        ] as [(RetentionImport.Source, String)]
    )
    func refuses(_ source: RetentionImport.Source, _ file: String) {
        let error = #expect(throws: RetentionError.self) {
            try RetentionImport(from: source, isForAll: true, isLenient: true).yaml(of: file)
        }
        #expect(error?.code != .untranslatable)
    }

    /// A rule that keeps is left out: what deletes beside it must not be a rule any more.
    @Test func leavingOutWhatKeepsDeletesNothing() throws {
        let file = #"""
            [{"name": "old", "action": {"type": "Delete"}, "condition": {"olderThan": "30d"}},
             {"name": "release", "action": {"type": "Keep"}, "condition": {"versionNamePrefixes": ["2.0"]}}]
            """#
        let yaml = try RetentionImport(from: .gar, isForAll: true, isLenient: true).yaml(of: file)
        let parsed = try settings(yaml.split(separator: "\n").filter { $0.hasPrefix("  ") }.joined(separator: "\n"))
        #expect(parsed.policies.isEmpty)
        #expect(yaml.contains("# ") && yaml.contains("delete: {untagged: also, pushed-before: 30d}"))
    }

    /// Else the rules of one repository would be those of all.
    @Test(arguments: [RetentionImport.Source.harbor, .ecr, .gar, .gitlab, .quay])
    func rulesOfOneRepositoryNeedIts(_ source: RetentionImport.Source) {
        let error = #expect(throws: RetentionError.self) { try RetentionImport(from: source).yaml(of: "{}") }
        #expect(error?.reason.contains("--under") == true)
    }

    @Test func readsYAMLToo() throws {
        let yaml = try RetentionImport(from: .zot).yaml(
            of: """
                storage:
                  retention:
                    delay: 2h
                    policies:
                      - repositories: ["{a,b}/**"]
                        keepTags:
                          - mostRecentlyPushedCount: 3
                """
        )
        #expect(yaml.contains(#"repositories: ["a/**", "a", "b/**", "b"]"#))
        #expect(yaml.contains("pushed-before: 2h"))
    }

    @Test func printsWhatIsRead() throws {
        let file = Samples.harborTags(#""template": "latestPushedK", "params": {"latestPushedK": 10}"#, "{rel-*,v?}")
        let yaml = try RetentionImport(from: .harbor, under: RepositoryName(parsing: "library")).yaml(of: file)
        #expect(
            yaml == """
                # Rules of harbor.
                # Ages count from when a tag was set, not from when its image was pushed first: tagged anew, an old \
                image stays longer.
                retention:
                  policies:
                    - name: harbor-1
                      repositories: ["library/**"]
                      together: true
                      rules:
                        - name: retained
                          keep: {untagged: also, tags: ["rel-*", "v?"], newest: {count: 10, of: images}}
                        - name: rest
                          delete: {untagged: also}

                """
        )
    }
}
