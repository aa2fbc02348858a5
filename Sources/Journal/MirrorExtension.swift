// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Content
package import Transparency

/// The way of a mirror to a newer checkpoint, entry by entry: nothing counts before the last one has come and the root
/// is the one that was signed.
///
/// Memory is bounded by `JournalLimits.mirrorBytes`; what is more waits in a directory of its own. Giving an extension
/// up leaves nothing but that directory, which the next one empties.
package struct MirrorExtension: Sendable {
    package let target: LogMirror.Signed
    private let mirror: LogMirror
    private var edge: TreeEdge
    private let staged: LogFiles
    private var stagedPaths: [TilePath] = []
    private var pending: [TreeEdge.File] = []
    private var pendingBytes = 0

    package init(of mirror: LogMirror, to target: LogMirror.Signed) {
        self.target = target
        self.mirror = mirror
        edge = mirror.edge
        staged = mirror.files.staged
    }

    /// The bundles that come next, each as wide as a tree of the checkpoint's size has it; none at the end.
    package func next(limit: Int) -> [TilePath] {
        let end = target.checkpoint.size
        let first = edge.size >> 8
        let last = (end + 255) >> 8
        guard edge.size < end else { return [] }
        return (first..<min(last, first + Int64(limit))).compactMap { index in
            TilePath(.entries, index: index, width: Int(min(end - index << 8, Int64(TilePath.fullWidth))))
        }
    }

    /// Takes the bundle that comes next, whole: of the first one the beginning may be here already.
    ///
    /// - Throws: `Equivocation` where that beginning is another one, `JournalError`.
    package mutating func append(_ bundle: [[UInt8]], at path: TilePath) async throws {
        let known = Int(edge.size & 255)
        guard path.index == edge.size >> 8, bundle.count == path.width, bundle.count > known else {
            throw JournalError(.damaged, "\(path) is not what comes after \(edge.size) entries")
        }
        guard Array(bundle.prefix(known)) == edge.entries else {
            throw mirror.equivocation(
                target,
                "its entries before \(edge.size) are not those that were signed",
                isProven: false
            )
        }
        let isLast = path.index << 8 + Int64(path.width) >= target.checkpoint.size
        // What is partial on the way nobody has signed; at the end, what did not change last is partial too.
        let new = try edge.append(Array(bundle.dropFirst(known)))
        var files = new.filter { !$0.path.isPartial }
        if isLast { files += edge.partials + new.filter { $0.path.content == .entries && $0.path.isPartial } }
        pending += files
        pendingBytes += files.reduce(0) { $0 + $1.bytes.count }
        guard pendingBytes > JournalLimits.mirrorBytes else { return }
        let (staged, spilled, isFirst) = (staged, pending, stagedPaths.isEmpty)
        try await mirror.threads.call {
            if isFirst { try staged.prepare() }
            try staged.write(spilled)
        }
        stagedPaths += spilled.map(\.path)
        (pending, pendingBytes) = ([], 0)
    }

    /// Makes the extension what is here. Durable on return.
    ///
    /// - Throws: `Equivocation` where the entries have not the signed root: the log is not the continuation of what is
    ///   here, or these are not its entries.
    package func finish(_ mirror: inout LogMirror) async throws {
        guard edge.size == target.checkpoint.size else {
            throw JournalError(.damaged, "\(edge.size) entries of \(target.checkpoint.size) have come")
        }
        guard edge.root == target.checkpoint.root else {
            throw mirror.equivocation(
                target,
                "its entries from \(mirror.size) on have not the root that was signed",
                isProven: false
            )
        }
        let (files, staged, paths, pending, note) = (mirror.files, staged, stagedPaths, pending, target.note)
        try await mirror.threads.call {
            try Self.move(paths, from: staged, to: files)
            try files.write(pending)
            try files.replaceCheckpoint(note)
            try files.removeStaged()
            for path in paths + pending.map(\.path) where !path.isPartial { try files.removePartials(of: path) }
        }
        mirror.replace(edge: edge, signed: target)
    }

    /// Writes what was waiting under its own names. Blocks.
    private static func move(_ paths: [TilePath], from staged: LogFiles, to files: LogFiles) throws {
        var batch: [TreeEdge.File] = []
        var bytes = 0
        for path in paths {
            guard let content = try staged.read(path) else {
                throw JournalError(.damaged, "\(path) was taken away while it was waiting")
            }
            batch.append(TreeEdge.File(path: path, bytes: content))
            bytes += content.count
            guard bytes > JournalLimits.mirrorBytes else { continue }
            try files.write(batch)
            (batch, bytes) = ([], 0)
        }
        try files.write(batch)
    }
}
