// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// A small file as it was read, with what tells this version of it from the next.
struct StampedFile {
    /// Differs between two versions of a file, whether it was written over, replaced, or a link to it set anew.
    struct Stamp: Hashable, Sendable {
        let path: String
        let inode: UInt64
        let size: UInt64
        let modified: Date
    }

    /// The largest file read, in bytes.
    private static let limit: UInt64 = 1024 * 1024

    let path: String
    let bytes: [UInt8]
    /// Taken before the bytes: a change in between is seen as one the next time.
    let stamp: Stamp

    init(reading path: String) throws(TLSError) {
        do {
            stamp = try Self.stamp(at: path)
            guard stamp.size <= Self.limit else {
                throw TLSError(file: path, reason: "is over \(Self.limit) bytes")
            }
            bytes = Array(try Data(contentsOf: URL(fileURLWithPath: stamp.path)))
        } catch let error as TLSError {
            throw error
        } catch {
            throw TLSError(file: path, reason: "cannot be read: \(error.localizedDescription)")
        }
        self.path = path
    }

    /// The stamp that the file has now; nil where there is none to read.
    static func stamp(of path: String) -> Stamp? {
        try? stamp(at: path)
    }

    private static func stamp(at path: String) throws -> Stamp {
        // What a link leads to counts: certificates are often replaced by setting one anew.
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let attributes = try FileManager.default.attributesOfItem(atPath: target)
        guard attributes[.type] as? FileAttributeType == .typeRegular,
            let inode = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value,
            let size = (attributes[.size] as? NSNumber)?.uint64Value,
            let modified = attributes[.modificationDate] as? Date
        else { throw TLSError(file: path, reason: "is not a file") }
        return Stamp(path: target, inode: inode, size: size, modified: modified)
    }
}
