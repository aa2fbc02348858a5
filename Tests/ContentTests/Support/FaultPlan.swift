// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Dispatch
import Glibc
import Synchronization

/// A file system that records its calls and fails, shortens or holds those that the test names. Everything else is done
/// for real.
final class FaultPlan: Sendable {
    /// A call that was begun, with the path that it concerns.
    struct Event: Hashable, Sendable, CustomStringConvertible {
        let call: SystemCall
        let path: String
        /// For rename, the new name.
        var target = ""
        var description: String { "\(call.rawValue) \(path)\(target.isEmpty ? "" : " -> " + target)" }
    }

    private struct Rule {
        let call: SystemCall
        let matches: @Sendable (String) -> Bool
        /// Calls that still pass.
        var skip: Int
        /// Calls that still fail after those.
        var times: Int
        let errno: Int32
    }

    private struct State {
        var events: [Event] = []
        var paths: [Int32: String] = [:]
        var rules: [Rule] = []
        var gates: [(call: SystemCall, matches: @Sendable (String) -> Bool, gate: Gate)] = []
        var longestWrite = Int.max
        var space: FilesystemSpace?
        var type: FilesystemType?
        var devices: [String: UInt64] = [:]
        var observer: (@Sendable (Event) -> Void)?
    }

    private let state = Mutex(State())

    // MARK: What the test asks for

    /// Fails `times` calls of a kind with `errno`, after `skip` of them passed, on paths that match.
    func fail(
        _ call: SystemCall,
        errno: Int32,
        skip: Int = 0,
        times: Int = 1,
        where matches: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        state.withLock {
            $0.rules.append(Rule(call: call, matches: matches, skip: skip, times: times, errno: errno))
        }
    }

    /// The next call of the kind waits, on its thread, until the gate is opened.
    func hold(_ call: SystemCall, where matches: @escaping @Sendable (String) -> Bool = { _ in true }) -> Gate {
        let gate = Gate()
        state.withLock { $0.gates.append((call, matches, gate)) }
        return gate
    }

    /// No write takes more than so many bytes.
    func shortenWrites(to bytes: Int) { state.withLock { $0.longestWrite = bytes } }

    /// What `statvfs` says.
    func setSpace(_ space: FilesystemSpace?) { state.withLock { $0.space = space } }

    /// What `statfs` says.
    func setType(_ type: FilesystemType) { state.withLock { $0.type = type } }

    /// Makes a path appear on another device.
    func setDevice(_ device: UInt64, of path: String) { state.withLock { $0.devices[path] = device } }

    /// Called before each recorded call, on its thread.
    func observe(_ observer: @escaping @Sendable (Event) -> Void) { state.withLock { $0.observer = observer } }

    func clear() {
        state.withLock { state in
            state.events = []
            state.rules = []
            state.longestWrite = .max
        }
    }

    var events: [Event] { state.withLock { $0.events } }
    var openPaths: [String] { state.withLock { $0.paths.values.sorted() } }

    func count(_ call: SystemCall, where matches: (String) -> Bool = { _ in true }) -> Int {
        events.count { $0.call == call && matches($0.path) }
    }

    /// Puts a mark among the calls, such as the moment of the record.
    func mark(_ text: String) { state.withLock { $0.events.append(Event(call: .stat, path: text)) } }

    // MARK: The calls

    private func begin(_ call: SystemCall, _ path: String, _ target: String = "") throws(SystemCallError) {
        let event = Event(call: call, path: path, target: target)
        let (gate, errno, observer) = state.withLock { state -> (Gate?, Int32?, (@Sendable (Event) -> Void)?) in
            state.events.append(event)
            var gate: Gate?
            if let index = state.gates.firstIndex(where: { $0.call == call && $0.matches(path) }) {
                gate = state.gates.remove(at: index).gate
            }
            for index in state.rules.indices where state.rules[index].call == call && state.rules[index].matches(path) {
                if state.rules[index].skip > 0 {
                    state.rules[index].skip -= 1
                } else if state.rules[index].times > 0 {
                    state.rules[index].times -= 1
                    return (gate, state.rules[index].errno, state.observer)
                }
            }
            return (gate, nil, state.observer)
        }
        observer?(event)
        gate?.pass()
        if let errno { throw SystemCallError(call, errno: errno) }
    }

    private func path(_ descriptor: Int32) -> String { state.withLock { $0.paths[descriptor] ?? "?" } }

