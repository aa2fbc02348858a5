// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import Glibc
package import OCI

/// What the content store could not do. One struct with a comparable code, so that a caller decides by `code` alone.
package struct ContentError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The bytes are not those of the digest that was promised: `actual` tells what they are.
        case digestMismatch
        /// The disk, or a quota on it, has no room: `free` and `needed` give figures where they are known.
        case noSpace
        /// More bytes than `ContentLimits.blobBytes`.
        case tooLarge
        /// `ContentLimits.uploads` sessions are open.
        case tooManyUploads
        /// The process or the host has no descriptor left.
        case tooManyFiles
        /// The session was committed, cancelled, or died of an earlier error.
        case sessionEnded
        /// A file is shorter than it was.
        case truncated
        /// A system call failed in another way.
        case io
        /// A file that never changes has other bytes than it was to have.
        case conflict
        /// A file of secrets that others may read or change.
        case notSecret
        /// Another process has the store.
        case locked
        /// The store was written by a newer version that forbids this one to read it.
        case newerFormat
        /// The directory holds something else, or a store whose FORMAT cannot be read.
        case notAStore
        /// The file system cannot promise what the store needs (NFS, overlay, tmpfs).
        case unsafeFilesystem
        /// Parts of the store lie on different file systems, so a rename between them would not be atomic.
        case crossDevice
        /// The store was shut down.
        case shutDown
        /// OpenSSL refused to hash.
        case cryptography
    }

    package let code: Code
    /// A sentence for the operator.
    package let reason: String
    /// The path, digest or identifier that it is about.
    package let value: String
    package let errno: Int32?
    /// For `.digestMismatch`: the digest of the bytes that came.
    package let actual: Digest?
    /// For `.noSpace`: bytes available to new data when it was refused.
    package let free: Int64?
    /// For `.noSpace`: bytes that were asked for.
    package let needed: Int64?

    package init(
        _ code: Code,
        _ reason: String,
        value: String = "",
        errno: Int32? = nil,
        actual: Digest? = nil,
        free: Int64? = nil,
        needed: Int64? = nil
    ) {
        self.code = code
        self.reason = reason
        self.value = value
        self.errno = errno
        self.actual = actual
        self.free = free
        self.needed = needed
    }

    package var description: String { value.isEmpty ? reason : "\(reason) (\(value))" }

    /// A system call found the disk full, which is more than a limit of ours.
    /// Whether the disk would not give the bytes.
    package var isUnreadable: Bool { errno == EIO }

    var isFullDisk: Bool { code == .noSpace && errno != nil }

    /// What a failed system call means for the store.
    init(_ failure: SystemCallError, value: String) {
        let code: Code =
            switch failure.errno {
            case ENOSPC, EDQUOT: .noSpace
            case EFBIG: .tooLarge
            case EMFILE, ENFILE: .tooManyFiles
            default: .io
            }
        self.init(code, failure.description, value: value, errno: failure.errno)
    }

    init(_ failure: CryptographyError) {
        self.init(.cryptography, failure.reason)
    }

    static func sessionEnded(_ id: UploadID) -> ContentError {
        ContentError(.sessionEnded, "the upload has ended", value: id.description)
    }
}

/// Runs system calls about one path and says so when one fails.
func about<T>(_ path: String, _ body: () throws(SystemCallError) -> T) throws(ContentError) -> T {
    do {
        return try body()
    } catch {
        throw ContentError(error, value: path)
    }
}
