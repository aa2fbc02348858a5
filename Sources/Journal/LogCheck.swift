// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import OCI
internal import Transparency

/// Reads the whole log and holds every row, tile, bundle and note against the signed checkpoints.
///
/// What it trusts is the keys, and the signer's memory where that is given; everything else has to follow from them.
package struct LogCheck: Sendable {
    /// What a check found.
    package struct Report: Sendable, Hashable {
        /// Entries that were read.
        package var entries: Int64 = 0
        /// Files of the log that were compared.
        package var files = 0
        /// Checkpoints whose root and signature were compared.
        package var checkpoints = 0
        /// What is not as it was signed; at most 100 sentences.
        package var problems: [String] = []
        /// How many there were in all.
        package var problemCount = 0

        mutating func add(_ problem: String) {
            problemCount += 1
            if problems.count < JournalLimits.problemsNamed { problems.append(problem) }
        }
    }

    let catalog: Catalog
    let files: LogFiles
    let threads: FileThreads
    let origin: String
    let verifiers: [NoteVerifier]
    /// What the signer remembers, if it is here.
    let remembered: LogSigner.Signed?

    /// Runs the check.
    ///
    /// - Parameter pause: Called after each bundle: who reads beside a server's work waits in it.
    /// - Returns: What was found.
    /// - Throws: `.storage` where something cannot be read; what is read and wrong is in the report.
    package func run(pause: @Sendable () async throws -> Void = {}) async throws -> Report {
        var report = Report()
        guard let signed = try await catalog.lastCheckpoints().signed else {
            try await checkEmpty(&report)
            return report
        }
        var walk = Walk(edge: TreeEdge(), size: signed.size)
        while walk.edge.size < signed.size {
            let isWhole = try await checkBundle(&walk, &report)
            try await pause()
            guard isWhole else { return report }
        }
        if walk.edge.root.bytes != signed.root {
            report.add("the events do not have the root of the last signed checkpoint")
        }
        let end = try await catalog.sealedEnd()
        if let last = end.lastIndex, last != (end.size ?? 0) - 1 {
            report.add("an event has the index \(last), and the sealed tree \(end.size ?? 0) entries")
        }
        try await checkOtherFiles(of: walk.edge, &report)
        try await checkNotes(walk.edge, signed, &report)
        return report
    }

    /// Where the check is.
    private struct Walk {
        var edge: TreeEdge
        let size: Int64
        var lastEvent = EventID(rawValue: 0)
        var lastTime = HybridTimestamp(rawValue: .min)
    }

    private func checkEmpty(_ report: inout Report) async throws {
        if let remembered {
            report.add(
                "the signer has signed a tree of \(remembered.checkpoint.size) entries, and nothing of it is here"
            )
        }
        let note = try await threads.call { [files] in try files.checkpoint() }
        if note != nil { report.add("there is a checkpoint file, and the catalog has no checkpoint") }
    }

    /// The entries of one bundle, the tiles that they fill, and the checkpoints between them.
    ///
    /// - Returns: false where entries are missing, so that nothing after them can be compared.
    private func checkBundle(_ walk: inout Walk, _ report: inout Report) async throws -> Bool {
        let first = walk.edge.size
        let count = Int(min(Int64(TilePath.fullWidth), walk.size - first))
        let rows = try await catalog.entries(from: first, limit: count, bytesLimit: .max)
        for (place, row) in rows.enumerated() {
            guard row.index == first + Int64(place) else {
                report.add("no event has the index \(first + Int64(place))")
                return false
            }
            check(row, after: &walk, &report)
        }
        guard rows.count == count else {
            report.add("no event has the index \(first + Int64(rows.count))")
            return false
        }
        let before = walk.edge
        let written = try walk.edge.append(rows.map(\.leaf))
        let isLast = walk.edge.size == walk.size
        try await compare(written.filter { !$0.path.isPartial || isLast }, &report)
        if isLast { try await compare(Self.unchangedPartials(of: walk.edge, written), &report) }
        try await checkRoots(from: before, rows.map(\.leaf), &report)
        report.entries = walk.edge.size
        return true
    }

    /// The partial tiles above that the last entries did not change.
    private static func unchangedPartials(of edge: TreeEdge, _ written: [TreeEdge.File]) -> [TreeEdge.File] {
        let paths = Set(written.map(\.path))
        return edge.partials.filter { !paths.contains($0.path) }
    }

    /// What the columns of a row repeat has to be what its leaf says.
    private func check(_ row: LogEntry, after walk: inout Walk, _ report: inout Report) {
        // The entry that names a former log comes before those that waited meanwhile.
        if row.index == 0, row.kind == "origin.continue" { return }
        if row.id <= walk.lastEvent { report.add("event \(row.id) stands after event \(walk.lastEvent)") }
        walk.lastEvent = row.id
        guard let leaf = try? JSONValue(parsing: row.leaf) else {
            return report.add("the leaf of event \(row.id) is not JSON")
        }
        if leaf["kind"]?.text != row.kind { report.add("the kind of event \(row.id) is not that of its leaf") }
        if leaf["hlc"]?.text != row.timestamp.description {
            report.add("the time of event \(row.id) is not that of its leaf")
        }
        if leaf["repo"]?.text != row.repository {
            report.add("the repository of event \(row.id) is not that of its leaf")
        }
        let body = leaf["body"]
        let isAboutManifest = row.kind.hasPrefix("manifest.")
        if let subject = body?["tag"]?.text ?? (isAboutManifest ? body?["digest"]?.text : nil), row.subject != subject {
            report.add("the subject of event \(row.id) is not that of its leaf")
        }
        if row.timestamp < walk.lastTime { report.add("event \(row.id) is earlier than the one before it") }
        walk.lastTime = row.timestamp
    }

    private func compare(_ expected: [TreeEdge.File], _ report: inout Report) async throws {
        let found = try await threads.call { [files] in try expected.map { try Self.bytes(of: $0, files) } }
        for (file, bytes) in zip(expected, found) {
            report.files += 1
            if bytes == nil {
                report.add("\(file.path) is missing")
            } else if bytes != file.bytes {
                report.add("\(file.path) is not what was signed")
            }
        }
    }

    /// What lies there for a file. A log grows while it is checked: a partial tile may be gone once the full one is
    /// there, which begins with it.
    private static func bytes(of file: TreeEdge.File, _ files: LogFiles) throws -> [UInt8]? {
        if let bytes = try files.read(file.path) { return bytes }
        guard file.path.isPartial, let full = file.path.full else { return nil }
        return try files.read(full).map { Array($0.prefix(file.bytes.count)) }
    }

    private func checkRoots(from edge: TreeEdge, _ leaves: [[UInt8]], _ report: inout Report) async throws {
        let end = edge.size + Int64(leaves.count)
        let rows = try await catalog.checkpoints(after: edge.size, limit: TilePath.fullWidth)
        var tree = edge
        var rest = leaves[...]
        for row in rows where row.size <= end {
            let missing = Int(row.size - tree.size)
            _ = try tree.append(Array(rest.prefix(missing)))
            rest = rest.dropFirst(missing)
            report.checkpoints += 1
            if tree.root.bytes != row.root {
                report.add("the checkpoint of \(row.size) entries does not have the root of its events")
            }
            if !row.isSound { report.add("the checkpoint of \(row.size) entries is neither intended nor signed") }
            guard let note = row.note else { continue }
            check(note, size: row.size, root: tree.root, "the checkpoint of \(row.size) entries", &report)
        }
    }

    private func check(
        _ note: [UInt8],
        size: Int64,
        root: TreeHash,
        _ name: String,
        _ report: inout Report
    ) {
        do {
            let signed = try LogSigner.Signed(note: note, origin: origin, verifiers)
            if signed.checkpoint.size != size || signed.checkpoint.root != root {
                report.add("\(name): its note is of another tree")
            }
        } catch {
            report.add("\(name): \(JournalError(error).reason)")
        }
    }

}
