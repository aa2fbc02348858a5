// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What differs between the file systems of two images.
package struct FileDiff: Hashable, Sendable {
    /// The first ones in the order of the tree: a directory before what is in it, names by their bytes.
    package private(set) var changes: [FileChange] = []
    package private(set) var added = 0
    package private(set) var removed = 0
    package private(set) var changed = 0
    /// Bytes of the files that were added, and of those that were removed.
    package private(set) var addedBytes: Int64 = 0
    package private(set) var removedBytes: Int64 = 0
    private let limit: Int

    package var total: Int { added + removed + changed }
    package var isEmpty: Bool { total == 0 }

    /// Compares two file systems of which all is known, or nothing that differs is unknown in one alone.
    ///
    /// - Parameters:
    ///   - old: The first image's.
    ///   - new: The second one's.
    ///   - limit: Changes that are kept; all are counted.
    package init(_ old: FileTree, _ new: FileTree, limit: Int = ImageDiffLimits.shown) {
        self.limit = limit
        var path: [[UInt8]] = []
        compare(old.root, new.root, &path)
    }

    private mutating func compare(_ old: FileTree.Node?, _ new: FileTree.Node?, _ path: inout [[UInt8]]) {
        count(old?.entry, new?.entry, path)
        let names = Set((old?.children ?? [:]).keys).union((new?.children ?? [:]).keys)
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            path.append(name)
            compare(old?.children[name], new?.children[name], &path)
            path.removeLast()
        }
    }

    private mutating func count(_ old: FileEntry?, _ new: FileEntry?, _ path: [[UInt8]]) {
        guard old != nil || new != nil else { return }
        let change = FileChange(path: FilePath(names: path), old: old, new: new)
        switch (old, new) {
        case (let old?, nil):
            removed += 1
            removedBytes += old.size
        case (nil, let new?):
            added += 1
            addedBytes += new.size
        default:
            if change.aspects.isEmpty { return }
            changed += 1
        }
        if changes.count < limit { changes.append(change) }
    }
}

extension FileTree {
    /// Whether what differs depends on the layers below, which are not known: on one side they show through where on
    /// the other a layer has put or removed something.
    ///
    /// Two images that begin with the same layers have below the first layer that differs the same file system. Where
    /// neither has touched a place since, or both have, that need not be read: it is the same, or seen by nobody. Only
    /// where one has touched a place and the other has not does what is added, removed or changed there depend on it.
    ///
    /// - Parameter other: The other image's tree, above the same layers.
    /// - Returns: Whether the layers below have to be read.
    package func needsLayersBelow(besides other: FileTree) -> Bool {
        if isComplete || other.isComplete { return false }
        if hasOpenLinks || other.hasOpenLinks { return true }
        return Self.isOneSided(root, other.root, false, false)
    }

    /// The same for the package databases alone.
    package func needsLayersBelowForPackages(besides other: FileTree) -> Bool {
        if isComplete || other.isComplete { return false }
        return PackageDatabase.all.contains { path in
            let (old, new) = (find(path.names), other.find(path.names))
            // A link that leads below the layers may be a database.
            let isOpen = [old, new].contains { found in
                if case .hardLink? = found.state.entry?.kind { true } else { false }
            }
            if isOpen || (old.state == .unknown) != (new.state == .unknown) { return true }
            return Self.isOneSided(old.node, new.node, old.isKnown, new.isKnown)
        }
    }

    private static func isOneSided(_ old: Node?, _ new: Node?, _ oldIsKnown: Bool, _ newIsKnown: Bool) -> Bool {
        let before = old?.state(oldIsKnown) ?? (oldIsKnown ? .absent : .unknown)
        let after = new?.state(newIsKnown) ?? (newIsKnown ? .absent : .unknown)
        guard (before == .unknown) == (after == .unknown) else { return true }
        let oldIsKnown = oldIsKnown || old?.isClosed == true
        let newIsKnown = newIsKnown || new?.isClosed == true
        guard oldIsKnown == newIsKnown else { return true }
        if oldIsKnown { return false }
        let names = Set((old?.children ?? [:]).keys).union((new?.children ?? [:]).keys)
        return names.contains { isOneSided(old?.children[$0], new?.children[$0], oldIsKnown, newIsKnown) }
    }
}
