// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The layers of two images side by side.
package struct LayerDiff: Hashable, Sendable {
    package struct Layer: Hashable, Sendable {
        package let digest: Digest
        package let size: Int64
        /// What made it, as the history says.
        package let command: String?
    }

    /// In the order of the first image; those of both are the same bytes.
    package private(set) var shared: [Layer] = []
    package private(set) var removed: [Layer] = []
    package private(set) var added: [Layer] = []
    /// Layers that both images begin with.
    package private(set) var common = 0
    /// Whether the same layers stand in another order, or not as often.
    package private(set) var isReordered = false

    package var isEmpty: Bool { removed.isEmpty && added.isEmpty && !isReordered }

    package init(_ old: [Descriptor], _ oldCommands: [String?], _ new: [Descriptor], _ newCommands: [String?]) {
        let (before, after) = (Set(old.map(\.digest)), Set(new.map(\.digest)))
        for (layer, command) in zip(old, oldCommands) {
            let layer = Layer(digest: layer.digest, size: layer.size, command: command)
            if after.contains(layer.digest) { shared.append(layer) } else { removed.append(layer) }
        }
        for (layer, command) in zip(new, newCommands) where !before.contains(layer.digest) {
            added.append(Layer(digest: layer.digest, size: layer.size, command: command))
        }
        common = zip(old, new).prefix { $0.digest == $1.digest }.count
        isReordered = shared.map(\.digest) != new.map(\.digest).filter { before.contains($0) }
    }
}

/// What two indexes have for platforms.
package struct PlatformDiff: Hashable, Sendable {
    package struct Row: Hashable, Sendable {
        /// `linux/arm64`, with a variant where it is not the usual one.
        package let platform: String
        package let old: Digest?
        package let new: Digest?
    }

    /// Sorted by platform, those with the same image included.
    package let rows: [Row]

    package var isEmpty: Bool { rows.allSatisfy { $0.old == $0.new } }

    /// Takes the images of each platform; of several for one, the first, which is what clients take.
    package init(_ old: [(platform: String, digest: Digest)], _ new: [(platform: String, digest: Digest)]) {
        let before = Dictionary(old.map { ($0.platform, $0.digest) }) { first, _ in first }
        let after = Dictionary(new.map { ($0.platform, $0.digest) }) { first, _ in first }
        rows = Set(before.keys).union(after.keys).sorted().map { name in
            Row(platform: name, old: before[name], new: after[name])
        }
    }
}
