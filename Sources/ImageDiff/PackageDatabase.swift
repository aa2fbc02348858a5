// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography

/// Where file systems keep what packages they have.
enum PackageDatabase {
    static let debianStatus = FilePath("var/lib/dpkg/status")
    /// A file for each package, as images without dpkg have it.
    static let debianStatuses = FilePath("var/lib/dpkg/status.d")
    static let alpine = [FilePath("lib/apk/db/installed"), FilePath("usr/lib/apk/db/installed")]
    /// Those of rpm are named and not read.
    static let rpm = [
        FilePath("var/lib/rpm/rpmdb.sqlite"), FilePath("var/lib/rpm/Packages"), FilePath("var/lib/rpm/Packages.db"),
        FilePath("usr/lib/sysimage/rpm/rpmdb.sqlite"), FilePath("usr/lib/sysimage/rpm/Packages"),
        FilePath("usr/lib/sysimage/rpm/Packages.db"),
    ]
    /// All that say what is installed.
    static let all = [debianStatus, debianStatuses] + alpine + rpm

    /// Whether a layer's file is one that is read.
    static func isOne(_ path: FilePath) -> Bool {
        if path == debianStatus || alpine.contains(path) { return true }
        let depth = debianStatuses.names.count
        return path.names.count == depth + 1 && path.names.starts(with: debianStatuses.names)
    }
}

extension PackageList {
    /// Reads the databases of a file system.
    ///
    /// - Parameters:
    ///   - tree: The file system.
    ///   - contents: Of the databases, by hash.
    ///   - notes: Gets a sentence for each that is not read.
    /// - Throws: `tooLarge`.
    package init(
        of tree: FileTree,
        contents: [SHA256Hash: [UInt8]],
        notes: inout [String]
    ) throws(ImageDiffError) {
        self.init()
        var debian = [PackageDatabase.debianStatus]
        for name in tree.names(in: PackageDatabase.debianStatuses) {
            debian.append(FilePath(names: PackageDatabase.debianStatuses.names + [name]))
        }
        for path in debian + PackageDatabase.alpine {
            guard let entry = tree.entry(at: path), entry.kind == .file else { continue }
            guard let bytes = entry.content.flatMap({ contents[$0] }) else {
                notes.append("the package database \(path) was not read: it is a link to elsewhere, or has holes")
                continue
            }
            if PackageDatabase.alpine.contains(path) {
                try add(alpine: bytes)
            } else {
                try add(debian: bytes)
            }
        }
        for path in PackageDatabase.rpm where tree.entry(at: path) != nil {
            notes.append("\(path) is there; databases of rpm are not read")
        }
    }
}
