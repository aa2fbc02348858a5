// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Cryptography
import OCI
import Retention

/// Makes a plan: reads each repository, asks the rules, and writes every decision down.
struct RetentionPlanner {
    let catalog: Catalog
    let settings: RetentionSettings
    let clock: RetentionClock
    /// What keeps images of a repository whatever the rules say.
    let protections: RetentionProtections
    let progress: RetentionProgress

    private struct Totals {
        var next: Int64 = 1
        var kept: Int64 = 0
        var tags: Int64 = 0
        var manifests: Int64 = 0
        var leftOut = 0
        var warnings: [String] = []
    }

    /// Plans a run that was begun. `mayRetain` says which repositories the caller may plan for; others are left out. So
    /// are those whose home is in another region: what goes there goes here too.
    func plan(_ run: Int64, scope: Glob, mayRetain: @Sendable (RepositoryName) -> Bool) async throws {
        let breakers = RetentionBreakers(catalog: catalog, clock: clock)
        var totals = Totals()
        totals.warnings = try await breakers.clockWarnings()
        var hasher = try DigestHasher(.sha256)
        try hasher.update(settings.canonical)
        var freed = FreedBytes(catalog)
        var rules: [RetentionRule] = []
        var last: RepositoryName?
        while true {
            let page = try await catalog.repositoriesWithManifests(after: last, limit: RegistryLimits.retentionPage)
            for name in page where scope.matches(name.description) {
                try Task.checkCancellation()
                let applicable = settings.rules(for: name)
                guard !applicable.isEmpty, try await catalog.regionOfHome(of: name) == nil else { continue }
                guard mayRetain(name) else {
                    totals.leftOut += 1
                    continue
                }
                rules += applicable
                try await plan(run, name, applicable, &totals, &hasher, &freed)
                progress.advance(to: Int64(totals.next) - 1)
            }
            guard page.count == RegistryLimits.retentionPage, let next = page.last else { break }
            last = next
        }
        totals.warnings += try await breakers.pullWarnings(rules)
        let going = Int(totals.tags + totals.manifests)
        if going > 0 { totals.warnings += try await breakers.regionWarnings() }
        if let warning = RetentionBreakers.countWarning(going, limits: settings.limits) {
            totals.warnings.append(warning)
        }
        if totals.leftOut > 0 {
            totals.warnings.append("\(totals.leftOut) repositories were left out: you may not retain there")
        }
        let digest = try hasher.finalize()
        let shares = try await freed.byRule()
        try await catalog.finishPlan(
            run,
            hash: digest.hex,
            kept: totals.kept,
            tags: totals.tags,
            manifests: totals.manifests,
            bytes: shares.reduce(0) { $0 + $1.bytes },
            shares: shares,
            warnings: totals.warnings
        )
    }

    private func plan(
        _ run: Int64,
        _ name: RepositoryName,
        _ rules: [RetentionRule],
        _ totals: inout Totals,
        _ hasher: inout DigestHasher,
        _ freed: inout FreedBytes
    ) async throws {
        let inventory = try await RetentionInventory(of: name, in: catalog)
        let decisions = await RetentionEvaluation.run(
            inventory.snapshot,
            rules: rules,
            protections: try await protections.all(of: name, now: clock.wall()),
            now: clock.wall()
        )
        let items = RetentionGrouping(decisions, inventory).items(from: totals.next)
        totals.next += Int64(items.count)
        let going = items.prefix { !$0.isKept }
        let tags = going.count { $0.tag != nil }
        totals.kept += Int64(items.count - going.count)
        totals.tags += Int64(tags)
        totals.manifests += Int64(going.count - tags)
        if let warning = RetentionBreakers.shareWarning(
            name,
            tags: inventory.tags.count,
            going: tags,
            limits: settings.limits
        ) {
            totals.warnings.append(warning)
        }
        for item in going { try hasher.update(item.line) }
        try await freed.add(going, in: name)
        for start in stride(from: 0, to: items.count, by: RegistryLimits.retentionWritePage) {
            let page = items[start..<min(start + RegistryLimits.retentionWritePage, items.count)]
            try await catalog.addDecisions(Array(page), to: run)
        }
    }
}

extension RetentionItem {
    /// What a plan's hash covers of a decision.
    fileprivate var line: String {
        let parts = [repository.description, tag?.description ?? "", digest.description, rule ?? "", stamp.description]
        return parts.joined(separator: "\t") + "\n"
    }
}

extension DigestHasher {
    fileprivate mutating func update(_ text: String) throws(CryptographyError) {
        let bytes = Array(text.utf8)
        try update(bytes.span.bytes)
    }
}
