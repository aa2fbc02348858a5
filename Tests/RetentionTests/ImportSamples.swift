// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Retention

/// Files of other registries, and what becomes of repositories under them.
enum Samples {
    typealias Sample = ImportTests.Sample

    // MARK: Harbor

    static func harborRule(_ template: String, _ pattern: String, extras: String? = nil, decoration: String = "matches")
        -> String
    {
        let extras = extras.map { #", "extras": "\#($0.replacing("\"", with: "\\\""))""# } ?? ""
        return #"""
            {"disabled": false, "action": "retain", \#(template),
             "tag_selectors": [{"kind": "doublestar", "decoration": "\#(decoration)",
                                "pattern": "\#(pattern)"\#(extras)}],
             "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}}
            """#
    }

    static func harbor(_ rules: String...) -> String {
        #"""
        {"algorithm": "or", "rules": [\#(rules.joined(separator: ","))], "trigger": {"kind": "Schedule", \#
        "settings": {"cron": ""}}, "scope": {"level": "project", "ref": 1}}
        """#
    }

    static func harborTags(_ template: String, _ pattern: String) -> String { harbor(harborRule(template, pattern)) }

    private static let tagged = #"{"untagged":false}"#
    private static let both = #"{"untagged":true}"#
    private static let pulled = #""template": "nDaysSinceLastPull", "params": {"nDaysSinceLastPull": 7}"#
    private static let three = #""template": "latestPulledN", "params": {"latestPulledN": 3}"#
    private static let repositoryA = "1 a pull=50\n2 b pull=40\n3 c pull=30\n4 d pull=20\n5 e pull=10\n6 pull=5"
    private static let repositoryB = "1 a age=3000000\n2 b age=3000000\n3 age=3000000"

    static let harbor: [Sample] = [
        Sample(
            testDescription: "Harbor, example 1: the most recently pulled",
            source: .harbor,
            file: harbor(harborRule(three, "**", extras: tagged)),
            images: repositoryA,
            gone: ["a", "b", "#6"]
        ),
        Sample(
            testDescription: "Harbor, example 1: a repository with fewer",
            source: .harbor,
            file: harbor(harborRule(three, "**", extras: tagged)),
            images: repositoryB,
            gone: ["#3"]
        ),
        Sample(
            testDescription: "Harbor, example 2: pulled in the last week",
            source: .harbor,
            file: harbor(harborRule(pulled, "**", extras: tagged)),
            images: repositoryA,
            gone: ["#6"]
        ),
        Sample(
            testDescription: "Harbor, example 2: not pulled",
            source: .harbor,
            file: harbor(harborRule(pulled, "**", extras: tagged)),
            images: repositoryB,
            gone: ["a", "b", "#3"]
        ),
        Sample(
            testDescription: "Harbor, example 3: with untagged ones",
            source: .harbor,
            file: harbor(harborRule(pulled, "**", extras: both)),
            images: repositoryA,
            gone: []
        ),
        Sample(
            testDescription: "Harbor, example 4: two rules",
            source: .harbor,
            file: harbor(harborRule(pulled, "**", extras: tagged), harborRule(three, "**", extras: tagged)),
            images: repositoryB,
            gone: ["#3"]
        ),
        Sample(
            testDescription: "Harbor: an image stays with all its tags",
            source: .harbor,
            file: harbor(harborRule(#""template": "latestPushedK", "params": {"latestPushedK": 2}"#, "harbor-*")),
            images: "1 harbor-1.8@40 harbor-release@30 harbor-nightly@20 harbor-latest@10 x\n2 y",
            gone: ["y"]
        ),
        Sample(
            testDescription: "Harbor: untagged ones count if nothing is said",
            source: .harbor,
            file: harborTags(#""template": "latestPushedK", "params": {"latestPushedK": 1}"#, "**"),
            images: "1 a age=9\n2 age=1",
            gone: ["a"]
        ),
        Sample(
            testDescription: "Harbor: all that do not match",
            source: .harbor,
            file: harbor(harborRule(#""template": "always""#, "tmp-*", decoration: "excludes")),
            images: "1 tmp-1\n2 a\n3 tmp-2 b\n4",
            gone: ["tmp-1"]
        ),
        Sample(
            testDescription: "Harbor: braces",
            source: .harbor,
            file: harbor(harborRule(#""template": "always""#, "{latest,v*}", extras: tagged)),
            images: "1 latest\n2 v1\n3 x",
            gone: ["x"]
        ),
        Sample(
            testDescription: "Harbor: another project",
            source: .harbor,
            file: harbor(harborRule(#""template": "nothing""#, "**")),
            under: "library",
            images: "1 a",
            gone: []
        ),
        Sample(
            testDescription: "Harbor: the project",
            source: .harbor,
            file: harbor(harborRule(#""template": "nothing""#, "**")),
            under: "team",
            images: "1 a\n2",
            gone: ["a", "#2"]
        ),
        Sample(
            testDescription: "Harbor: a disabled rule",
            source: .harbor,
            file: harbor(#"{"disabled": true, "template": "nothing"}"#),
            images: "1 a",
            gone: []
        ),
    ]

    // MARK: ECR

    static func ecr(_ selections: String...) -> String {
        let rules = selections.enumerated().map { index, selection in
            #"""
            {"rulePriority": \#(index + 1), "description": "", "selection": \#(selection), "action": \#
            {"type": "expire"}}
            """#
        }
        return #"{"rules": [\#(rules.joined(separator: ","))]}"#
    }

    private static let prod =
        #"{"tagStatus": "tagged", "tagPrefixList": ["prod"], "countType": "imageCountMoreThan", "countNumber": 1}"#
    private static let beta =
        #"{"tagStatus": "tagged", "tagPatternList": ["beta*"], "countType": "imageCountMoreThan", "countNumber": 1}"#
    private static let abc = "1 beta-1 prod-1 age=864000\n2 beta-2 prod-2 age=777600\n3 beta-3 age=691200"

    static let ecr: [Sample] = [
        Sample(
            testDescription: "ECR: untagged by age",
            source: .ecr,
            file: ecr(
                #"{"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}"#
            ),
            images: "1 age=1209601\n2 age=1209600\n3 a age=9999999",
            gone: ["#1"]
        ),
        Sample(
            testDescription: "ECR: one untagged image",
            source: .ecr,
            file: ecr(#"{"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}"#),
            images: "1 age=9\n2 age=8\n3 age=7\n4 a",
            gone: ["#1", "#2"]
        ),
        Sample(
            testDescription: "ECR: tagged by age",
            source: .ecr,
            file: ecr(
                #"""
                {"tagStatus": "tagged", "tagPatternList": ["prod*"], "countType": "sinceImagePushed", \#
                "countUnit": "days", "countNumber": 14}
                """#
            ),
            images: "1 prod1 age=1300000\n2 prod2 age=1\n3 x age=1300000",
            gone: ["prod1"]
        ),
        Sample(
            testDescription: "ECR: several rules, example A",
            source: .ecr,
            file: ecr(prod, beta),
            images: abc,
            gone: ["beta-1", "prod-1"]
        ),
        Sample(
            testDescription: "ECR: several rules, example B",
            source: .ecr,
            file: ecr(beta, prod),
            images: abc,
            gone: ["beta-1", "prod-1", "beta-2", "prod-2"]
        ),
        Sample(
            testDescription: "ECR: several tags in one rule, example A",
            source: .ecr,
            file: ecr(
                #"""
                {"tagStatus": "tagged", "tagPrefixList": ["alpha", "beta"], "countType": "sinceImagePushed", \#
                "countNumber": 5, "countUnit": "days"}
                """#
            ),
            images:
                """
                1 alpha-1 age=1036800\n2 beta-1 age=950400\n3 alpha-2 beta-2 age=864000\n4 alpha-3 age=345600\n\
                5 beta-3 age=259200\n6 alpha-4 beta-4 age=172800
                """,
            gone: ["alpha-2", "beta-2"]
        ),
        Sample(
            testDescription: "ECR: several tags in one rule, example B",
            source: .ecr,
            file: ecr(
                #"""
                {"tagStatus": "tagged", "tagPrefixList": ["alpha", "beta"], "countType": "imageCountMoreThan", \#
                "countNumber": 1}
                """#
            ),
            images: "1 alpha-1 beta-1 gamma-1 age=30\n2 alpha-2 beta-2 age=20\n3 alpha-3 beta-3 gamma-2 age=10",
            gone: ["alpha-1", "beta-1", "gamma-1", "alpha-2", "beta-2"]
        ),
        Sample(
            testDescription: "ECR: any image but the newest",
            source: .ecr,
            file: ecr(#"{"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}"#),
            images: "1 a age=9\n2 age=8\n3 b c age=7",
            gone: ["a", "#2"]
        ),
        Sample(
            testDescription: "ECR: any after others",
            source: .ecr,
            file: ecr(prod, #"{"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}"#),
            images: "1 prod1 age=9\n2 prod2 age=8\n3 x age=7\n4 y age=6\n5 age=5",
            gone: ["prod1", "x", "y"]
        ),
        Sample(
            testDescription: "ECR: not pulled",
            source: .ecr,
            file: ecr(#"{"tagStatus": "any", "countType": "sinceImagePulled", "countNumber": 1, "countUnit": "days"}"#),
            images: "1 a age=90000 pull=80000\n2 b age=90000 pull=86401\n3 c age=86401\n4 d age=80000",
            gone: ["b", "c"]
        ),
        Sample(
            testDescription: "ECR: another repository",
            source: .ecr,
            file: ecr(prod),
            under: "team/other",
            images: abc,
            gone: []
        ),
        Sample(
            testDescription: "ECR: the repository itself",
            source: .ecr,
            file: ecr(prod),
            under: "team/app",
            images: abc,
            gone: ["beta-1", "prod-1"]
        ),
    ]

    // MARK: zot

    /// The complete example of zot's article about retention.
    private static let zotFile = #"""
        {"distSpecVersion": "1.1.0-dev",
         "storage": {"rootDirectory": "/data", "gc": true, "gcDelay": "2h", "gcInterval": "1h",
          "retention": {"dryRun": false, "delay": "24h", "policies": [
           {"repositories": ["infra/*", "prod/*"], "deleteReferrers": false,
            "keepTags": [{"patterns": ["v2.*", ".*-prod"]}, {"patterns": ["v3.*", ".*-prod"], "pulledWithin": "168h"}]},
           {"repositories": ["tmp/**"], "deleteReferrers": true, "deleteUntagged": true,
            "keepTags": [{"patterns": ["v1.*"], "pulledWithin": "168h", "pushedWithin": "168h"}]},
           {"repositories": ["**"], "deleteReferrers": true, "deleteUntagged": true,
            "keepTags": [{"mostRecentlyPushedCount": 2, "mostRecentlyPulledCount": 1,
                          "pulledWithin": "720h", "pushedWithin": "720h"}]}]}},
         "http": {"address": "127.0.0.1", "port": "8080"}}
        """#

    static let zot: [Sample] = [
        Sample(
            testDescription: "zot: the first policy",
            source: .zot,
            file: zotFile,
            repository: "infra/a",
            images:
                """
                1 v2.1\n2 a-prod age=9999999\n3 v3.1 age=9999999 pull=604800\n4 v3.2 age=9999999 pull=604801\n\
                5 x\n6 age=86401\n7 age=86400\n8 of=99 age=99999999
                """,
            gone: ["v3.2", "x", "#6"]
        ),
        Sample(
            testDescription: "zot: the second policy",
            source: .zot,
            file: zotFile,
            repository: "tmp/a/b",
            images:
                """
                1 v1.1 age=604800\n2 v1.2 age=604801\n3 v1.3 age=604801 pull=5\n4 v2.0\n5 of=99 age=86401\n\
                6 of=99 age=86400\n7 age=86401
                """,
            gone: ["v1.2", "v2.0", "#5", "#7"]
        ),
        Sample(
            testDescription: "zot: the rest",
            source: .zot,
            file: zotFile,
            images:
                """
                1 a age=2592001\n2 b age=2592002\n3 c age=2592003\n4 d age=2592004 pull=2592001\n\
                5 e age=2592005 pull=2592005\n6 f age=2592006 pull=2592000
                """,
            gone: ["c", "d", "e"]
        ),
        Sample(
            testDescription: "zot: parts of paths",
            source: .zot,
            file: zotFile,
            repository: "infra/a/b",
            images: "1 x",
            gone: []
        ),
        Sample(
            testDescription: "zot: without keepTags",
            source: .zot,
            file: #"{"policies": [{"repositories": ["**"]}]}"#,
            images: "1 a\n2 age=3601\n3 age=3600",
            gone: ["#2"]
        ),
        Sample(
            testDescription: "zot: an entry after another",
            source: .zot,
            file:
                #"""
                {"policies": [{"repositories": ["**"], "deleteUntagged": false, "keepTags": [{"patterns": \#
                ["^a"], "mostRecentlyPushedCount": 1}, {"mostRecentlyPushedCount": 1}]}]}
                """#,
            images: "1 a1 age=9\n2 a2 age=1\n3 b1 age=8\n4 b2 age=7\n5 age=99999",
            gone: ["a1", "b1"]
        ),
        Sample(
            testDescription: "zot: untagged ones to keep",
            source: .zot,
            file: #"{"policies": [{"repositories": ["**"], "keepUntagged": [{"mostRecentlyPushedCount": 1}]}]}"#,
            images: "1 age=99999\n2 age=99998",
            gone: ["#1"]
        ),
    ]

    // MARK: Others

    private static let gar = #"""
        [{"name": "delete-prerelease", "action": {"type": "Delete"},
          "condition": {"tagState": "tagged", "tagPrefixes": ["alpha", "v0"], "olderThan": "2592000s"}},
         {"name": "keep-tagged-release", "action": {"type": "Keep"},
          "condition": {"tagState": "tagged", "tagPrefixes": ["release"], "packageNamePrefixes": ["team", "mobile"]}},
         {"name": "keep-minimum-versions", "action": {"type": "Keep"},
          "mostRecentVersions": {"packageNamePrefixes": ["mobile", "sand"], "keepCount": 2}}]
        """#

    private static let gitlab = #"""
        {"container_expiration_policy_attributes": {"cadence": "1month", "enabled": true, "keep_n": 1,
         "older_than": "14d",
         "name_regex": ".*", "name_regex_keep": "(?:v.+|main|release)"}}
        """#

    static let others: [Sample] = [
        Sample(
            testDescription: "GAR: what is older, but for releases",
            source: .gar,
            file: gar,
            images:
                """
                1 alpha-1 age=2592001\n2 v0.1 release-1 age=2592001\n3 v0.2 age=2592000\n4 x age=9999999\n\
                5 age=9999999
                """,
            gone: ["alpha-1"]
        ),
        Sample(
            testDescription: "GAR: other packages",
            source: .gar,
            file: gar,
            repository: "web",
            images: "1 v0.1 release-1 age=2592001",
            gone: ["v0.1", "release-1"]
        ),
        Sample(
            testDescription: "GAR: the most recent",
            source: .gar,
            file: gar,
            repository: "sandbox",
            images: "1 alpha1 age=3000001\n2 alpha2 age=3000000\n3 age=10",
            gone: ["alpha1"]
        ),
        Sample(
            testDescription: "GAR: as the API gives it",
            source: .gar,
            file:
                #"""
                {"cleanupPolicies": {"u": {"id": "u", "action": "DELETE", "condition": {"tagState": "UNTAGGED", \#
                "olderThan": "86400s"}}}}
                """#,
            images: "1 age=86401\n2 age=86400\n3 a age=99999",
            gone: ["#1"]
        ),
        Sample(
            testDescription: "GAR: any state",
            source: .gar,
            file:
                #"[{"name": "a", "action": {"type": "Delete"}, "condition": {"tagState": "any", "olderThan": "1d"}}]"#,
            images: "1 a age=86401\n2 age=86401",
            gone: ["a", "#2"]
        ),
        Sample(
            testDescription: "GitLab: all but what is kept, the newest and the young",
            source: .gitlab,
            file: gitlab,
            images:
                """
                1 latest age=9999999\n2 v1 age=9999999\n3 main age=9999999\n4 a age=9999999\n5 b age=9999998\n\
                6 mainx age=9999999\n7 c age=1209600\n8 d age=1209600
                """,
            gone: ["a", "b", "mainx"]
        ),
        Sample(
            testDescription: "GitLab: the newest count before the age",
            source: .gitlab,
            file: gitlab,
            images: "1 a age=9999999\n2 b age=9999998\n3 c age=5",
            gone: ["a", "b"]
        ),
        Sample(
            testDescription: "GitLab: not enabled",
            source: .gitlab,
            file: #"{"enabled": false, "name_regex": ".*", "keep_n": 1}"#,
            images: "1 a\n2 b",
            gone: []
        ),
        Sample(
            testDescription: "GitLab: the whole name",
            source: .gitlab,
            file: #"{"enabled": true, "name_regex_delete": "ci"}"#,
            images: "1 ci\n2 ci-1",
            gone: ["ci"]
        ),
        Sample(
            testDescription: "Quay: the number of tags",
            source: .quay,
            file: #"{"method": "number_of_tags", "value": 2}"#,
            images: "1 a age=3\n2 b age=2\n3 c age=1",
            gone: ["a"]
        ),
        Sample(
            testDescription: "Quay: by pattern",
            source: .quay,
            file: #"{"method": "number_of_tags", "value": "1", "tagPattern": "^test.*", "tagPatternMatches": true}"#,
            images: "1 test1 age=3\n2 test2 age=2\n3 c age=1",
            gone: ["test1"]
        ),
        Sample(
            testDescription: "Quay: all that do not match",
            source: .quay,
            file:
                #"""
                {"policies": [{"uuid": "1", "method": "creation_date", "value": "7d", "tagPattern": "prod", \#
                "tagPatternMatches": false}]}
                """#,
            images: "1 my-prod-1 age=604801\n2 x age=604801\n3 y age=604800",
            gone: ["x"]
        ),
        Sample(
            testDescription: "ACR: untagged ones",
            source: .acr,
            file: #"{"days": 7, "lastUpdatedTime": "2026-01-01T00:00:00Z", "status": "enabled"}"#,
            images: "1 age=604801\n2 age=604800\n3 a age=999999",
            gone: ["#1"]
        ),
    ]
}
