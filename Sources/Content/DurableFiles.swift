// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// Small files that are written whole and survive a power cut once the call returns. Everything here blocks.
package struct DurableFiles: Sendable {
    package let filesystem: Filesystem

    package init(_ filesystem: Filesystem = .live) {
        self.filesystem = filesystem
    }

    /// Makes one directory; its entry is durable once its parent is synced. True if it was not there.
    package func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(ContentError) -> Bool {
        do {
            try filesystem.makeDirectory(path, mode)
            return true
        } catch {
            // The root of a container may be read-only above the store, and says so before it says that a directory
            // exists.
            if error.errno == EEXIST { return false }
            if error.errno == EROFS || error.errno == EACCES, isDirectory(path) { return false }
            throw ContentError(error, value: path)
        }
    }

    private func isDirectory(_ path: String) -> Bool {
        do { return try filesystem.statusOfPath(path).kind == .directory } catch { return false }
    }

    package func syncDirectory(_ path: String) throws(ContentError) {
        let directory = try OwnedDescriptor(
            opening: path,
            flags: O_RDONLY | O_DIRECTORY,
            in: filesystem,
            closingOn: nil
        )
        try about(path) { () throws(SystemCallError) in try filesystem.fsync(directory.raw) }
    }

    /// Writes and syncs a file; its entry in the directory is not synced.
    package func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(ContentError) {
        let file = try OwnedDescriptor(
            opening: path,
            flags: O_WRONLY | O_CREAT | O_TRUNC,
            mode: mode,
            in: filesystem,
            closingOn: nil
        )
        try PositionedWrite.all(bytes, to: file, in: filesystem)
        try about(path) { () throws(SystemCallError) in try filesystem.fsync(file.raw) }
    }

    /// Puts a file in the place of another, in one step: after a crash there is the one or the other, whole. The new
    /// one lies beside it as `<path>.new` until then.
    package func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644) throws(ContentError) {
        let temporary = path + ".new"
        try write(bytes, to: temporary, mode: mode)
        try about(path) { () throws(SystemCallError) in try filesystem.rename(temporary, path) }
        try syncDirectory(Self.parent(of: path))
    }

    /// What `create` found.
    package enum Creation: Sendable, Hashable {
        case created
        /// It was there with the same bytes.
        case existed
    }

    /// Gives a path its bytes once and for all, by a link to a file that is synced first. The entry in the directory is
    /// not synced.
    ///
    /// - Throws: `.conflict` when the path has other bytes.
    package func create(
        _ path: String,
        with bytes: [UInt8],
        by temporary: String
    ) throws(ContentError) -> Creation {
        if let present = try readIfPresent(path, limit: bytes.count + 1) { return try compare(present, bytes, path) }
        try write(bytes, to: temporary, mode: 0o444)
        var result = Creation.created
        do {
            try filesystem.link(temporary, path)
        } catch {
            guard error.errno == EEXIST else { throw ContentError(error, value: path) }
            result = try compare(try readIfPresent(path, limit: bytes.count + 1) ?? [], bytes, path)
        }
        try about(temporary) { () throws(SystemCallError) in try filesystem.unlink(temporary) }
        return result
    }

    private func compare(_ present: [UInt8], _ bytes: [UInt8], _ path: String) throws(ContentError) -> Creation {
        guard present == bytes else {
            throw ContentError(.conflict, "the file is there with other bytes than it should have", value: path)
        }
        return .existed
    }

    /// What lies at a path; nil where nothing does.
    package func kindIfPresent(_ path: String) throws(ContentError) -> FileStatus.Kind? {
        do throws(SystemCallError) {
            return try filesystem.statusOfPath(path).kind
        } catch {
            if error.errno == ENOENT { return nil }
            throw ContentError(error, value: path)
        }
    }

    /// The first `limit` bytes of a file; nil when there is none.
    package func readIfPresent(_ path: String, limit: Int) throws(ContentError) -> [UInt8]? {
        do {
            let file = try OwnedDescriptor(opening: path, flags: O_RDONLY, in: filesystem, closingOn: nil)
            return try read(file, limit: limit)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
    }

    /// The bytes of a file that holds a secret; nil when there is none. A symbolic link is followed: that is how secret
    /// managers put files in place.
    ///
    /// - Throws: `.notSecret` when others than its owner and its group may use it, `.tooLarge` over the limit.
    package func readSecretIfPresent(_ path: String, limit: Int) throws(ContentError) -> [UInt8]? {
        let descriptor: Int32
        do {
            descriptor = try filesystem.open(path, O_RDONLY, 0)
        } catch {
            if error.errno == ENOENT { return nil }
            throw ContentError(error, value: path)
        }
        let file = OwnedDescriptor(owning: descriptor, path: path, in: filesystem)
        let status = try file.status()
        guard status.permissions & 0o037 == 0 else {
            throw ContentError(.notSecret, "the file holds a secret, and others may use it: chmod 600 it", value: path)
        }
        guard status.size <= limit else {
            throw ContentError(.tooLarge, "the file is over \(limit) bytes", value: path)
        }
        return try read(file, limit: limit)
    }

    /// Opens or creates a file and takes its lock, which is held until the value goes.
    ///
    /// - Throws: `.locked` when another process has it.
    package func lock(_ path: String) throws(ContentError) -> OwnedDescriptor {
        let file = try OwnedDescriptor(
            opening: path,
            flags: O_RDWR | O_CREAT,
            mode: 0o600,
            in: filesystem,
            closingOn: nil
        )
        do {
            try filesystem.lock(file.raw)
        } catch {
            guard error.errno == EWOULDBLOCK else { throw ContentError(error, value: path) }
            throw ContentError(.locked, "another process holds the lock", value: path)
        }
        return file
    }

    func read(_ file: OwnedDescriptor, limit: Int) throws(ContentError) -> [UInt8] {
        let size = try file.status().size
        var bytes = [UInt8](repeating: 0, count: Int(min(Int64(limit), max(size, 0))))
        let count = try file.read(into: &bytes, count: bytes.count, at: 0)
        return count == bytes.count ? bytes : Array(bytes.prefix(count))
    }

    package func removeIfPresent(_ path: String) throws(ContentError) {
        do {
            try filesystem.unlink(path)
        } catch {
            guard error.errno == ENOENT else { throw ContentError(error, value: path) }
        }
    }

    /// Renames a file or a directory if it is there; the entries are not synced.
    package func renameIfPresent(_ from: String, to: String) throws(ContentError) {
        do {
            try filesystem.rename(from, to)
        } catch {
            guard error.errno == ENOENT else { throw ContentError(error, value: from) }
        }
    }

    /// Removes a directory that is empty or absent.
    package func removeDirectoryIfPresent(_ path: String) throws(ContentError) {
        do {
            try filesystem.removeDirectory(path)
        } catch {
            guard error.errno == ENOENT else { throw ContentError(error, value: path) }
        }
    }

    /// Removes a directory with all that it holds, if it is there. Not durable: who begins anew does it again.
    package func removeTree(_ path: String) throws(ContentError) {
        for name in try names(in: path) {
            let entry = "\(path)/\(name)"
            if isDirectory(entry) { try removeTree(entry) } else { try removeIfPresent(entry) }
        }
        try removeDirectoryIfPresent(path)
    }

    /// The names in a directory, but `.` and `..`; empty when there is no such directory.
    package func names(in directory: String, limit: Int = .max) throws(ContentError) -> [String] {
        do {
            let stream = try filesystem.openDirectory(directory)
            var names: [String] = []
            while names.count < limit, let name = try stream.next() { names.append(name) }
            return names
        } catch {
            if error.errno == ENOENT { return [] }
            throw ContentError(error, value: directory)
        }
    }

    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
