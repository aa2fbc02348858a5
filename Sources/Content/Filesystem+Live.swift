// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CLinux
internal import Glibc

extension Filesystem {
    /// The operating system's own.
    package static let live = unsafe Filesystem(
        open: Live.open,
        close: { descriptor in _ = Glibc.close(descriptor) },
        pread: unsafe Live.pread,
        pwritev: unsafe Live.pwritev,
        fdatasync: { descriptor throws(Failure) in try Live.check(.fdatasync, Glibc.fdatasync(descriptor)) },
        fsync: { descriptor throws(Failure) in try Live.check(.fsync, Glibc.fsync(descriptor)) },
        startWriteback: { descriptor, offset, count throws(Failure) in
            try Live.check(.sync_file_range, cairn_start_writeback(descriptor, offset, count))
        },
        reserve: { descriptor, offset, count throws(Failure) in
            try Live.retrying(.fallocate) { Int(cairn_reserve(descriptor, offset, count)) }
        },
        allocate: { descriptor, offset, count throws(Failure) in
            try Live.retrying(.fallocate) { Int(cairn_allocate(descriptor, offset, count)) }
        },
        truncate: { descriptor, size throws(Failure) in
            try Live.retrying(.ftruncate) { Int(Glibc.ftruncate(descriptor, Int(size))) }
        },
        chmod: { descriptor, mode throws(Failure) in try Live.check(.fchmod, Glibc.fchmod(descriptor, mode)) },
        rename: { from, to throws(Failure) in try Live.check(.rename, unsafe Glibc.rename(from, to)) },
        link: { from, to throws(Failure) in try Live.check(.link, unsafe Glibc.link(from, to)) },
        unlink: { path throws(Failure) in try Live.check(.unlink, unsafe Glibc.unlink(path)) },
        makeDirectory: { path, mode throws(Failure) in try Live.check(.mkdir, unsafe Glibc.mkdir(path, mode)) },
        removeDirectory: { path throws(Failure) in try Live.check(.rmdir, unsafe Glibc.rmdir(path)) },
        status: Live.status,
        statusOfPath: Live.statusOfPath,
        space: Live.space,
        type: Live.type,
        lock: { descriptor throws(Failure) in
            try Live.retrying(.flock) { Int(cairn_lock(descriptor)) }
        },
        unlock: { descriptor in _ = cairn_unlock(descriptor) },
        willNeed: { descriptor, offset, count in
            _ = Glibc.posix_fadvise(descriptor, Int(offset), Int(count), POSIX_FADV_WILLNEED)
        },
        dontNeed: { descriptor, offset, count in
            _ = Glibc.posix_fadvise(descriptor, Int(offset), Int(count), POSIX_FADV_DONTNEED)
        },
        isCached: { descriptor, offset in cairn_read_byte_if_cached(descriptor, offset) == 1 },
        openDirectory: { path throws(Failure) in try DirectoryStream(path) }
    )
}

/// The live calls that need more than a line.
private enum Live {
    typealias Failure = SystemCallError

    static func check(_ call: SystemCall, _ result: Int32) throws(Failure) {
        guard result == 0 else { throw .last(call) }
    }

    /// Repeats a call that a signal interrupted.
    @discardableResult
    static func retrying(_ call: SystemCall, _ body: () -> Int) throws(Failure) -> Int {
        while true {
            let result = body()
            if result >= 0 { return result }
            let failure = Failure.last(call)
            guard failure.errno == EINTR else { throw failure }
        }
    }

    static func open(_ path: String, _ flags: Int32, _ mode: UInt32) throws(Failure) -> Int32 {
        let descriptor = try retrying(.open) { Int(unsafe Glibc.open(path, flags | O_CLOEXEC, mode)) }
        return Int32(truncatingIfNeeded: descriptor)
    }

    static func pread(
        _ descriptor: Int32,
        _ into: UnsafeMutableRawBufferPointer,
        _ offset: Int64
    ) throws(Failure) -> Int {
        // Safety: the kernel writes at most `count` bytes at the buffer's base, and the buffer outlives the call.
        try retrying(.pread) { unsafe Glibc.pread(descriptor, into.baseAddress, into.count, Int(offset)) }
    }

    static func pwritev(
        _ descriptor: Int32,
        _ from: [UnsafeRawBufferPointer],
        _ offset: Int64
    ) throws(Failure) -> Int {
        // Safety: the kernel only reads the parts; `iov_base` is declared mutable because readv shares the type.
        let parts = unsafe from.map { part in
            unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
        }
        return try retrying(.pwritev) {
            unsafe Glibc.pwritev(descriptor, parts, Int32(truncatingIfNeeded: parts.count), Int(offset))
        }
    }

    static func status(_ descriptor: Int32) throws(Failure) -> FileStatus {
        var status = stat()
        try check(.fstat, unsafe fstat(descriptor, &status))
        return FileStatus(status)
    }

    static func statusOfPath(_ path: String) throws(Failure) -> FileStatus {
        var status = stat()
        try check(.stat, unsafe lstat(path, &status))
        return FileStatus(status)
    }

    static func space(_ path: String) throws(Failure) -> FilesystemSpace {
        var status = statvfs()
        try check(.statvfs, unsafe statvfs(path, &status))
        let unit = UInt64(status.f_frsize)
        return FilesystemSpace(
            total: Int64(clamping: UInt64(status.f_blocks).multipliedReportingOverflow(by: unit).partialValue),
            available: Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: unit).partialValue)
        )
    }

    static func type(_ path: String) throws(Failure) -> FilesystemType {
        let magic = unsafe cairn_file_system_type(path)
        guard magic >= 0 else { throw .last(.statfs) }
        return FilesystemType(magic: UInt64(magic))
    }
}

extension FileStatus {
    fileprivate init(_ status: stat) {
        let kind: Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            default: .other
            }
        self.init(
            kind: kind,
            size: Int64(status.st_size),
            links: UInt64(status.st_nlink),
            permissions: UInt32(status.st_mode & 0o7777),
            identity: FileIdentity(
                device: UInt64(status.st_dev),
                inode: UInt64(status.st_ino),
                changedSeconds: Int64(status.st_ctim.tv_sec),
                changedNanoseconds: Int64(status.st_ctim.tv_nsec)
            )
        )
    }
}
