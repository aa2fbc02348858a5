// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// A small file of secrets that nobody but its owner may read, and that is replaced whole: whoever reads it sees the
/// one content or the other, after a loss of power as well.
///
/// Everything here blocks.
package struct OwnerOnlyFile: Sendable {
    let path: String

    package init(path: String) {
        self.path = path
    }

    /// The file's bytes; nil if there is none.
    ///
    /// - Throws: `.storage` where the system refuses, the file is over `limit` bytes, or others may read or change it.
    func read(limit: Int) throws(AccessError) -> [UInt8]? {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open")
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("fstat") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw AccessError(.storage, "\(path) is not a file") }
        guard status.st_mode & 0o077 == 0 else {
            throw AccessError(.storage, "\(path) holds secrets, and others than its owner may use it: chmod 600 it")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            // Safety: the kernel writes at most `count` bytes into the array, which lives through the call.
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("read") }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw AccessError(.storage, "\(path) is over \(limit) bytes") }
        }
    }

    /// Runs a closure while no other process, and no other thread, runs one for this file. The lock is that of an open
    /// file beside it, and goes with the process if that dies.
    package func locked<Result>(_ body: () throws(AccessError) -> Result) throws(AccessError) -> Result {
        let descriptor = unsafe Glibc.open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("open the lock of") }
        defer { close(descriptor) }
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        // Safety: the kernel reads the structure during the call. The whole file is meant by a length of 0.
        while unsafe fcntl(descriptor, Self.lockAndWait, &range) != 0 {
            guard errno == EINTR else { throw failure("lock") }
        }
        return try body()
    }

    /// F_OFD_SETLKW, which glibc declares only under _GNU_SOURCE: the lock belongs to the open file, so that it holds
    /// between threads as well.
    private static let lockAndWait: Int32 = 38

    /// Puts another content in place of the file, durably, for the same owner. To be called under the lock.
    ///
    /// - Throws: `.storage`; the former content is still there then, unless the last step failed: making the rename
    ///   durable.
    package func replace(with bytes: [UInt8]) throws(AccessError) {
        let temporary = path + ".new"
        let descriptor = unsafe Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("make the successor of") }
        do {
            defer { close(descriptor) }
            guard fchmod(descriptor, 0o600) == 0 else { throw failure("fchmod") }
            try keepOwner(descriptor)
            try write(bytes, to: descriptor)
            guard fsync(descriptor) == 0 else { throw failure("fsync") }
        }
        guard unsafe rename(temporary, path) == 0 else { throw failure("rename") }
        try syncDirectory()
    }

    /// An administrator who changes the file must not take it from the server that reads it.
    private func keepOwner(_ descriptor: Int32) throws(AccessError) {
        var former = stat()
        guard unsafe stat(path, &former) == 0 else { return }
        guard former.st_uid != geteuid() || former.st_gid != getegid() else { return }
        guard fchown(descriptor, former.st_uid, former.st_gid) == 0 else { throw failure("fchown") }
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws(AccessError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            // Safety: the kernel reads at most `count` bytes of the buffer, which lives through the call.
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write") }
            rest = rest.dropFirst(count)
        }
    }

    private func syncDirectory() throws(AccessError) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open the directory of") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync the directory of") }
    }

    /// To be made before anything else is called.
    private func failure(_ attempted: String) -> AccessError {
        let number = errno
        var buffer = [CChar](repeating: 0, count: 256)
        let known = unsafe strerror_r(number, &buffer, buffer.count) == 0
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return AccessError(.storage, "cannot \(attempted) \(path): \(known ? text : "errno \(number)")")
    }
}
