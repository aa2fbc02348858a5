// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
internal import NIOCore

/// A file descriptor with one owner: it is closed when the last reference goes, whatever path led there.
///
/// Closing the last descriptor of a file that has no name any more frees its blocks, which takes long for a large file;
/// so a descriptor whose file was unlinked or replaced is closed on a file thread.
package final class OwnedDescriptor: Sendable {
    let raw: Int32
    let path: String
    private let filesystem: Filesystem
    private let threads: FileThreads?

    /// Blocks. Follows no symbolic link at the end of the path.
    init(
        opening path: String,
        flags: Int32,
        mode: UInt32 = 0,
        in filesystem: Filesystem,
        closingOn threads: FileThreads?
    ) throws(ContentError) {
        raw = try about(path) { () throws(SystemCallError) in
            try filesystem.open(path, flags | O_NOFOLLOW, mode)
        }
        self.path = path
        self.filesystem = filesystem
        self.threads = threads
    }

    /// Takes over a descriptor that is open.
    init(owning raw: Int32, path: String, in filesystem: Filesystem) {
        self.raw = raw
        self.path = path
        self.filesystem = filesystem
        threads = nil
    }

    deinit {
        let (raw, close) = (raw, filesystem.close)
        guard let threads else { return close(raw) }
        var links: UInt64 = 0
        do { links = try filesystem.status(raw).links } catch { links = 0 }
        if links > 0 { return close(raw) }
        threads.runDetached { close(raw) }
    }

    func status() throws(ContentError) -> FileStatus {
        try about(path) { () throws(SystemCallError) in try filesystem.status(raw) }
    }

    /// At most `count` bytes from an offset: fewer where the file ends. Blocks.
    func read(at offset: Int64, count: Int) throws(ContentError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var result = Result<Int, ContentError>.success(0)
        // Safety: the pointer is used only inside the closure; at most `count` bytes are written to it.
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            result = Result { () throws(ContentError) in
                try unsafe read(into: UnsafeMutableRawBufferPointer(rebasing: space[..<count]), at: offset)
            }
            if case .success(let read) = result { return read }
            return 0
        }
        _ = try result.get()
        return buffer
    }

    /// Reads until the buffer is full or the file ends; returns how many bytes. Blocks.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(ContentError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try about(path) { () throws(SystemCallError) in
                // Safety: the rest of a valid buffer is a valid buffer, used only during the call.
                try unsafe filesystem.pread(
                    raw,
                    UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]),
                    offset + Int64(filled)
                )
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// As above, into the front of an array.
    func read(into bytes: inout [UInt8], count: Int, at offset: Int64) throws(ContentError) -> Int {
        precondition(count <= bytes.count)
        // Safety: the pointer is used only inside the closure, and never beyond `count` bytes.
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(ContentError) in
                try unsafe read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
            }
        }
        return try result.get()
    }
}
