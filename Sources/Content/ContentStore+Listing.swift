// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
package import OCI

/// One name in a directory of blobs.
package enum BlobEntry: Hashable, Sendable {
    case blob(Digest, size: Int64)
    /// A name that is no digest of the directory's algorithm, or no ordinary file.
    case stranger(name: String)
}

/// What lies on disk, for the check of the whole store and for the start.
extension ContentStore {
    /// Shows every entry of `blobs/<algorithm>`, in the directory's own order, a page of `ContentLimits.listingPage` at
    /// a time. Entries that come or go meanwhile may or may not be shown.
    package func forEachBlob(
        _ algorithm: Digest.Algorithm,
        _ page: ([BlobEntry]) async throws -> Void
    ) async throws {
        let stream = try await stream(layout.blobs(algorithm))
        while true {
            let entries = try await threads.read.run { [self] () throws(ContentError) in
                try nextNames(stream, layout.blobs(algorithm)).map { (name) throws(ContentError) in
                    try entry(name, algorithm)
                }
            }
            if entries.isEmpty { return }
            try await page(entries)
        }
    }

    /// Every upload's file, whether or not a session for it is open. Names that are no upload's are not listed.
    package func uploadFiles() async throws(ContentError) -> [UploadID] {
        var found: [UploadID] = []
        try await forEachUploadName { name in
            if let id = UploadID(name) { found.append(id) }
        }
        return found
    }

    /// Deletes the files in `uploads/` that belong neither to `keeping` nor to anything that is going on; tells how
    /// many.
    /// For the start, once the catalog has said which uploads it knows.
    package func removeStrayUploads(keeping: Set<UploadID>) async throws(ContentError) -> Int {
        var strays: [String] = []
        try await forEachUploadName { name in
            if let id = UploadID(name), keeping.contains(id) { return }
            strays.append(name)
        }
        let names = strays
        return try await threads.sync.run { [self] () throws(ContentError) in
            var removed = 0
            for name in names {
                if let id = UploadID(name), environment.registry.isInUse(id) { continue }
                do throws(SystemCallError) {
                    // The name came from this very directory, so it is one component.
                    try filesystem.unlink(layout.uploads + "/" + name)
                    removed += 1
                } catch {
                    if error.errno != ENOENT { throw ContentError(error, value: name) }
                }
            }
            return removed
        }
    }

    private func forEachUploadName(_ body: (String) -> Void) async throws(ContentError) {
        let stream = try await stream(layout.uploads)
        while true {
            let names = try await threads.read.run { [self] () throws(ContentError) in
                try nextNames(stream, layout.uploads)
            }
            if names.isEmpty { return }
            for name in names { body(name) }
        }
    }

    func stream(_ path: String) async throws(ContentError) -> DirectoryStream {
        try await threads.read.run { [filesystem] () throws(ContentError) in
            try about(path) { () throws(SystemCallError) in try filesystem.openDirectory(path) }
        }
    }

    /// Blocks.
    func nextNames(_ stream: DirectoryStream, _ path: String) throws(ContentError) -> [String] {
        try about(path) { () throws(SystemCallError) in
            var names: [String] = []
            while names.count < limits.listingPage, let name = try stream.next() { names.append(name) }
            return names
        }
    }

    /// Blocks.
    private func entry(_ name: String, _ algorithm: Digest.Algorithm) throws(ContentError) -> BlobEntry {
        guard let digest = Digest("\(algorithm.name):\(name)") else { return .stranger(name: name) }
        let path = layout.blob(digest)
        let status: FileStatus
        do {
            status = try filesystem.statusOfPath(path)
        } catch {
            if error.errno == ENOENT { return .stranger(name: name) }
            throw ContentError(error, value: path)
        }
        return status.kind == .file ? .blob(digest, size: status.size) : .stranger(name: name)
    }
}
