// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// Files of a directory and their bytes.
package struct DirectoryUsage: Hashable, Sendable {
    package var files = 0
    package var bytes: Int64 = 0
}

extension ContentStore {
    /// Directories beside those of the blobs.
    package enum Directory: Hashable, Sendable {
        case uploads, quarantine
    }

    /// How many files a directory has, and how large they are. Those that come or go meanwhile may or may not count.
    package func usage(of directory: Directory) async throws(ContentError) -> DirectoryUsage {
        let path =
            switch directory {
            case .uploads: layout.uploads
            case .quarantine: layout.quarantine
            }
        let entries = try await stream(path)
        var usage = DirectoryUsage()
        while true {
            let page = try await threads.read.run { [self] () throws(ContentError) -> DirectoryUsage? in
                let names = try nextNames(entries, path)
                return names.isEmpty ? nil : try measure(names, in: path)
            }
            guard let page else { return usage }
            usage.files += page.files
            usage.bytes += page.bytes
        }
    }

    /// Blocks.
    private func measure(_ names: [String], in path: String) throws(ContentError) -> DirectoryUsage {
        var usage = DirectoryUsage()
        for name in names {
            do throws(SystemCallError) {
                // The name came from this very directory, so it is one component.
                let status = try filesystem.statusOfPath(path + "/" + name)
                guard status.kind == .file else { continue }
                usage.files += 1
                usage.bytes += status.size
            } catch {
                if error.errno != ENOENT { throw ContentError(error, value: path) }
            }
        }
        return usage
    }
}