    var filesystem: Filesystem {
        let live = Filesystem.live
        var faulty = live
        faulty.open = { path, flags, mode throws(SystemCallError) in
            try self.begin(.open, path)
            let descriptor = try live.open(path, flags, mode)
            self.state.withLock { $0.paths[descriptor] = path }
            return descriptor
        }
        faulty.close = { descriptor in
            self.state.withLock { state in
                let path = state.paths.removeValue(forKey: descriptor)
                state.events.append(Event(call: .close, path: path ?? "?"))
            }
            live.close(descriptor)
        }
        faulty.pread = { descriptor, buffer, offset throws(SystemCallError) in
            try self.begin(.pread, self.path(descriptor))
            return try live.pread(descriptor, buffer, offset)
        }
        faulty.pwritev = { descriptor, parts, offset throws(SystemCallError) in
            try self.begin(.pwritev, self.path(descriptor))
            var room = self.state.withLock { $0.longestWrite }
            var cut: [UnsafeRawBufferPointer] = []
            for part in parts where room > 0 {
                cut.append(UnsafeRawBufferPointer(rebasing: part.prefix(room)))
                room -= min(room, part.count)
            }
            return try live.pwritev(descriptor, cut, offset)
        }
        addFileCalls(&faulty, live)
        addPathCalls(&faulty, live)
        return faulty
    }

    private func addFileCalls(_ faulty: inout Filesystem, _ live: Filesystem) {
        faulty.fdatasync = { descriptor throws(SystemCallError) in
            try self.begin(.fdatasync, self.path(descriptor))
            try live.fdatasync(descriptor)
        }
        faulty.fsync = { descriptor throws(SystemCallError) in
            try self.begin(.fsync, self.path(descriptor))
            try live.fsync(descriptor)
        }
        faulty.startWriteback = { descriptor, offset, count throws(SystemCallError) in
            try self.begin(.sync_file_range, self.path(descriptor))
            try live.startWriteback(descriptor, offset, count)
        }
        faulty.reserve = { descriptor, offset, count throws(SystemCallError) in
            try self.begin(.fallocate, self.path(descriptor))
            try live.reserve(descriptor, offset, count)
        }
        faulty.allocate = { descriptor, offset, count throws(SystemCallError) in
            try self.begin(.fallocate, self.path(descriptor))
            try live.allocate(descriptor, offset, count)
        }
        faulty.truncate = { descriptor, size throws(SystemCallError) in
            try self.begin(.ftruncate, self.path(descriptor))
            try live.truncate(descriptor, size)
        }
        faulty.chmod = { descriptor, mode throws(SystemCallError) in
            try self.begin(.fchmod, self.path(descriptor))
            try live.chmod(descriptor, mode)
        }
        faulty.status = { descriptor throws(SystemCallError) in
            try self.begin(.fstat, self.path(descriptor))
            return try live.status(descriptor)
        }
        faulty.lock = { descriptor throws(SystemCallError) in
            try self.begin(.flock, self.path(descriptor))
            try live.lock(descriptor)
        }
    }

    private func addPathCalls(_ faulty: inout Filesystem, _ live: Filesystem) {
        faulty.rename = { from, to throws(SystemCallError) in
            try self.begin(.rename, from, to)
            try live.rename(from, to)
        }
        faulty.unlink = { path throws(SystemCallError) in
            try self.begin(.unlink, path)
            try live.unlink(path)
        }
        faulty.makeDirectory = { path, mode throws(SystemCallError) in
            try self.begin(.mkdir, path)
            try live.makeDirectory(path, mode)
        }
        faulty.statusOfPath = { path throws(SystemCallError) in
            var status = try live.statusOfPath(path)
            if let device = self.state.withLock({ $0.devices[path] }) { status.identity.device = device }
            return status
        }
        faulty.space = { path throws(SystemCallError) in
            try self.begin(.statvfs, path)
            if let space = self.state.withLock({ $0.space }) { return space }
            return try live.space(path)
        }
        faulty.type = { path throws(SystemCallError) in
            try self.begin(.statfs, path)
            if let type = self.state.withLock({ $0.type }) { return type }
            return try live.type(path)
        }
        faulty.openDirectory = { path throws(SystemCallError) in
            try self.begin(.opendir, path)
            return try live.openDirectory(path)
        }
    }
}

/// Holds a file thread at a call until the test lets it go.
final class Gate: Sendable {
    private let opened = DispatchSemaphore(value: 0)
    private let reached = AsyncStream<Void>.makeStream()

    fileprivate func pass() {
        reached.continuation.yield()
        opened.wait()
    }

    /// Returns when a thread stands at the gate.
    func waitUntilReached() async {
        for await _ in reached.stream { return }
    }

    func open() { opened.signal() }
}
