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
        _ scrubber: Scrubber?,
        _ store: Store
    ) -> AvailabilityKeeper.Sources {
        AvailabilityKeeper.Sources {
            let now = Int64(Date().timeIntervalSince1970)
            return ((try? await regions.status()) ?? []).map { region in
                // Of one that does not answer it is not known what it has done since.
                let isFollowed = region.phase == LogFollower.Phase.following.rawValue
                let silence = isFollowed ? 0 : now - (region.log.verifiedAt ?? 0)
                return (region.name, max(region.secondsBehind, silence))
            }
        } findings: {
            guard let scrubber, let damaged = try? await scrubber.status().damaged.count else { return nil }
            return Int64(damaged + (store.registry.journal?.lastScrub?.report.problemCount ?? 0))
        }
    }
}
