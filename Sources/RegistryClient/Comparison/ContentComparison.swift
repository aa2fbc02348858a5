// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import ImageDiff
internal import OCI

/// Compares what is in the layers of two images, and fetches no more of them than that takes.
///
/// Both begin with the same layers as long as their digests are equal, and below the first that differs they have the
/// same file system. The layers from there on are read. The common ones are read only where one image has touched a
/// place since and the other has not: what was there before decides then what is added, removed or changed.
struct ContentComparison: Sendable {
    private let old: ComparedImage
    private let new: ComparedImage
    private let common: Int
    private var reading: LayerReading
    private var oldTree = FileTree(isComplete: true)
    private var newTree = FileTree(isComplete: true)

    init(_ old: ComparedImage, _ new: ComparedImage, _ progress: PullProgress) {
        self.old = old
        self.new = new
        common = zip(old.layers, new.layers).prefix { $0.digest == $1.digest }.count
        reading = LayerReading(progress: progress)
    }

    /// Fetches and lays over one another what is needed.
    ///
    /// - Parameter needsFiles: Whether all files are compared, and not the package databases alone.
    /// - Throws: As `LayerReading.read`; `.integrity` for a hard link to nothing.
    mutating func read(needsFiles: Bool) async throws(ClientError) {
        try await reading.read(Array(old.layers[common...]), from: old.regions)
        try await reading.read(Array(new.layers[common...]), from: new.regions)
        let below = FileTree(isComplete: common == 0)
        try layOut(over: below)
        let isNeeded =
            needsFiles
            ? oldTree.needsLayersBelow(besides: newTree)
            : oldTree.needsLayersBelowForPackages(besides: newTree)
        guard isNeeded else { return }
        try await reading.read(Array(old.layers[..<common]), from: old.regions)
        try layOut(over: tree(of: old.layers[..<common], over: FileTree(isComplete: true)))
    }

    private mutating func layOut(over below: FileTree) throws(ClientError) {
        oldTree = try tree(of: old.layers[common...], over: below)
        newTree = try tree(of: new.layers[common...], over: below)
    }

    private func tree(of layers: ArraySlice<Descriptor>, over below: FileTree) throws(ClientError) -> FileTree {
        var tree = below
        for layer in layers {
            guard let change = reading.trees[layer.digest] else { continue }
            do {
                try tree.apply(change)
            } catch {
                throw ClientError(error, about: "the layer \(layer.digest)")
            }
        }
        return tree
    }

    func files(shown: Int) -> FileDiff { FileDiff(oldTree, newTree, limit: shown) }

    func packages() throws(ClientError) -> PackageDiff {
        var contents: [SHA256Hash: [UInt8]] = [:]
        for layer in reading.trees.values { contents.merge(layer.databases) { first, _ in first } }
        var (before, after): ([String], [String]) = ([], [])
        do {
            return PackageDiff(
                try PackageList(of: oldTree, contents: contents, notes: &before),
                try PackageList(of: newTree, contents: contents, notes: &after),
                source: "databases in the layers",
                notes: before.map { "A: \($0)" } + after.map { "B: \($0)" }
            )
        } catch {
            throw ClientError(error, about: "a package database")
        }
    }
}
