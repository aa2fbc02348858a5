// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Logging

/// What the collector does beside its turns, seldom and slowly: the walk over the names of files, and the audit.
extension Collector {
    /// Collects until the task is cancelled, and looks for orphans and for drift meanwhile. Does nothing where
    /// collection is switched off.
    package func runAll() async {
        guard options.isEnabled else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.run() }
            group.addTask { await self.runRounds() }
        }
    }

    /// A first round soon after the start, then one each `auditSeconds`.
    private func runRounds() async {
        var pause = min(catalog.settings.grace + 1, CollectionLimits.orphanDelay, options.auditSeconds)
        while !Task.isCancelled {
            do {
                try await environment.sleep(.seconds(pause))
                if try await collectOrphans() > 0 { requestTurn() }
                try await audit()
                pause = options.auditSeconds
            } catch is CancellationError {
                return
            } catch {
                pause = min(options.auditSeconds, CollectionLimits.orphanDelay)
                environment.logger.warning(
                    "the audit of collection was broken off; it is tried again",
                    metadata: ["reason": "\(error)"]
                )
            }
        }
    }

    /// Condemns files that no row speaks of and that are older than the grace period; the next turn takes them away.
    ///
    /// - Returns: How many.
    @discardableResult
    package func collectOrphans() async throws -> Int { try await OrphanWalk(collector: self).run() }

    /// Compares everything that collection rests on with a recount, and tells what differs. Changes nothing.
    @discardableResult
    package func audit() async throws -> AuditSummary {
        var summary = try await CollectionAudit(collector: self).run()
        summary.endedAt = environment.wallSeconds()
        keep(summary)
        metrics.audited(summary)
        for finding in summary.findings {
            environment.logger.critical("the audit of collection found a breach", metadata: ["finding": "\(finding)"])
        }
        return summary
    }
}
