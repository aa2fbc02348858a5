// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Content
import Glibc
import Synchronization

/// The disk as the content store sees it.
extension SimulatedDisk {
    package var filesystem: Filesystem {
        var filesystem = Filesystem.live
        filesystem.open = open
        filesystem.close = close
        filesystem.pread = pread
        filesystem.pwritev = pwritev
        filesystem.fdatasync = { descriptor throws(SystemCallError) in
            try self.sync(descriptor, .fdatasync, isIgnored: self.faults.ignoresDataSync)
        }
        filesystem.fsync = { descriptor throws(SystemCallError) in
            try self.sync(descriptor, .fsync, isIgnored: self.faults.ignoresDirectorySync)
        }
        filesystem.startWriteback = { _, _, _ in }
        filesystem.reserve = { _, _, _ in }
        filesystem.allocate = { _, _, _ in }
        filesystem.truncate = truncate
        filesystem.chmod = { descriptor, mode throws(SystemCallError) in
            try self.changeFile(descriptor, .fchmod) { $0.mode = mode }
        }
        filesystem.rename = rename
        filesystem.link = { _, _ throws(SystemCallError) in throw SystemCallError(.link, errno: EPERM) }
        filesystem.unlink = unlink
        filesystem.makeDirectory = makeDirectory
        filesystem.removeDirectory = { _ throws(SystemCallError) in throw SystemCallError(.rmdir, errno: EPERM) }
        filesystem.status = status
        filesystem.statusOfPath = statusOfPath
        filesystem.space = { _ in FilesystemSpace(total: 1 << 40, available: 1 << 39) }
        filesystem.type = { _ in .other(0xEF53) }
        filesystem.lock = { _ in }
        filesystem.unlock = { _ in }
        filesystem.willNeed = { _, _, _ in }
        filesystem.dontNeed = { _, _, _ in }
        filesystem.isCached = { _, _ in false }
        filesystem.openDirectory = { path throws(SystemCallError) in
            guard self.state.withLock({ $0.directories[path] != nil }) else {
                throw SystemCallError(.opendir, errno: ENOENT)
            }
            return DirectoryStream(names: self.names(in: path))
        }
        return filesystem
    }

    /// Does what changes something, while the power is on.
    private func change<T: Sendable>(
        _ call: SystemCall,
        _ body: (inout State) throws(SystemCallError) -> T
    ) throws(SystemCallError) -> T {
        try state.withLock { state throws(SystemCallError) in
            state.calls += 1
            if let last = state.callsUntilCut, state.calls > last { state.isDown = true }
            guard !state.isDown else { throw SystemCallError(call, errno: EIO) }
            return try body(&state)
        }
    }

    private func changeFile(
        _ descriptor: Int32,
        _ call: SystemCall,
        _ body: (inout File) -> Void
    ) throws(SystemCallError) {
        try change(call) { state throws(SystemCallError) in
            guard case .file(let inode)? = state.opened[descriptor], var file = state.files[inode] else {
                throw SystemCallError(call, errno: EBADF)
            }
            body(&file)
            state.files[inode] = file
        }
    }

    @Sendable
    private func open(_ path: String, _ flags: Int32, _ mode: UInt32) throws(SystemCallError) -> Int32 {
        let (parent, name) = Self.split(path)
        let exists = state.withLock { $0.directories[path] != nil || $0.directories[parent]?.entries[name] != nil }
        if !exists, flags & O_CREAT != 0 {
            try change(.open) { state throws(SystemCallError) in
                guard state.directories[parent] != nil else { throw SystemCallError(.open, errno: ENOENT) }
                let inode = state.nextInode
                state.nextInode += 1
                state.files[inode] = File(mode: mode, links: 1, changed: state.now)
                state.directories[parent]?.set(name, inode)
            }
        } else if exists, flags & O_EXCL != 0 {
            throw SystemCallError(.open, errno: EEXIST)
        }
        return try state.withLock { state throws(SystemCallError) in
            let descriptor = state.nextDescriptor
            if state.directories[path] != nil {
                state.opened[descriptor] = .directory(path)
            } else {
                guard let inode = state.directories[parent]?.entries[name] else {
                    throw SystemCallError(.open, errno: ENOENT)
                }
                if flags & O_TRUNC != 0 { state.files[inode]?.bytes = [] }
                state.files[inode]?.open += 1
                state.opened[descriptor] = .file(inode)
            }
            state.nextDescriptor += 1
            return descriptor
        }
    }

    @Sendable
    private func close(_ descriptor: Int32) {
        state.withLock { state in
            guard case .file(let inode)? = state.opened.removeValue(forKey: descriptor) else { return }
            state.files[inode]?.open -= 1
            state.dropIfUnused(inode)
        }
    }

    @Sendable
    private func pread(
        _ descriptor: Int32,
        _ into: UnsafeMutableRawBufferPointer,
        _ offset: Int64
    ) throws(SystemCallError) -> Int {
        let bytes = try state.withLock { state throws(SystemCallError) in
            guard case .file(let inode)? = state.opened[descriptor], let file = state.files[inode] else {
                throw SystemCallError(.pread, errno: EBADF)
            }
            return file.bytes.dropFirst(Int(offset)).prefix(into.count)
        }
        into.copyBytes(from: bytes)
        return bytes.count
    }

