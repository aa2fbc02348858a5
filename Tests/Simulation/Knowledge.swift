// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What the clients of a schedule know together, and so what the server must be able to do.
struct Knowledge {
    /// A blob or a manifest of a repository.
    struct Thing: Hashable {
        let repository: RepositoryName
        let digest: Digest
    }

    /// A moment at which nobody was taking a thing away.
    struct Mark {
        fileprivate let count: Int?
    }

    private struct Removals {
        var count = 0
        var underWay = 0
    }

    private var removals: [Thing: Removals] = [:]
    private var damages: [Digest: Int] = [:]
    /// Manifests that were acknowledged, and that nobody asked to delete since.
    private(set) var served: Set<Thing> = []
    /// Files that were damaged, until they are whole again.
    private(set) var damaged: Set<Digest> = []

    func mark(_ thing: Thing) -> Mark {
        let removals = removals[thing] ?? Removals()
        let isDisturbed = removals.underWay > 0 || damaged.contains(thing.digest)
        return Mark(count: isDisturbed ? nil : removals.count + (damages[thing.digest] ?? 0))
    }

    /// Whether nobody has begun to take the thing away, or damaged it, since the moment.
    func isUndisturbed(_ thing: Thing, since mark: Mark) -> Bool {
        mark.count != nil && self.mark(thing).count == mark.count
    }

    mutating func beginRemoval(_ thing: Thing) {
        removals[thing, default: Removals()].count += 1
        removals[thing, default: Removals()].underWay += 1
    }

    mutating func endRemoval(_ thing: Thing, wasDone: Bool) {
        removals[thing, default: Removals()].underWay -= 1
        if wasDone { served.remove(thing) }
    }

    mutating func acknowledge(_ thing: Thing, since mark: Mark) {
        if isUndisturbed(thing, since: mark) { served.insert(thing) }
    }

    mutating func damage(_ digest: Digest) {
        damages[digest, default: 0] += 1
        damaged.insert(digest)
    }

    /// Whether its file was ever damaged.
    func wasDamaged(_ digest: Digest) -> Bool { damages[digest] != nil }

    mutating func heal(_ digest: Digest) { damaged.remove(digest) }
}

extension Set<Knowledge.Thing> {
    /// In an order that is the same in every run.
    var inOrder: [Knowledge.Thing] {
        sorted { ($0.repository.description, $0.digest) < ($1.repository.description, $1.digest) }
    }
}
