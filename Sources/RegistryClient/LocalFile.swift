// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
internal import OCI

/// An open file of this machine. Everything here blocks; it belongs on a thread made for that.
final class LocalFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// Opens a file to be read.
    ///
    /// - Returns: nil for a file that does not exist.
    init?(reading path: String) throws(ClientError) {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw Self.failure("open", path)
        }
        self.descriptor = descriptor
        self.path = path
        try requireFile()
    }

    /// Opens a file to be read and written, or makes it; what is there stays. A symbolic link is not followed.
    init(writing path: String, mode: UInt32 = 0o644) throws(ClientError) {
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        self.descriptor = descriptor
        self.path = path
        try requireFile()
    }

    private func requireFile() throws(ClientError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ClientError(.storage, "\(path) is not a file")
        }
    }

    deinit { close(descriptor) }

    /// Bytes of the file.
    func size() throws(ClientError) -> Int64 {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure("look at", path) }
        return Int64(status.st_size)
    }

    /// Reads the bytes from an offset, fewer at the end of the file.
    func read(_ count: Int, at offset: Int64) throws(ClientError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            // Safety: the kernel writes at most the rest of the array, which lives through the call.
            let step = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + done },
                    count - done,
                    off_t(offset) + off_t(done)
                )
            }
            if step < 0, errno == EINTR { continue }
            guard step >= 0 else { throw Self.failure("read", path) }
            if step == 0 { break }
            done += step
        }
        bytes.removeLast(count - done)
        return bytes
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(ClientError) {
        var done = 0
        while done < bytes.byteCount {
            // Safety: the kernel reads at most the rest of the span, which lives through the call.
            let step = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + done },
                    buffer.count - done,
                    off_t(offset) + off_t(done)
                )
            }
            if step < 0, errno == EINTR { continue }
            guard step > 0 else { throw Self.failure("write", path) }
            done += step
        }
    }

    func truncate(to size: Int64) throws(ClientError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure("truncate", path) }
    }

    /// Durable once it returns.
    func synchronize() throws(ClientError) {
        guard fsync(descriptor) == 0 else { throw Self.failure("fsync", path) }
    }

    /// Takes the file's exclusive lock, which goes with the open file.
    ///
    /// - Returns: False where somebody else has it.
    func lock() throws(ClientError) -> Bool {
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        // Safety: the kernel reads the structure during the call. The whole file is meant by a length of 0.
        while unsafe fcntl(descriptor, Self.lockAtOnce, &range) != 0 {
            if errno == EAGAIN || errno == EACCES { return false }
            guard errno == EINTR else { throw Self.failure("lock", path) }
        }
        return true
    }

    /// F_OFD_SETLK, which glibc declares only under _GNU_SOURCE.
    private static let lockAtOnce: Int32 = 37

    // MARK: Paths

    /// A whole small file; nil if there is none.
    static func contents(of path: String, limit: Int) throws(ClientError) -> [UInt8]? {
        guard let file = try LocalFile(reading: path) else { return nil }
        guard try file.size() <= Int64(limit) else { throw ClientError(.storage, "\(path) is over \(limit) bytes") }
        return try file.read(limit, at: 0)
    }

    /// Puts another content in place of a file: after a loss of power as well, the one or the other is there.
    static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644) throws(ClientError) {
        let temporary = path + ".new"
        try remove(temporary)
        let file = try LocalFile(writing: temporary, mode: mode)
        // Safety: a byte has no padding, so every byte of the span is initialised.
        try unsafe file.write(bytes.span.bytes, at: 0)
        try file.synchronize()
        try move(temporary, to: path)
    }

    /// Renames, and makes the new name durable. What has the new name is replaced.
    static func move(_ path: String, to target: String) throws(ClientError) {
        guard unsafe rename(path, target) == 0 else { throw failure("rename", path) }
        try synchronizeDirectory(of: target)
    }

    /// Gives a file a second name.
    ///
    /// - Returns: False where the names are on different file systems, or that cannot be here.
    static func link(_ path: String, as target: String) throws(ClientError) -> Bool {
        if unsafe Glibc.link(path, target) == 0 { return true }
        if [EXDEV, EPERM, EMLINK, EOPNOTSUPP, ENOENT, EACCES, EROFS].contains(errno) { return false }
        if errno == EEXIST { return true }
        throw failure("link", path)
    }

    /// Removes a file, if it is there.
    static func remove(_ path: String) throws(ClientError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else { throw failure("remove", path) }
    }

    /// Removes a directory, if it is there and empty.
    static func removeDirectory(_ path: String) {
        _ = unsafe rmdir(path)
    }

    /// Makes a directory and those above it.
    static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(ClientError) {
        if unsafe mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let end = path.lastIndex(of: "/"), end > path.startIndex else {
            throw failure("make the directory", path)
        }
        try makeDirectory(String(path[..<end]), mode: mode)
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else { throw failure("make the directory", path) }
        try synchronizeDirectory(of: path)
    }

    private static func synchronizeDirectory(of path: String) throws(ClientError) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open the directory", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync the directory", directory) }
    }

    /// To be made before anything else is called.
    private static func failure(_ attempted: String, _ path: String) -> ClientError {
        let number = errno
        var buffer = [CChar](repeating: 0, count: 256)
        let known = unsafe strerror_r(number, &buffer, buffer.count) == 0
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return ClientError(.storage, "cannot \(attempted) \(path): \(known ? text : "errno \(number)")")
    }
}
