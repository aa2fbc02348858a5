// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Catalog

extension Robots {
    /// What happened to robots since then, for the event record: made, given a new secret, revoked.
    func changes(since former: Robots) -> [ConfigurationChange] {
        all.compactMap { robot in
            guard let before = former[robot.name] else { return .robotCreated(name: robot.name) }
            if robot.revoked && !before.revoked { return .robotRevoked(name: robot.name) }
            if robot.generation != before.generation {
                return .robotRotated(name: robot.name, generation: robot.generation)
            }
            return nil
        }
    }
}
