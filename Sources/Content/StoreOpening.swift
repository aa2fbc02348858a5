// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
internal import OCI

/// Finding or making a store on disk. Everything here blocks, and runs once, on a file thread.
///
/// FORMAT is written last, so a store whose making was interrupted is one without FORMAT and without content, and the
/// next start finishes it. Every directory and file is made durable before FORMAT says that they are there.
struct StoreOpening {
    let filesystem: Filesystem
    let limits: ContentLimits
    let unsafeFilesystem: Bool
    let newID: UploadID

    private var durable: DurableFiles { DurableFiles(filesystem) }

    struct Opened {
        let layout: Layout
        let format: StoreFormat
        /// Holds the lock as long as it is open.
        let lock: OwnedDescriptor
    }

    func open(_ path: String) throws(ContentError) -> Opened {
        let root = try makeRoot(path)
        let layout = Layout(root: root)
        try checkType(root)
        let existing = try durable.readIfPresent(layout.format, limit: limits.smallFileBytes)
        if existing == nil { try checkEmpty(layout) }
        let lock = try takeLock(layout)
        let format: StoreFormat
        if let existing {
            format = try StoreFormat(reading: existing, path: layout.format)
            try make(layout)
        } else {
            format = StoreFormat(newStore: newID)
            try make(layout)
            try durable.write(Array(format.encoded.utf8), to: layout.format + ".new")
            try about(layout.format) { () throws(SystemCallError) in
                try filesystem.rename(layout.format + ".new", layout.format)
            }
            try durable.syncDirectory(root)
        }
        try checkDevices(layout)
        return Opened(layout: layout, format: format, lock: lock)
    }

    // MARK: The root

    /// Makes the directory and those above it, durably; returns its absolute path without symbolic links.
    private func makeRoot(_ path: String) throws(ContentError) -> String {
        var made = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            let parent = made.isEmpty ? "/" : made
            made += "/" + component
            if try durable.makeDirectory(made) { try durable.syncDirectory(parent) }
        }
        // Safety: realpath returns memory that is ours to free, or nil.
        guard let resolved = unsafe realpath(made.isEmpty ? "/" : made, nil) else {
            throw ContentError(.last(.stat), value: path)
        }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    private func checkType(_ root: String) throws(ContentError) {
        let type = try about(root) { () throws(SystemCallError) in try filesystem.type(root) }
        let name: String
        switch type {
        case .nfs: name = "NFS"
        case .overlay: name = "an overlay"
        case .tmpfs: name = "tmpfs"
        case .other: return
        }
        guard !unsafeFilesystem else { return }
        throw ContentError(
            .unsafeFilesystem,
            "\(name) cannot keep the promises of a store; use a directory on ext4 or XFS, or --unsafe-fs for a store "
                + "that may lose what it acknowledged",
            value: root
        )
    }

    /// Refuses to settle among files that are not a store's, and to take a store for new that lost its FORMAT.
    private func checkEmpty(_ layout: Layout) throws(ContentError) {
        if let stranger = try firstEntry(of: layout.root, where: { !Layout.names.contains($0) }) {
            throw ContentError(
                .notAStore,
                "the directory is not empty and not a store: it has \(stranger)",
                value: layout.root
            )
        }
        for directory in layout.directories where directory != layout.blobs {
            if let entry = try firstEntry(of: directory, where: { _ in true }) {
                throw ContentError(
                    .notAStore,
                    "the file FORMAT is missing, but the store has content: \(entry)",
                    value: directory
                )
            }
        }
    }

    private func firstEntry(of directory: String, where matches: (String) -> Bool) throws(ContentError) -> String? {
        do {
            let stream = try filesystem.openDirectory(directory)
            while let name = try stream.next() {
                if matches(name) { return name }
            }
            return nil
        } catch {
            if error.errno == ENOENT { return nil }
            throw ContentError(error, value: directory)
        }
    }

    // MARK: The lock

    private func takeLock(_ layout: Layout) throws(ContentError) -> OwnedDescriptor {
        let file = try OwnedDescriptor(
            opening: layout.lock,
            flags: O_RDWR | O_CREAT,
            mode: 0o644,
            in: filesystem,
            closingOn: nil
        )
        do {
            try filesystem.lock(file.raw)
        } catch {
            guard error.errno == EWOULDBLOCK else { throw ContentError(error, value: layout.lock) }
            let holder = try durable.read(file, limit: limits.smallFileBytes).prefix {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
            let pid = holder.isEmpty ? "unknown" : String(decoding: holder, as: UTF8.self)
            throw ContentError(.locked, "the store is in use by the process with pid \(pid)", value: layout.lock)
        }
        try about(layout.lock) { () throws(SystemCallError) in try filesystem.truncate(file.raw, 0) }
        try PositionedWrite.all(Array("\(getpid())\n".utf8), to: file, in: filesystem)
        return file
    }

    // MARK: The content

    private func make(_ layout: Layout) throws(ContentError) {
        var changed: Set<String> = []
        for directory in layout.directories where try durable.makeDirectory(directory) {
            changed.insert(directory)
            changed.insert(directory.hasPrefix(layout.blobs + "/") ? layout.blobs : layout.root)
        }
        let files = [
            (layout.ociLayout, "{\"imageLayoutVersion\":\"1.0.0\"}\n"),
            (
                layout.index,
                "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}\n"
            ),
        ]
        for (path, text) in files {
            if let found = try durable.readIfPresent(path, limit: limits.smallFileBytes), !found.isEmpty { continue }
            try durable.write(Array(text.utf8), to: path)
            changed.insert(layout.root)
        }
        for directory in changed.sorted() { try durable.syncDirectory(directory) }
    }

    /// A rename is atomic only within one file system.
    private func checkDevices(_ layout: Layout) throws(ContentError) {
        let root = try about(layout.root) { () throws(SystemCallError) in try filesystem.statusOfPath(layout.root) }
        for directory in layout.directories {
            let status = try about(directory) { () throws(SystemCallError) in try filesystem.statusOfPath(directory) }
            guard status.kind == .directory else {
                throw ContentError(.notAStore, "this has to be a directory, not a link or a file", value: directory)
            }
            guard status.identity.device == root.identity.device else {
                throw ContentError(
                    .crossDevice,
                    "the store has to lie on one file system; this directory is on another",
                    value: directory
                )
            }
        }
    }
}
