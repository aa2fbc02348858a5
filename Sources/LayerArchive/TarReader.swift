// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Reads a tar archive once, from front to end, and writes nothing anywhere.
///
/// Names by GNU's long names and PAX records are understood; content of sparse files comes as it is stored, without
/// its holes.
package final class TarReader {
    private let layer: LayerReader
    private let limits: LayerLimits
    private var buffer: [UInt8]
    /// The bytes of the buffer that were not used yet.
    private var unread = 0..<0
    private var layerHasEnded = false
    private var headers = 0
    /// Content and padding of the current entry that were not handed out yet.
    private var contentLeft: Int64 = 0
    private var paddingLeft = 0

    package init(_ layer: LayerReader, limits: LayerLimits = LayerLimits()) {
        self.layer = layer
        self.limits = limits
        buffer = [UInt8](repeating: 0, count: LayerLimits.pieceBytes)
    }

    /// Whether the layer begins like an archive: with a header, with blocks of zeros, or with nothing at all. To be
    /// asked first.
    package func beginsLikeArchive() throws(LayerFault) -> Bool {
        if unread.isEmpty { try fill() }
        guard !unread.isEmpty else { return true }
        guard unread.count >= TarHeader.blockBytes else { return false }
        let block = Array(buffer[unread].prefix(TarHeader.blockBytes))
        return TarHeader.hasValidChecksum(block) || block.allSatisfy { $0 == 0 }
    }

    /// Takes the whole layer as the content of one file without a path. To be asked instead of `next`.
    package func takeAsFile() { contentLeft = .max }

    /// Steps over what is left of an entry, to the next one; nil at the archive's end, once the layer was read to its
    /// own.
    package func next() throws(LayerFault) -> TarEntry? {
        var path: [UInt8]?
        var link: [UInt8]?
        var records: TarRecords?
        var extensions = 0
        while true {
            try skipEntry()
            guard let bytes = try header() else {
                guard extensions == 0 else { throw LayerFault(.truncated, "no entry follows the name of one") }
                return nil
            }
            let header = try TarHeader(parsing: bytes)
            switch header.kind {
            case .longName:
                path = try content(of: header).prefix { $0 != 0 }
            case .records:
                let found = try TarRecords(parsing: content(of: header), after: records)
                path = found.path ?? path
                link = found.link ?? link
                records = found
            case .longLink:
                link = try content(of: header).prefix { $0 != 0 }
            case .ignored:
                try expect(header.size)
            case .file, .bare, .sparse:
                var more = header.isExtended
                while more { more = try block()[504] != 0 }
                try expect(header.kind == .bare ? 0 : records?.size ?? header.size)
                return try entry(header, path: path, link: link, records)
            }
            extensions += 1
            guard extensions <= LayerLimits.extensionsLimit else {
                throw LayerFault(.tooLarge, "more than \(LayerLimits.extensionsLimit) headers extend one entry")
            }
        }
    }

    private func entry(
        _ header: TarHeader,
        path: [UInt8]?,
        link: [UInt8]?,
        _ records: TarRecords?
    ) throws(LayerFault) -> TarEntry {
        let path = path ?? header.path
        let isLink = header.type == .hardLink || header.type == .symbolicLink
        let link = isLink ? link ?? header.link : []
        guard max(path.count, link.count) <= LayerLimits.pathBytesLimit else {
            throw LayerFault(.tooLarge, "a path has more than \(LayerLimits.pathBytesLimit) bytes")
        }
        return TarEntry(
            kind: header.type,
            path: path,
            link: link,
            size: contentLeft,
            mode: header.mode,
            owner: records?.owner ?? header.owner,
            group: records?.group ?? header.group,
            device: header.device,
            isSparse: header.kind == .sparse || records?.isSparse == true
        )
    }

    /// The next piece of the current entry's content; empty at its end. It is valid until the next call.
    package func content() throws(LayerFault) -> ArraySlice<UInt8> {
        guard contentLeft > 0 else { return [] }
        if unread.isEmpty { try fill() }
        let piece = unread.prefix(Int(clamping: contentLeft))
        guard !piece.isEmpty else {
            guard contentLeft == .max else { throw LayerFault(.truncated, "the archive ends within an entry") }
            contentLeft = 0
            return []
        }
        use(piece.count)
        if contentLeft != .max { contentLeft -= Int64(piece.count) }
        return buffer[piece]
    }

    private func expect(_ size: Int64) throws(LayerFault) {
        guard size <= limits.expandedBytes else {
            throw LayerFault(.tooLarge, "an entry is larger than \(limits.expandedBytes) bytes")
        }
        contentLeft = size
        paddingLeft = Int(-size & Int64(TarHeader.blockBytes - 1))
    }

    /// The whole content of a header that extends the next one.
    private func content(of header: TarHeader) throws(LayerFault) -> [UInt8] {
        let limit = LayerLimits.extensionBytesLimit
        guard header.size <= limit else {
            throw LayerFault(.tooLarge, "a name in the archive has more than \(limit) bytes")
        }
        try expect(header.size)
        var bytes: [UInt8] = []
        while contentLeft > 0 { bytes += try content() }
        return bytes
    }

    private func skipEntry() throws(LayerFault) {
        while contentLeft > 0 { _ = try content() }
        // Some writers leave the last entry's padding out.
        while paddingLeft > 0 {
            if unread.isEmpty { try fill() }
            if unread.isEmpty { break }
            let count = min(paddingLeft, unread.count)
            use(count)
            paddingLeft -= count
        }
        paddingLeft = 0
    }

    /// The next header's block; nil at the archive's end: two blocks of zeros, or the layer's end.
    private func header() throws(LayerFault) -> [UInt8]? {
        if unread.isEmpty { try fill() }
        guard !unread.isEmpty else { return nil }
        let block = try block()
        guard block.allSatisfy({ $0 == 0 }) else { return block }
        if unread.isEmpty { try fill() }
        guard !unread.isEmpty else { return nil }
        guard try self.block().allSatisfy({ $0 == 0 }) else {
            throw LayerFault(.damaged, "one block of zeros stands within the archive")
        }
        // What follows belongs to no entry, yet the compressed stream must be sound to its end.
        while !unread.isEmpty { try fill() }
        return nil
    }

    private func block() throws(LayerFault) -> [UInt8] {
        headers += 1
        guard headers <= limits.entries else {
            throw LayerFault(.tooLarge, "the archive has more than \(limits.entries) headers")
        }
        var block: [UInt8] = []
        block.reserveCapacity(TarHeader.blockBytes)
        while block.count < TarHeader.blockBytes {
            if unread.isEmpty { try fill() }
            let piece = unread.prefix(TarHeader.blockBytes - block.count)
            guard !piece.isEmpty else { throw LayerFault(.truncated, "the archive ends within a header") }
            block += buffer[piece]
            use(piece.count)
        }
        return block
    }

    private func use(_ count: Int) { unread = (unread.lowerBound + count)..<unread.upperBound }

    /// Reads on, over what is in the buffer; nothing is in it afterwards at the layer's end.
    private func fill() throws(LayerFault) {
        guard !layerHasEnded else { return unread = 0..<0 }
        let count = try layer.read(into: &buffer)
        layerHasEnded = count < buffer.count
        unread = 0..<count
    }
}
