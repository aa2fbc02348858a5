// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
internal import LayerArchive

/// What a file system has in one place.
package struct FileEntry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file
        case directory
        /// Where it leads, as it is written.
        case link([UInt8])
        case characterDevice(major: Int64, minor: Int64)
        case blockDevice(major: Int64, minor: Int64)
        case pipe
        /// Another name of the file at a place: only until a layer is laid over those below it.
        case hardLink(FilePath)
    }

    package var kind: Kind
    /// Permissions and the three bits above them.
    package var mode: UInt16
    package var owner: Int64
    package var group: Int64
    /// Bytes of a file's content; 0 for all else.
    package var size: Int64 = 0
    /// The SHA-256 of a file's content; nil for all else, and for files that are stored without their holes.
    package var content: SHA256Hash?

    package var isDirectory: Bool { kind == .directory }
    package var isLink: Bool { if case .link = kind { true } else { false } }

    /// What those who unpack images make where a layer has something in a directory that is nowhere described.
    static let impliedDirectory = FileEntry(kind: .directory, mode: 0o755, owner: 0, group: 0)

    init(kind: Kind, mode: UInt16, owner: Int64, group: Int64) {
        self.kind = kind
        self.mode = mode
        self.owner = owner
        self.group = group
    }

    /// Takes an entry of an archive.
    ///
    /// - Throws: `malformed` for numbers that are none, and links that lead out of the image.
    init(_ entry: TarEntry, at path: FilePath) throws(ImageDiffError) {
        guard let mode = entry.mode, let owner = entry.owner, let group = entry.group else {
            throw ImageDiffError(.malformed, "the mode or the owner of \(path.quoted) is no number")
        }
        self.init(kind: try Self.kind(entry, at: path), mode: UInt16(mode & 0o7777), owner: owner, group: group)
        if kind == .file { size = entry.size }
    }

    private static func kind(_ entry: TarEntry, at path: FilePath) throws(ImageDiffError) -> Kind {
        switch entry.kind {
        case .file: return .file
        case .directory: return .directory
        case .symbolicLink: return .link(entry.link)
        case .pipe: return .pipe
        case .hardLink: return .hardLink(try FilePath(parsing: entry.link))
        case .characterDevice, .blockDevice:
            guard let device = entry.device, device.count == 2 else {
                throw ImageDiffError(.malformed, "the device \(path.quoted) has no numbers")
            }
            return entry.kind == .blockDevice
                ? .blockDevice(major: device[0], minor: device[1])
                : .characterDevice(major: device[0], minor: device[1])
        }
    }
}

/// A file, directory or the like that one image has and the other has not, or has otherwise.
package struct FileChange: Hashable, Sendable {
    package enum Aspect: String, Hashable, Sendable, CaseIterable {
        case type, content, target, device, mode, owner
    }

    package let path: FilePath
    package let old: FileEntry?
    package let new: FileEntry?

    /// What differs, where both have it.
    package var aspects: [Aspect] {
        guard let old, let new else { return [] }
        var aspects: [Aspect] = []
        switch (old.kind, new.kind) {
        case (.file, .file):
            // Of what is stored without its holes the content is not known.
            if old.size != new.size || old.content != new.content || old.content == nil { aspects.append(.content) }
        case (.link(let before), .link(let after)): if before != after { aspects.append(.target) }
        case (.characterDevice, .characterDevice), (.blockDevice, .blockDevice):
            if old.kind != new.kind { aspects.append(.device) }
        default: if old.kind != new.kind { aspects.append(.type) }
        }
        // A link's own mode is no mode: systems give it none.
        if old.mode != new.mode, !new.isLink { aspects.append(.mode) }
        if old.owner != new.owner || old.group != new.group { aspects.append(.owner) }
        return aspects
    }
}
