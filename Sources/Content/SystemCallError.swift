// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// The system calls that pass through `Filesystem`, by name. Fault plans and error messages speak in these.
package enum SystemCall: String, Hashable, Sendable, CaseIterable {
    case open, close, pread, pwritev, fdatasync, fsync, sync_file_range, fallocate, ftruncate, fchmod
    case rename, link, unlink, mkdir, rmdir, fstat, stat, statvfs, statfs, flock, fadvise, opendir, readdir
}

/// A system call that failed, and how.
package struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: SystemCall
    package let errno: Int32

    package init(_ call: SystemCall, errno: Int32) {
        self.call = call
        self.errno = errno
    }

    /// The failure that the calling thread's `errno` tells of. To be made before anything else is called.
    package static func last(_ call: SystemCall) -> SystemCallError {
        SystemCallError(call, errno: Glibc.errno)
    }

    package var description: String {
        var buffer = [CChar](repeating: 0, count: 256)
        let known = unsafe strerror_r(errno, &buffer, buffer.count)
        guard known == 0 else { return "\(call.rawValue): errno \(errno)" }
        let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return "\(call.rawValue): \(String(decoding: text, as: UTF8.self))"
    }
}
