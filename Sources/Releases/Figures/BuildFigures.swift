// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Builds that succeeded (M1).
struct BuildFigures {
    private let scope: FigureScope
    private var succeeded = 0
    private var failed = 0
    private var exemplars = FigureExemplars()

    init(_ scope: FigureScope) { self.scope = scope }

    mutating func add(_ report: BuildReport, of entry: ReleaseEntry, order: Int) {
        guard scope.contains(entry.time) else { return }
        if report.succeeded {
            succeeded += 1
        } else {
            failed += 1
            exemplars.offer(
                ExemplarRank(time: entry.time, order: order),
                FigureExemplar(repository: entry.repository, digest: entry.digest, time: entry.time)
            )
        }
    }

    func finish() -> Figure {
        Figure(
            .builds,
            part: succeeded,
            of: succeeded + failed,
            counts: [FigureCount("succeeded", succeeded), FigureCount("failed", failed)],
            exemplars: exemplars
        )
    }
}
