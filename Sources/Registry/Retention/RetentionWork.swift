// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Logging
import OCI

/// Carries the decisions of a plan out, and undoes them, group by group.
///
/// Crash story: each group is one transaction that also moves its decisions on, so what was cut off is taken up again
/// with the first group that is still to be done.
struct RetentionWork {
    let catalog: Catalog
    let keeps: RetentionGuard
    let context: Catalog.Context
    let progress: RetentionProgress

    struct Result: Sendable {
        var tags = 0
        var manifests = 0
        var skipped = 0
        var conflicts = 0
    }

    /// Applies what is still planned of a run. A group that an index holds, which goes itself, is tried again after the
    /// others; one that nothing frees is skipped.
    func apply(_ run: Int64) async throws -> Result {
        var result = Result()
        while true {
            var hasProgressed = false
            var held: [(group: [RetentionItem], reason: String)] = []
            try await forEachGroup(of: run, in: .planned) { groups in
                let elsewhere = try await handedOver(groups)
                for group in groups {
                    guard let region = group.first.flatMap({ elsewhere[$0.repository] }) else { continue }
                    try await catalog.skip(group, of: run, reason: "its home is in the region '\(region)' now")
                    result.skipped += group.count
                    progress.advance(by: group.count)
                }
                let own = groups.filter { group in group.first.map { elsewhere[$0.repository] == nil } ?? false }
                for (group, outcome) in try await applied(own, of: run) {
                    switch outcome {
                    case .done(let tags, let manifests):
                        result.tags += tags
                        result.manifests += manifests
                        hasProgressed = true
                        progress.advance(by: group.count)
                    case .skipped:
                        result.skipped += group.count
                        progress.advance(by: group.count)
                    case .held(let reason):
                        if held.count < RegistryLimits.retentionPage { held.append((group, reason)) }
                    }
                }
            }
            guard !held.isEmpty else { return result }
            guard !hasProgressed else { continue }
            for (group, reason) in held {
                try await catalog.skip(group, of: run, reason: reason)
                result.skipped += group.count
                progress.advance(by: group.count)
            }
        }
    }

    /// What has its home elsewhere by now is that region's business.
    private func handedOver(_ groups: [[RetentionItem]]) async throws -> [RepositoryName: String] {
        var regions: [RepositoryName: String] = [:]
        for name in Set(groups.compactMap { $0.first?.repository }) {
            regions[name] = try await catalog.regionOfHome(of: name)
        }
        return regions
    }

    private func applied(
        _ groups: [[RetentionItem]],
        of run: Int64
    ) async throws -> [(group: [RetentionItem], outcome: RetentionOutcome)] {
        // Groups with indexes come before those of their images, but those at once may overtake one another: an image
        // whose index is still there is held, and tried again.
        var results: [(group: [RetentionItem], outcome: RetentionOutcome)] = []
        for start in stride(from: 0, to: groups.count, by: RegistryLimits.retentionWidth) {
            let batch = groups[start..<min(start + RegistryLimits.retentionWidth, groups.count)]
            try await withThrowingTaskGroup(of: ([RetentionItem], RetentionOutcome).self) { tasks in
                for group in batch {
                    tasks.addTask { (group, try await catalog.apply(group, of: run, unless: keeps, context: context)) }
                }
                for try await result in tasks { results.append(result) }
            }
        }
        return results
    }

    /// Brings back what a run deleted, the last group first: what an index holds before the index.
    func restore(_ run: Int64) async throws -> Result {
        var result = Result()
        try await forEachGroup(of: run, in: .done, backwards: true) { groups in
            for group in groups {
                let outcome = try await catalog.restore(group, of: run, context: context)
                result.tags += outcome.tags
                result.manifests += outcome.manifests
                result.conflicts += outcome.conflicts.count
                progress.advance(by: group.count)
            }
        }
        return result
    }

    private func forEachGroup(
        of run: Int64,
        in state: RetentionItem.State,
        backwards: Bool = false,
        _ body: ([[RetentionItem]]) async throws -> Void
    ) async throws {
        var last: Int64?
        while true {
            try Task.checkCancellation()
            let groups = try await catalog.groups(
                of: run,
                in: state,
                beyond: last,
                backwards: backwards,
                limit: RegistryLimits.retentionPage
            )
            guard let root = groups.last?.first?.root else { return }
            try await body(groups)
            last = root
        }
    }
}
