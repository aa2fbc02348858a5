// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The file system that layers make, laid one over the other. A value: a copy shares what it has in common.
///
/// The layers below the first one need not be known. Then nothing is said of a place that no layer has touched.
package struct FileTree: Sendable {
    struct Node: Sendable {
        var entry: FileEntry?
        /// Whether there is known to be nothing here.
        var isAbsent = false
        /// Whether all that is below this place is known: a layer has removed or replaced what was there.
        var isClosed = false
        var children: [[UInt8]: Node] = [:]

        /// What is known of a place.
        func state(_ isKnown: Bool) -> State {
            if let entry { return .present(entry) }
            return isAbsent || isKnown ? .absent : .unknown
        }
    }

    enum State: Hashable {
        case present(FileEntry)
        case absent
        /// What the layers below have there, which are not known.
        case unknown

        var entry: FileEntry? { if case .present(let entry) = self { entry } else { nil } }
    }

    /// A directory of a layer that is a symbolic link here: what the layer has in it belongs where the link leads.
    private struct Deferred {
        let path: [[UInt8]]
        let change: LayerTree.Node
    }

    private(set) var root = Node()
    /// Whether a hard link leads to what the layers below have.
    private(set) var hasOpenLinks = false

    /// - Parameter isComplete: Whether there is nothing below the first layer.
    package init(isComplete: Bool) {
        root.isClosed = isComplete
        if isComplete { root.entry = .impliedDirectory }
    }

    var isComplete: Bool { root.isClosed }

    /// Lays a layer over what is there.
    ///
    /// What a layer removes is removed from below it alone, wherever in the layer that is said.
    ///
    /// - Throws: `malformed` for a hard link to nothing; `tooLarge` for symbolic links that do not end.
    package mutating func apply(_ layer: LayerTree) throws(ImageDiffError) {
        var deferred: [Deferred] = []
        var path: [[UInt8]] = []
        Self.apply(layer.root, to: &root, isKnown: root.isClosed, &path, &deferred)
        while let next = deferred.popLast() {
            var path = try resolved(next.path, followsLast: true)
            let whole = path
            Self.change(&root, whole[...], isKnown: root.isClosed) { node, isKnown in
                Self.apply(next.change, to: &node, isKnown: isKnown, &path, &deferred)
            }
        }
        for path in layer.hardLinks { try resolveHardLink(path) }
    }

    private static func apply(
        _ change: LayerTree.Node,
        to node: inout Node,
        isKnown: Bool,
        _ path: inout [[UInt8]],
        _ deferred: inout [Deferred]
    ) {
        if change.isWhiteout { node = Node(isAbsent: true, isClosed: true) }
        if change.isOpaque { (node.children, node.isClosed) = ([:], true) }
        if let entry = change.entry {
            let wasDirectory = node.entry?.isDirectory ?? !node.isAbsent
            if !entry.isDirectory || !wasDirectory { node = Node(isClosed: true) }
            (node.entry, node.isAbsent) = (entry, false)
            if entry.isLink {
                guard !change.children.isEmpty else { return }
                return deferred.append(Deferred(path: path, change: LayerTree.Node(children: change.children)))
            }
        } else if !change.children.isEmpty {
            if node.entry?.isLink == true { return deferred.append(Deferred(path: path, change: change)) }
            node.beDirectory(isKnown)
        }
        let isKnown = isKnown || node.isClosed
        for (name, child) in change.children {
            path.append(name)
            apply(child, to: &node.children[name, default: Node()], isKnown: isKnown, &path, &deferred)
            path.removeLast()
        }
    }

    /// Changes what is at a place; directories are made on the way.
    private static func change(
        _ node: inout Node,
        _ names: ArraySlice<[UInt8]>,
        isKnown: Bool,
        _ body: (inout Node, Bool) -> Void
    ) {
        guard let name = names.first else { return body(&node, isKnown) }
        node.beDirectory(isKnown)
        let isKnown = isKnown || node.isClosed
        change(&node.children[name, default: Node()], names.dropFirst(), isKnown: isKnown, body)
    }

    // MARK: Links

    /// Gives a hard link what it is another name of.
    private mutating func resolveHardLink(_ path: FilePath) throws(ImageDiffError) {
        let place = try resolved(path.names)
        guard case .hardLink(let target)? = find(place).state.entry?.kind else { return }
        switch find(try resolved(target.names)).state {
        case .present(let entry):
            guard !entry.isDirectory else {
                throw ImageDiffError(.malformed, "the hard link \(path.quoted) leads to a directory")
            }
            if case .hardLink = entry.kind {
                guard isComplete else { return hasOpenLinks = true }
                throw ImageDiffError(.malformed, "the hard link \(path.quoted) leads to one that comes after it")
            }
            Self.change(&root, place[...], isKnown: root.isClosed) { node, _ in node.entry = entry }
        case .unknown: hasOpenLinks = true
        case .absent:
            throw ImageDiffError(
                .malformed,
                "the hard link \(path.quoted) leads to \(target.quoted), which is not in the image"
            )
        }
    }

    /// A place with the symbolic links on the way to it followed, within the image; one at the place itself is not.
    private func resolved(_ names: [[UInt8]], followsLast: Bool = false) throws(ImageDiffError) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var rest = Array(names.reversed())
        var followed = 0
        while let name = rest.popLast() {
            if name == FilePath.here { continue }
            if name == FilePath.up {
                _ = result.popLast()
                continue
            }
            result.append(name)
            guard !rest.isEmpty || followsLast, case .link(let target)? = find(result).state.entry?.kind else {
                continue
            }
            followed += 1
            guard followed <= ImageDiffLimits.linksFollowed, rest.count <= ImageDiffLimits.depth * 8 else {
                throw ImageDiffError(.tooLarge, "links on the way to \(FilePath(names: names).quoted) do not end")
            }
            result.removeLast()
            if target.first == UInt8(ascii: "/") { result = [] }
            rest += target.split(separator: UInt8(ascii: "/")).map(Array.init).reversed()
        }
        return result
    }

    // MARK: Reading

    /// The node at a place, whether what is below it is known, and what is known of itself.
    func find(_ names: [[UInt8]]) -> (node: Node?, isKnown: Bool, state: State) {
        var node: Node? = root
        var isKnown = false
        for name in names {
            isKnown = isKnown || node?.isClosed == true
            node = node?.children[name]
        }
        let state = node?.state(isKnown) ?? (isKnown ? .absent : .unknown)
        return (node, isKnown || node?.isClosed == true, state)
    }

    /// What is at a place; nil also where that is not known. Links are not followed.
    package func entry(at path: FilePath) -> FileEntry? { find(path.names).state.entry }

    /// The names that are known in a directory.
    func names(in path: FilePath) -> [[UInt8]] {
        (find(path.names).node?.children.keys).map { $0.sorted { $0.lexicographicallyPrecedes($1) } } ?? []
    }
}

extension FileTree.Node {
    /// Lets something be put below it.
    fileprivate mutating func beDirectory(_ isKnown: Bool) {
        if let entry {
            guard !entry.isDirectory else { return }
            self = FileTree.Node(entry: .impliedDirectory, isClosed: true)
        } else if isAbsent || isKnown {
            (entry, isAbsent) = (.impliedDirectory, false)
        }
    }
}
