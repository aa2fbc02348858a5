// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
internal import Synchronization

/// The entries of a directory, one after the other, without holding them all: a store may have millions.
///
/// Blocks; belongs on a file thread. Closes the directory when released.
package final class DirectoryStream: Sendable {
    private let stream: Mutex<Stream>?
    /// The names still to come of a directory that no kernel knows.
    private let names: Mutex<[String]>

    package init(_ path: String) throws(SystemCallError) {
        guard let directory = unsafe opendir(path) else { throw .last(.opendir) }
        stream = unsafe Mutex(Stream(directory: directory))
        names = Mutex([])
    }

    /// The entries of a directory of a test's file system.
    package init(names: [String]) {
        stream = nil
        self.names = Mutex(names.reversed())
    }

    /// The next name other than `.` and `..`; nil at the end.
    package func next() throws(SystemCallError) -> String? {
        guard stream != nil else { return names.withLock { $0.popLast() } }
        return try stream?.withLock { stream throws(SystemCallError) in try stream.next() }
    }
}

/// The owner of a `DIR`. Every use of it is inside the mutex above.
@safe
private struct Stream: ~Copyable {
    // Safety: opened by opendir, closed exactly once in deinit, and reached only under the mutex that holds this value.
    private let directory: OpaquePointer

    @unsafe
    init(directory: OpaquePointer) {
        unsafe self.directory = directory
    }

    deinit {
        unsafe closedir(directory)
    }

    mutating func next() throws(SystemCallError) -> String? {
        while true {
            errno = 0
            guard let entry = unsafe readdir(directory) else {
                guard errno == 0 else { throw .last(.readdir) }
                return nil
            }
            // Safety: the entry is valid until the next readdir on this stream; the name ends with a zero within it.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { return name }
        }
    }
}
