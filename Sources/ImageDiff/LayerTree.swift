// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
package import LayerArchive
internal import OCI

/// Counts the names of all layers of a comparison, so that its memory has a bound.
package struct NameBudget: Hashable, Sendable {
    private var names: Int
    private var bytes: Int

    package init(names: Int = ImageDiffLimits.names, bytes: Int = ImageDiffLimits.nameBytes) {
        self.names = names
        self.bytes = bytes
    }

    /// - Throws: `tooLarge`.
    mutating func take(_ name: [UInt8]) throws(ImageDiffError) {
        names -= 1
        bytes -= name.count
        guard names >= 0, bytes >= 0 else {
            throw ImageDiffError(
                .tooLarge,
                "the layers have more than \(ImageDiffLimits.names) names, or these too many bytes, to be compared"
            )
        }
    }
}

/// What one layer does to the file system below it (image specification, layer.md): entries, and what it removes.
package struct LayerTree: Sendable {
    struct Node: Sendable {
        var entry: FileEntry?
        /// Whether what the layers below have here is removed.
        var isWhiteout = false
        /// Whether what the layers below have in this directory is removed.
        var isOpaque = false
        var children: [[UInt8]: Node] = [:]
    }

    private(set) var root = Node()
    /// Places of hard links, in the order of the archive.
    private(set) var hardLinks: [FilePath] = []
    /// The content of the package databases that were seen, by hash.
    package private(set) var databases: [SHA256Hash: [UInt8]] = [:]
    private var databasesBytes: Int64 = 0

    package init() {}

    /// Reads a layer to its end. Its content passes by: memory grows with the names alone. Blocks.
    ///
    /// - Parameters:
    ///   - source: The layer as it is stored.
    ///   - limits: Bounds of reading it.
    ///   - budget: What names may still be taken.
    /// - Throws: `malformed`, `tooLarge` or `unsupported`, with a sentence.
    package init(
        reading source: LayerSource,
        limits: LayerLimits = LayerLimits(),
        budget: inout NameBudget
    ) throws(ImageDiffError) {
        let archive = try Self.translated { () throws(LayerFault) in
            TarReader(try LayerReader(source, limits: limits), limits: limits)
        }
        guard try Self.translated({ () throws(LayerFault) in try archive.beginsLikeArchive() }) else {
            throw ImageDiffError(.malformed, "the layer is no tar archive, as it is or within gzip or zstd")
        }
        while let entry = try Self.translated({ () throws(LayerFault) in try archive.next() }) {
            try add(entry, from: archive, &budget)
        }
    }

    private static func translated<Result>(_ work: () throws(LayerFault) -> Result) throws(ImageDiffError) -> Result {
        do {
            return try work()
        } catch {
            throw ImageDiffError(error)
        }
    }

    private mutating func add(
        _ entry: TarEntry,
        from archive: TarReader,
        _ budget: inout NameBudget
    ) throws(ImageDiffError) {
        var path = try FilePath(parsing: entry.path)
        if let last = path.names.last, last.starts(with: Self.whiteout) {
            path.names.removeLast()
            let name = Array(last.dropFirst(Self.whiteout.count))
            if name == Self.opaque { return try change(path, &budget) { $0.isOpaque = true } }
            // What else begins so is the bookkeeping of a file system, and nothing is made of it.
            if name.starts(with: Self.whiteout) { return }
            guard !name.isEmpty, name != FilePath.here, name != FilePath.up else {
                throw ImageDiffError(.malformed, "a whiteout in \(path.quoted) names nothing")
            }
            path.names.append(name)
            return try change(path, &budget) { $0.isWhiteout = true }
        }
        var made = try FileEntry(entry, at: path)
        guard !path.names.isEmpty || made.isDirectory else {
            throw ImageDiffError(.malformed, "the layer makes the root what is no directory")
        }
        if made.kind == .file {
            let content = try read(entry, at: path, from: archive)
            if !entry.isSparse { made.content = content }
        }
        if case .hardLink = made.kind { hardLinks.append(path) }
        try change(path, &budget) { node in
            // The later of two entries counts, and nothing is below what is no directory.
            if !made.isDirectory { node.children = [:] }
            node.entry = made
        }
    }

    private static let whiteout = Array(".wh.".utf8)
    private static let opaque = Array(".wh..opq".utf8)

    private mutating func change(
        _ path: FilePath,
        _ budget: inout NameBudget,
        _ body: (inout Node) -> Void
    ) throws(ImageDiffError) {
        try root.change(path.names[...], &budget, body)
    }

    /// Hashes a file as it passes, and keeps it if it is a package database.
    private mutating func read(
        _ entry: TarEntry,
        at path: FilePath,
        from archive: TarReader
    ) throws(ImageDiffError) -> SHA256Hash {
        let isKept = PackageDatabase.isOne(path)
        if isKept {
            databasesBytes += entry.size
            guard entry.size <= ImageDiffLimits.databaseBytes, databasesBytes <= ImageDiffLimits.databasesBytes else {
                throw ImageDiffError(.tooLarge, "the package database \(path.quoted) is too large to be read")
            }
        }
        var kept: [UInt8] = []
        let digest: Digest
        do {
            var hasher = try DigestHasher(.sha256)
            while true {
                let piece = try archive.content()
                if piece.isEmpty { break }
                // Safety: a byte has no padding, so every byte of the span is initialised.
                try unsafe hasher.update(piece.span.bytes)
                if isKept { kept += piece }
            }
            digest = try hasher.finalize()
        } catch let error as LayerFault {
            throw ImageDiffError(error)
        } catch {
            throw ImageDiffError(.failed, "hashing failed: \(error)")
        }
        guard let hash = SHA256Hash(bytes: digest.bytes) else {
            throw ImageDiffError(.failed, "a hash has another length than it must")
        }
        if isKept { databases[hash] = kept }
        return hash
    }
}

extension LayerTree.Node {
    /// Changes what is at a place below this one; what is missing on the way is made.
    fileprivate mutating func change(
        _ names: ArraySlice<[UInt8]>,
        _ budget: inout NameBudget,
        _ body: (inout LayerTree.Node) -> Void
    ) throws(ImageDiffError) {
        guard let name = names.first else { return body(&self) }
        // The later of two entries counts: what was no directory is one now.
        // What a layer has below a link of its own belongs where that leads.
        if let entry, !entry.isDirectory, !entry.isLink { self.entry = .impliedDirectory }
        if children[name] == nil { try budget.take(name) }
        try children[name, default: LayerTree.Node()].change(names.dropFirst(), &budget, body)
    }
}

extension ImageDiffError {
    init(_ fault: LayerFault) {
        let code: Code =
            switch fault.reason {
            case .tooLarge: .tooLarge
            case .unsupported: .unsupported
            case .truncated, .damaged: .malformed
            case .unreadable, .notStarted: .failed
            }
        self.init(code, fault.message)
    }
}
