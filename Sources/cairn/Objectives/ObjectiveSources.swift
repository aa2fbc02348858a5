// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Journal
import Maintenance
import Registry
import Replication

extension Server {
    /// Where samples of objectives come from that no request is: how far behind regions are, and what is damaged.
    static func sources(
        _ regions: RegionControl,
        _ configured: [RegionSettings],
        _ scrubber: Scrubber?,
        _ store: Store
    ) -> AvailabilityKeeper.Sources {
        let start = Int64(Date().timeIntervalSince1970)
        let logs = Set(configured.map(\.log))
        return AvailabilityKeeper.Sources {
            let now = Int64(Date().timeIntervalSince1970)
            return ((try? await regions.status()) ?? []).compactMap { region in
                // Of one that is paused, retired or gone from the configuration nothing is expected.
                guard logs.contains(region.origin), let phase = LogFollower.Phase(rawValue: region.phase) else {
                    return nil
                }
                // Of one that does not answer it is not known what it has done since it was last heard, or waited for.
                let silence = phase == .following ? 0 : now - max(region.log.verifiedAt ?? 0, start)
                return (region.name, max(region.secondsBehind, silence))
            }
        } findings: {
            guard let scrubber, let damaged = try? await scrubber.status().damaged.count else { return nil }
            return Int64(damaged + (store.registry.journal?.lastScrub?.report.problemCount ?? 0))
        }
    }
}
