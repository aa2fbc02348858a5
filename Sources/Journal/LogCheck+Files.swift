// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Transparency

extension LogCheck {
    /// The files of the log that its newest tree does not need: partial tiles of smaller trees have to be beginnings of
    /// the tiles that are here now, and nothing else may lie there.
    func checkOtherFiles(of edge: TreeEdge, _ report: inout Report) async throws {
        var waiting = ["tile"]
        while let directory = waiting.popLast() {
            let names = try await threads.call { [files] in
                try files.files.names(in: "\(files.layout.directory)/\(directory)").sorted()
            }
            for name in names {
                let path = "\(directory)/\(name)"
                let kind = try await threads.call { [files] in
                    try files.files.kindIfPresent("\(files.layout.directory)/\(path)")
                }
                switch kind {
                case .directory: waiting.append(path)
                // A partial tile goes when the full one has come.
                case nil: continue
                case .file, .other: try await checkFile(path, edge, &report)
                }
            }
        }
    }

    private func checkFile(_ text: String, _ edge: TreeEdge, _ report: inout Report) async throws {
        guard let path = try? TilePath(parsing: text) else {
            return report.add("\(text) is no file of a log")
        }
        let available = edge.size >> (8 * path.content.level)
        // Tiles beyond the signed tree are those of the next, which is not signed yet.
        guard path.isPartial, path.index << 8 + Int64(path.width) <= available else { return }
        report.files += 1
        let isBeginning = try await threads.call { [files] in
            guard let bytes = try files.read(path) else { return true }
            let width = Int(min(available - path.index << 8, Int64(TilePath.fullWidth)))
            // That one too is gone where the full one has come meanwhile.
            guard let wider = TilePath(path.content, index: path.index, width: width),
                let whole = try files.read(wider) ?? path.full.flatMap({ try files.read($0) })
            else { return false }
            return bytes == whole || whole.starts(with: bytes) && Self.holds(bytes, path)
        }
        if !isBeginning { report.add("\(text) is not the beginning of the tile that has grown from it") }
    }

    /// Whether the bytes are as many elements as the path says.
    private static func holds(_ bytes: [UInt8], _ path: TilePath) -> Bool {
        switch path.content {
        case .hashes: bytes.count == path.width * TreeHash.byteCount
        case .entries: (try? EntryBundle.entries(from: bytes, width: path.width)) != nil
        }
    }

    /// The checkpoint file and the signer's memory have to be of the tree that is here.
    func checkNotes(_ edge: TreeEdge, _ signed: CheckpointRow, _ report: inout Report) async throws {
        let file = try await threads.call { [files] in try files.checkpoint() }
        if let file {
            do {
                let note = try LogSigner.Signed(note: file, origin: origin, verifiers)
                try await check(note, "the file checkpoint", edge, &report)
            } catch {
                report.add("the file checkpoint: \(JournalError(error).reason)")
            }
        } else {
            report.add("the file checkpoint is missing")
        }
        if let remembered { try await check(remembered, "what the signer remembers", edge, &report) }
    }

    private func check(
        _ note: LogSigner.Signed,
        _ name: String,
        _ edge: TreeEdge,
        _ report: inout Report
    ) async throws {
        let size = note.checkpoint.size
        if size > edge.size {
            // The log has grown meanwhile, or between the signature and its row a crash lies: a row says so.
            let row = try await catalog.checkpoints(after: size - 1, limit: 1).first
            guard row?.size == size, row?.root == note.checkpoint.root.bytes else {
                return report.add("\(name) is a tree of \(size) entries, and \(edge.size) are here")
            }
            return
        }
        let root = try await threads.call { [files] in
            try TileReader(size: size) { try files.hashes($0, whole: edge.size) }.root()
        }
        if root != note.checkpoint.root { report.add("\(name) is another tree of \(size) entries than the one here") }
    }
}

extension Journal {
    /// A check of this log, with what its signer knows.
    package var check: LogCheck {
        LogCheck(
            catalog: catalog,
            files: files,
            threads: threads,
            origin: origin,
            verifiers: signer.verifiers,
            remembered: signer.lastSigned
        )
    }
}
