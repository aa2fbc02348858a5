// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Content
internal import Transparency

/// The files of a log on disk. Everything here blocks, and belongs on a file thread.
struct LogFiles: Sendable {
    let layout: JournalLayout
    let files: DurableFiles

    /// Makes the directories that every log has.
    func prepare() throws(ContentError) {
        var isNew = false
        for directory in [layout.directory, layout.temporary] where try files.makeDirectory(directory) { isNew = true }
        guard isNew else { return }
        try files.syncDirectory(layout.directory)
        try files.syncDirectory(DurableFiles.parent(of: layout.directory))
    }

    /// Writes tiles and bundles; durable on return. A file that is there has to have the same bytes.
    ///
    /// Crash story: a file has its name only with all its bytes, and whoever is here again after a crash writes the
    /// same files again.
    func write(_ new: [TreeEdge.File]) throws(ContentError) {
        var changed: Set<String> = []
        for (number, file) in new.enumerated() {
            var parent = layout.directory
            for directory in layout.directories(of: file.path) {
                if try files.makeDirectory(directory) { changed.insert(parent) }
                parent = directory
            }
            let temporary = "\(layout.temporary)/\(number)"
            _ = try files.create(layout.file(file.path), with: file.bytes, by: temporary)
            changed.insert(parent)
        }
        // What a directory is named in comes after what it holds.
        for directory in changed.sorted(by: >) { try files.syncDirectory(directory) }
    }

    /// The bytes of a tile or bundle; nil when there is no such file.
    func read(_ path: TilePath) throws(ContentError) -> [UInt8]? {
        try files.readIfPresent(layout.file(path), limit: JournalLimits.fileBytes + 1)
    }

    func hashes(_ path: TilePath) throws -> [TreeHash] {
        if let bytes = try read(path) { return try Tile.hashes(from: bytes, width: path.width) }
        let full = try fullInsteadOf(path)
        return Array(try Tile.hashes(from: full, width: TilePath.fullWidth).prefix(path.width))
    }

    /// The hashes of a tile of a smaller tree, out of the tiles that a tree of `whole` entries has.
    func hashes(_ path: TilePath, whole: Int64) throws -> [TreeHash] {
        guard path.isPartial else { return try hashes(path) }
        let available = (whole >> (8 * path.content.level)) - path.index << 8
        let width = Int(min(available, Int64(TilePath.fullWidth)))
        guard let wider = TilePath(path.content, index: path.index, width: width), width >= path.width else {
            throw JournalError(.damaged, "a tree of \(whole) entries has no tile \(path)")
        }
        return Array(try hashes(wider).prefix(path.width))
    }

    func entries(_ path: TilePath) throws -> [[UInt8]] {
        if let bytes = try read(path) { return try EntryBundle.entries(from: bytes, width: path.width) }
        let full = try fullInsteadOf(path)
        return Array(try EntryBundle.entries(from: full, width: TilePath.fullWidth).prefix(path.width))
    }

    /// The full tile in whose favour a partial one was removed.
    private func fullInsteadOf(_ path: TilePath) throws -> [UInt8] {
        guard path.isPartial, let full = path.full, let bytes = try read(full) else {
            throw JournalError(.damaged, "the file \(path) of the log is missing")
        }
        return bytes
    }

    /// Removes partial tiles whose full one is there: nobody needs them any more (tlog-tiles, "Partial tiles").
    func removePartials(of full: TilePath) throws(ContentError) {
        let directory = layout.file(full) + ".p"
        for name in try files.names(in: directory) { try files.removeIfPresent("\(directory)/\(name)") }
        try files.removeDirectoryIfPresent(directory)
    }

    /// Where a copy of another log keeps what is not verified yet.
    var staged: LogFiles { LogFiles(layout: layout.staged, files: files) }

    func removeStaged() throws(ContentError) { try files.removeTree(layout.staged.directory) }

    func checkpoint() throws(ContentError) -> [UInt8]? {
        try files.readIfPresent(layout.checkpoint, limit: TransparencyLimits.noteBytesLimit + 1)
    }

    func replaceCheckpoint(_ note: [UInt8]) throws(ContentError) {
        try files.replace(layout.checkpoint, with: note)
    }
}
