// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every system call that the content store makes, as closures: the one seam at which tests put faults.
///
/// Each closure is one call, retried only when a signal interrupted it before it did anything. `fsync` and `fdatasync`
/// are never retried: after a failure the kernel may answer a second one with success although data is lost.
/// All of them block; they belong on the threads of `FileThreads`.
@safe
package struct Filesystem: Sendable {
    // Safety: the closures that take buffers use them only during the call, as pread and pwritev do; each caller owns
    // the buffer that it passes.
    package typealias Failure = SystemCallError

    /// Opens or creates; `O_CLOEXEC` is always added.
    package var open: @Sendable (_ path: String, _ flags: Int32, _ mode: UInt32) throws(Failure) -> Int32
    /// Its result is of no use: what mattered was made durable before.
    package var close: @Sendable (_ descriptor: Int32) -> Void
    /// Reads at most as much as the buffer holds; 0 at the end of the file.
    package var pread:
        @Sendable (_ descriptor: Int32, _ into: UnsafeMutableRawBufferPointer, _ offset: Int64) throws(Failure) -> Int
    /// Writes the buffers one after the other, perhaps not all of their bytes; tells how many.
    package var pwritev:
        @Sendable (_ descriptor: Int32, _ from: [UnsafeRawBufferPointer], _ offset: Int64) throws(Failure) -> Int
    package var fdatasync: @Sendable (_ descriptor: Int32) throws(Failure) -> Void
    package var fsync: @Sendable (_ descriptor: Int32) throws(Failure) -> Void
    /// Starts to write the dirty pages of a range, without waiting for them.
    package var startWriteback: @Sendable (_ descriptor: Int32, _ offset: Int64, _ count: Int64) throws(Failure) -> Void
    /// Reserves blocks beyond the end of the file without moving that end.
    package var reserve: @Sendable (_ descriptor: Int32, _ offset: Int64, _ count: Int64) throws(Failure) -> Void
    /// Allocates blocks and extends the file over them.
    package var allocate: @Sendable (_ descriptor: Int32, _ offset: Int64, _ count: Int64) throws(Failure) -> Void
    package var truncate: @Sendable (_ descriptor: Int32, _ size: Int64) throws(Failure) -> Void
    package var chmod: @Sendable (_ descriptor: Int32, _ mode: UInt32) throws(Failure) -> Void
    /// Atomic, and replaces what has the new name.
    package var rename: @Sendable (_ from: String, _ to: String) throws(Failure) -> Void
    /// Gives a file a second name; fails with `EEXIST` where that name is taken.
    package var link: @Sendable (_ from: String, _ to: String) throws(Failure) -> Void
    package var unlink: @Sendable (_ path: String) throws(Failure) -> Void
    package var makeDirectory: @Sendable (_ path: String, _ mode: UInt32) throws(Failure) -> Void
    package var removeDirectory: @Sendable (_ path: String) throws(Failure) -> Void
    package var status: @Sendable (_ descriptor: Int32) throws(Failure) -> FileStatus
    /// Does not follow a symbolic link.
    package var statusOfPath: @Sendable (_ path: String) throws(Failure) -> FileStatus
    package var space: @Sendable (_ path: String) throws(Failure) -> FilesystemSpace
    package var type: @Sendable (_ path: String) throws(Failure) -> FilesystemType
    /// Takes the exclusive lock of the file, or fails at once with `EWOULDBLOCK`.
    package var lock: @Sendable (_ descriptor: Int32) throws(Failure) -> Void
    /// Lets the lock go, whoever else has the open file: a child between fork and exec, say.
    package var unlock: @Sendable (_ descriptor: Int32) -> Void
    /// Asks the kernel to read a range ahead.
    package var willNeed: @Sendable (_ descriptor: Int32, _ offset: Int64, _ count: Int64) -> Void
    /// Tells the kernel that a range will not be needed again soon.
    package var dontNeed: @Sendable (_ descriptor: Int32, _ offset: Int64, _ count: Int64) -> Void
    /// Whether the page of a byte is in the page cache. Never waits for the disk.
    package var isCached: @Sendable (_ descriptor: Int32, _ offset: Int64) -> Bool
    package var openDirectory: @Sendable (_ path: String) throws(Failure) -> DirectoryStream
}

/// What the store asks of a file's attributes.
package struct FileStatus: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case file, directory, other }

    package var kind: Kind
    package var size: Int64
    package var links: UInt64
    /// The twelve bits of who may do what.
    package var permissions: UInt32
    package var identity: FileIdentity

    package init(kind: Kind, size: Int64, links: UInt64, permissions: UInt32, identity: FileIdentity) {
        self.kind = kind
        self.size = size
        self.links = links
        self.permissions = permissions
        self.identity = identity
    }
}

/// Tells one file from another that had its name before: the device, the inode, and when the inode last changed.
package struct FileIdentity: Hashable, Sendable {
    package var device: UInt64
    package var inode: UInt64
    package var changedSeconds: Int64
    package var changedNanoseconds: Int64

    package init(device: UInt64, inode: UInt64, changedSeconds: Int64, changedNanoseconds: Int64) {
        self.device = device
        self.inode = inode
        self.changedSeconds = changedSeconds
        self.changedNanoseconds = changedNanoseconds
    }
}

/// Bytes of a file system, in total and available to this process.
package struct FilesystemSpace: Hashable, Sendable {
    package var total: Int64
    package var available: Int64

    package init(total: Int64, available: Int64) {
        self.total = total
        self.available = available
    }
}

/// The kinds of file system that the store has an opinion on.
package enum FilesystemType: Hashable, Sendable {
    /// No coherent locks, and rename and fsync mean less than the store needs.
    case nfs
    /// What is durable depends on what lies below, and a container's layer goes with the container.
    case overlay
    /// Memory.
    case tmpfs
    case other(UInt64)

    package init(magic: UInt64) {
        self =
            switch magic {
            case 0x6969: .nfs
            case 0x794c_7630: .overlay
            case 0x0102_1994, 0x8584_58f6: .tmpfs
            default: .other(magic)
            }
    }
}
