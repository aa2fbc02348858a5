// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Foundation

/// What would survive a power cut, worked out from the calls that were made: data that was written and not synced is
/// lost, and so is a name whose directory was not synced after it was made.
struct DurabilityModel {
    private var unsynced: Set<String> = []
    /// Names that exist or are gone only in memory, by directory.
    private var pending: [String: Set<String>] = [:]
    private var names: Set<String> = []

    init(_ events: [FaultPlan.Event]) {
        for event in events { apply(event) }
    }

    private mutating func apply(_ event: FaultPlan.Event) {
        switch event.call {
        case .pwritev, .ftruncate, .fchmod:
            unsynced.insert(event.path)
        case .fdatasync:
            unsynced.remove(event.path)
        case .fsync:
            unsynced.remove(event.path)
            pending[event.path] = nil
        case .mkdir:
            change(event.path)
            names.insert(event.path)
        case .unlink:
            change(event.path)
            names.remove(event.path)
        case .rename:
            if unsynced.remove(event.path) != nil {
                unsynced.insert(event.target)
            } else {
                unsynced.remove(event.target)
            }
            change(event.path)
            change(event.target)
            names.remove(event.path)
            names.insert(event.target)
        default:
            break
        }
    }

    private mutating func change(_ path: String) {
        pending[(path as NSString).deletingLastPathComponent, default: []].insert(path)
    }

    private func isNameDurable(_ path: String) -> Bool {
        pending[(path as NSString).deletingLastPathComponent]?.contains(path) != true
    }

    /// The name was made by a rename or mkdir among the calls, and name and data would be there after a power cut.
    func survives(_ path: String) -> Bool {
        names.contains(path) && isNameDurable(path) && !unsynced.contains(path)
    }

    /// The name was taken away, and stays away.
    func staysGone(_ path: String) -> Bool {
        !names.contains(path) && isNameDurable(path)
    }
}
