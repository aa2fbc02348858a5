// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Glibc
import Synchronization

/// A file system in memory that can lose its power.
///
/// Each file has the bytes that readers see and those that are on the disk; each directory has the entries that are
/// seen, those on the disk, and what became of each name since the directory was last synced. `fsync` and `fdatasync`
/// move the one to the other. A power cut keeps, name by name, some of the changes that were not synced, in their
/// order, and of bytes that were not synced all, none, or the front. The two halves of a rename may be parted: that is
/// more than a file system with a journal would do, and nothing may depend on it.
///
/// Directories themselves are durable at once: making a store is not what is tried here.
package final class SimulatedDisk: Sendable {
    struct File {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        var mode: UInt32
        var links = 0
        var open = 0
        var changed: Int64
    }

    struct Directory {
        var entries: [String: Int] = [:]
        var durable: [String: Int] = [:]
        /// What each name stood for after each change since the last sync; nil for nothing.
        var pending: [String: [Int?]] = [:]

        mutating func set(_ name: String, _ inode: Int?) {
            entries[name] = inode
            pending[name, default: []].append(inode)
        }
    }

    enum Opened {
        case file(Int)
        case directory(String)
    }

    struct State {
        var files: [Int: File] = [:]
        var directories: [String: Directory] = ["": Directory(), "/": Directory()]
        var opened: [Int32: Opened] = [:]
        var nextInode = 1
        var nextDescriptor: Int32 = 3
        /// Calls that change something, since the power came on; and how many there may be until it goes.
        var calls = 0
        var callsUntilCut: Int?
        var isDown = false
        /// Changes to what lies in directories of blobs.
        var changes = 0
        /// Seconds since 1970.
        var now: Int64 = 1_700_000_000
    }

    /// What a test may have the disk do wrong.
    package struct Faults: Sendable {
        /// `fsync` of a directory says yes and does nothing.
        package var ignoresDirectorySync = false
        /// `fdatasync` says yes and does nothing.
        package var ignoresDataSync = false

        package init() {}
    }

    let state: Mutex<State>
    let faults: Faults

    package init(faults: Faults = Faults()) {
        self.faults = faults
        state = Mutex(State())
    }

    /// The same disk at the same moment.
    package init(copying other: SimulatedDisk, faults: Faults) {
        self.faults = faults
        var copy = other.state.withLock { $0 }
        copy.opened = [:]
        state = Mutex(copy)
    }

    // MARK: Power

    /// No call changes anything any more.
    package func cutPower() { state.withLock { $0.isDown = true } }

    /// Cuts the power in the middle of things: after so many calls that change something.
    package func cutPower(afterCalls count: Int) {
        state.withLock { $0.callsUntilCut = $0.calls + count }
    }

    package var isDown: Bool { state.withLock { $0.isDown } }

    /// Counts what changed in directories of blobs.
    package var changes: Int { state.withLock { $0.changes } }

    package func setTime(_ seconds: Int64) { state.withLock { $0.now = seconds } }

    /// What the disk holds when the power is back.
    package func restart(_ dice: inout Dice) {
        var state = state.withLock { $0 }
        for path in state.directories.keys.sorted() {
            guard var directory = state.directories[path] else { continue }
            for name in directory.pending.keys.sorted() {
                let changes = directory.pending[name] ?? []
                let kept = dice.below(changes.count + 1)
                if kept > 0 { directory.durable[name] = changes[kept - 1] }
            }
            directory.pending = [:]
            directory.entries = directory.durable
            state.directories[path] = directory
        }
        var links: [Int: Int] = [:]
        for directory in state.directories.values {
            for inode in directory.entries.values { links[inode, default: 0] += 1 }
        }
        state.files = state.files.filter { links[$0.key] != nil }
        for inode in state.files.keys.sorted() {
            guard var file = state.files[inode] else { continue }
            if file.bytes != file.durable {
                switch dice.below(3) {
                case 0: file.durable = file.bytes
                case 1: file.durable = Array(file.bytes.prefix(dice.below(file.bytes.count + 1)))
                default: break
                }
            }
            file.bytes = file.durable
            (file.open, file.links) = (0, links[inode] ?? 0)
            state.files[inode] = file
        }
        state.opened = [:]
        state.isDown = false
        state.callsUntilCut = nil
        let restarted = state
        self.state.withLock { $0 = restarted }
    }

    // MARK: Looking

    /// The names in a directory, sorted.
    package func names(in directory: String) -> [String] {
        state.withLock { $0.directories[directory]?.entries.keys.sorted() ?? [] }
    }

    /// What a file holds now; nil where there is none.
    package func bytes(at path: String) -> [UInt8]? {
        let (parent, name) = Self.split(path)
        return state.withLock { state in
            state.directories[parent]?.entries[name].flatMap { state.files[$0]?.bytes }
        }
    }

    /// Whether a file with these bytes is there now, and would be after any power cut.
    package func holds(_ bytes: [UInt8], at path: String) -> Bool {
        let (parent, name) = Self.split(path)
        return holds(bytes, as: name, in: parent)
    }

    func holds(_ bytes: [UInt8], as name: String, in parent: String) -> Bool {
        state.withLock { state in
            guard let directory = state.directories[parent] else { return false }
            let outcomes = [directory.durable[name], directory.entries[name]] + (directory.pending[name] ?? [])
            return outcomes.allSatisfy { inode in
                guard let inode, let file = state.files[inode] else { return false }
                return file.bytes == bytes && file.durable == bytes
            }
        }
    }

    /// Shortens a file by a byte, on the disk as well: decay.
    package func damage(_ path: String) -> Bool {
        let (parent, name) = Self.split(path)
        return state.withLock { state in
            guard let inode = state.directories[parent]?.entries[name], let file = state.files[inode],
                !file.bytes.isEmpty
            else { return false }
            state.files[inode]?.bytes.removeLast()
            state.files[inode]?.durable = Array(file.bytes.dropLast())
            return true
        }
    }

    static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
    }
}
