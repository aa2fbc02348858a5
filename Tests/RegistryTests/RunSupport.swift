// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Registry
import Retention
import TestSupport
import Testing
import Yams

/// What runs of retention are tested with: rules, and a runner that works while the test looks on.
enum RunSupport {
    /// Deletes tags older than a minute, but for the newest two.
    static let rules = """
        policies:
          - name: p
            repositories: ["team/**"]
            rules:
              - {name: new, keep: {tags: ["*"], newest: 2}}
              - {name: old, delete: {tags: ["*"], pushed-before: 1m}}
        """

    static func settings(_ yaml: String) throws -> RetentionSettings {
        try RetentionSettings(try #require(try Yams.compose(yaml: yaml)))
    }

    /// Runs a test with the rules in force and a runner at work.
    static func with<Result: Sendable>(
        _ yaml: String = rules,
        in directory: TemporaryDirectory? = nil,
        options: TestStore.Options = TestStore.Options(),
        _ body: (TestStore, RetentionRunner) async throws -> Result
    ) async throws -> Result {
        try await TestStore.with(in: directory, options: options) { store in
            let runner = try #require(store.registry.retention)
            _ = try await runner.replace(with: settings(yaml))
            let work = work(runner)
            defer { work.cancel() }
            return try await body(store, runner)
        }
    }

    /// A runner at work, whose schedule never strikes.
    static func work(_ runner: RetentionRunner) -> Task<Void, Never> {
        Task {
            await runner.run { _ in
                for await _ in AsyncStream<Never>.makeStream().stream {}
                throw CancellationError()
            } random: { _ in
                0
            }
        }
    }

    /// A run once nothing is done with it any more.
    static func settled(_ id: Int64, _ runner: RetentionRunner) async throws -> RetentionReport {
        while true {
            let report = try await runner.report(id)
            guard ["planning", "applying", "restoring"].contains(report.state) else { return report }
            await Task.yield()
        }
    }

    static func plan(_ runner: RetentionRunner) async throws -> RetentionReport {
        let begun = try await runner.plan(
            scope: Glob(parsing: "**"),
            mayRetain: { _ in true },
            caller: TestStore.caller
        )
        return try await settled(begun.id, runner)
    }

    @discardableResult
    static func apply(
        _ plan: RetentionReport,
        _ runner: RetentionRunner,
        isConfirmed: Bool = true
    ) async throws -> RetentionReport {
        let begun = try await runner.apply(
            plan.id,
            hash: plan.planHash ?? "",
            isConfirmed: isConfirmed,
            caller: TestStore.caller
        )
        return try await settled(begun.id, runner)
    }

    static func restore(_ id: Int64, _ runner: RetentionRunner) async throws -> RetentionReport {
        try await settled(try await runner.restore(id, caller: TestStore.caller).id, runner)
    }

    /// Everything that clients and rules see of a repository, in lines.
    static func state(_ store: TestStore, _ name: String = "team/app") async throws -> [String] {
        let name = try Sample.repository(name)
        let tags = try await store.catalog.retainedTags(in: name, after: nil, limit: 1_000)
        let manifests = try await store.catalog.retainedManifests(in: name, after: nil, limit: 1_000)
        return tags.map { "\($0.tag) \($0.digest) \($0.setAt)" }
            + manifests.map { "\($0.digest) \($0.pushedAt) \($0.lastPull ?? 0) \($0.children) \($0.mediaType)" }
    }

    static func outcome(_ report: RetentionReport, _ state: String) -> Int64 {
        report.outcomes.first { $0.state == state }?.count ?? 0
    }

    /// What was skipped, or could not be brought back, and why.
    static func reasons(_ id: Int64, _ runner: RetentionRunner) async throws -> [String] {
        try await runner.lines(of: id, after: 0, limit: 1_000).compactMap(\.outcome)
    }

    /// The code of a refusal; nil where there is none.
    static func refusal(_ work: () async throws -> Void) async throws -> RetentionRefusal? {
        do {
            try await work()
            return nil
        } catch RegistryError.retention(let refusal, _) {
            return refusal
        }
    }
}