    @Sendable
    private func pwritev(
        _ descriptor: Int32,
        _ from: [UnsafeRawBufferPointer],
        _ offset: Int64
    ) throws(SystemCallError) -> Int {
        let bytes = from.flatMap { Array($0) }
        try changeFile(descriptor, .pwritev) { file in
            let end = Int(offset) + bytes.count
            if file.bytes.count < end { file.bytes += [UInt8](repeating: 0, count: end - file.bytes.count) }
            file.bytes.replaceSubrange(Int(offset)..<end, with: bytes)
        }
        return bytes.count
    }

    private func sync(_ descriptor: Int32, _ call: SystemCall, isIgnored: Bool) throws(SystemCallError) {
        try change(call) { state throws(SystemCallError) in
            switch state.opened[descriptor] {
            case .file(let inode):
                if call == .fdatasync, isIgnored { return }
                guard let bytes = state.files[inode]?.bytes else { return }
                state.files[inode]?.durable = bytes
            case .directory(let path):
                if isIgnored { return }
                guard let entries = state.directories[path]?.entries else { return }
                state.directories[path]?.durable = entries
                state.directories[path]?.pending = [:]
                state.changes += 1
            case nil: throw SystemCallError(call, errno: EBADF)
            }
        }
    }

    @Sendable
    private func truncate(_ descriptor: Int32, _ size: Int64) throws(SystemCallError) {
        try changeFile(descriptor, .ftruncate) { file in
            let zeros = max(0, Int(size) - file.bytes.count)
            file.bytes = Array(file.bytes.prefix(Int(size))) + [UInt8](repeating: 0, count: zeros)
        }
    }

    @Sendable
    private func rename(_ from: String, _ to: String) throws(SystemCallError) {
        let (source, target) = (Self.split(from), Self.split(to))
        try change(.rename) { state throws(SystemCallError) in
            guard let inode = state.directories[source.parent]?.entries[source.name],
                state.directories[target.parent] != nil
            else { throw SystemCallError(.rename, errno: ENOENT) }
            let replaced = state.directories[target.parent]?.entries[target.name]
            state.directories[source.parent]?.set(source.name, nil)
            state.directories[target.parent]?.set(target.name, inode)
            state.files[inode]?.changed = state.now
            if let replaced, replaced != inode { state.loseName(replaced) }
            state.changes += 1
        }
    }

    @Sendable
    private func unlink(_ path: String) throws(SystemCallError) {
        let (parent, name) = Self.split(path)
        try change(.unlink) { state throws(SystemCallError) in
            guard let inode = state.directories[parent]?.entries[name] else {
                throw SystemCallError(.unlink, errno: ENOENT)
            }
            state.directories[parent]?.set(name, nil)
            state.loseName(inode)
            state.changes += 1
        }
    }

    @Sendable
    private func makeDirectory(_ path: String, _ mode: UInt32) throws(SystemCallError) {
        try change(.mkdir) { state throws(SystemCallError) in
            guard state.directories[path] == nil else { throw SystemCallError(.mkdir, errno: EEXIST) }
            state.directories[path] = Directory()
        }
    }

    @Sendable
    private func status(_ descriptor: Int32) throws(SystemCallError) -> FileStatus {
        try state.withLock { state throws(SystemCallError) in
            switch state.opened[descriptor] {
            case .file(let inode): return try state.status(inode, .fstat)
            case .directory: return State.statusOfDirectory
            case nil: throw SystemCallError(.fstat, errno: EBADF)
            }
        }
    }

    @Sendable
    private func statusOfPath(_ path: String) throws(SystemCallError) -> FileStatus {
        let (parent, name) = Self.split(path)
        return try state.withLock { state throws(SystemCallError) in
            if state.directories[path] != nil { return State.statusOfDirectory }
            guard let inode = state.directories[parent]?.entries[name] else {
                throw SystemCallError(.stat, errno: ENOENT)
            }
            return try state.status(inode, .stat)
        }
    }
}

extension SimulatedDisk.State {
    static let statusOfDirectory = FileStatus(
        kind: .directory,
        size: 0,
        links: 2,
        permissions: 0o755,
        identity: FileIdentity(device: 1, inode: 0, changedSeconds: 0, changedNanoseconds: 0)
    )

    func status(_ inode: Int, _ call: SystemCall) throws(SystemCallError) -> FileStatus {
        guard let file = files[inode] else { throw SystemCallError(call, errno: ENOENT) }
        return FileStatus(
            kind: .file,
            size: Int64(file.bytes.count),
            links: UInt64(max(file.links, 0)),
            permissions: file.mode,
            identity: FileIdentity(
                device: 1,
                inode: UInt64(inode),
                changedSeconds: file.changed,
                changedNanoseconds: 0
            )
        )
    }

    mutating func loseName(_ inode: Int) {
        files[inode]?.links -= 1
        dropIfUnused(inode)
    }

    /// Frees a file that has no name and no reader, unless a power cut could still give it its name back.
    mutating func dropIfUnused(_ inode: Int) {
        guard let file = files[inode], file.links <= 0, file.open <= 0 else { return }
        for directory in directories.values where directory.durable.values.contains(inode) { return }
        for directory in directories.values
        where directory.pending.values.contains(where: { $0.contains(inode) }) { return }
        files[inode] = nil
    }
}
