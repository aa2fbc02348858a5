// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CSandbox
internal import Glibc

/// Has layers scanned by processes of their own. However such a process ends, there is a result.
package struct LayerScanProcess: Sendable {
    /// The path of a program that calls `LayerScanWorker.run`.
    package let executable: String
    /// What it is called with.
    package let arguments: [String]
    /// How long one layer may take.
    package let timeout: Duration

    package init(executable: String, arguments: [String], timeout: Duration = .seconds(600)) {
        self.executable = executable
        self.arguments = arguments
        self.timeout = timeout
    }

    /// Scans the layer in a file. Blocks up to the timeout; belongs on a thread that may.
    ///
    /// The worker gets the file opened for reading, a pipe for its answer, and nothing else of this process.
    package func run(path: String) -> LayerScanResult {
        let layer = Descriptor(unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW))
        guard layer.isOpen else { return LayerScanResult(unscanned: errno == ENOENT ? .missing : .unreadable) }
        var ends: [Int32] = [-1, -1]
        guard unsafe cairn_pipe(&ends) == 0 else { return LayerScanResult(unscanned: .notStarted) }
        let answer = Descriptor(ends[0])
        let started = start(input: layer.raw, output: Descriptor(ends[1]))
        guard let process = started else { return LayerScanResult(unscanned: .notStarted) }
        let end = ContinuousClock.now + timeout
        let handle = Descriptor(cairn_process_descriptor(process))
        let output = handle.isOpen ? Self.output(answer, until: end) : .timedOut
        let isDone = output.bytes != nil && Self.isReadable(handle, until: end)
        if !isDone { kill(process, SIGKILL) }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { return LayerScanResult(unscanned: .crashed) }
        }
        guard isDone, let bytes = output.bytes else {
            return LayerScanResult(unscanned: output == .tooLong ? .badAnswer : .timeout)
        }
        return Self.result(status, bytes)
    }

    /// What a status and an answer mean together.
    static func result(_ status: Int32, _ answer: [UInt8]) -> LayerScanResult {
        switch (status & 0x7F, status >> 8 & 0xFF) {
        case (0, 0): LayerScanResult(decoding: answer) ?? LayerScanResult(unscanned: .badAnswer)
        case (SIGSYS, _): LayerScanResult(unscanned: .forbidden)
        case (SIGXCPU, _): LayerScanResult(unscanned: .timeout)
        default: LayerScanResult(unscanned: .crashed)
        }
    }

    /// Starts the program; nil if that cannot be done. The output is closed here.
    private func start(input: Int32, output: consuming Descriptor) -> pid_t? {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        var (blocked, restored) = (sigset_t(), sigset_t())
        // The program must not inherit which signals this one ignores or blocks.
        guard unsafe posix_spawn_file_actions_init(&actions) == 0 else { return nil }
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        guard unsafe posix_spawnattr_init(&attributes) == 0 else { return nil }
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        let flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
        guard
            unsafe sigemptyset(&blocked) == 0, unsafe sigfillset(&restored) == 0,
            unsafe posix_spawnattr_setsigmask(&attributes, &blocked) == 0,
            unsafe posix_spawnattr_setsigdefault(&attributes, &restored) == 0,
            unsafe posix_spawnattr_setflags(&attributes, flags) == 0,
            unsafe posix_spawn_file_actions_adddup2(&actions, input, 0) == 0,
            unsafe posix_spawn_file_actions_adddup2(&actions, output.raw, 1) == 0,
            unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0
        else { return nil }
        // Safety: the words are copies that are freed after the call, which reads both lists up to their nil.
        let words = unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil]
        let environment = unsafe Self.environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe (words + environment).forEach { unsafe free($0) } }
        var process: pid_t = 0
        let code = unsafe posix_spawn(&process, executable, &actions, &attributes, words, environment)
        return code == 0 ? process : nil
    }

    /// No variable of this process reaches the program. A crash is to end it, and not to start a debugger.
    private static let environment = ["LC_ALL=C", "SWIFT_BACKTRACE=enable=no"]

    private enum Output: Equatable {
        case complete([UInt8])
        case tooLong
        case timedOut

        var bytes: [UInt8]? {
            if case .complete(let bytes) = self { return bytes }
            return nil
        }
    }

    /// Reads until the other end is closed.
    private static func output(_ pipe: borrowing Descriptor, until end: ContinuousClock.Instant) -> Output {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while isReadable(pipe, until: end) {
            let raw = pipe.raw
            // Safety: the kernel writes at most the piece's length, during the call.
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(raw, $0.baseAddress, $0.count) }
            guard count != 0 else { return .complete(bytes) }
            guard count > 0 else {
                if errno == EINTR { continue }
                return .timedOut
            }
            bytes += piece.prefix(count)
            guard bytes.count <= LayerScanResult.encodedBytesLimit else { return .tooLong }
        }
        return .timedOut
    }

    /// Waits until there is something to read, or its end; false if neither came in time.
    private static func isReadable(_ descriptor: borrowing Descriptor, until end: ContinuousClock.Instant) -> Bool {
        var request = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        while true {
            let left = (end - ContinuousClock.now) / Duration.milliseconds(1)
            guard left > 0 else { return false }
            let count = unsafe poll(&request, 1, Int32(min(left.rounded(.up), 1_000_000)))
            if count > 0 { return true }
            guard count == 0 || errno == EINTR else { return false }
        }
    }

    /// A descriptor that is closed with its owner.
    private struct Descriptor: ~Copyable {
        let raw: Int32

        init(_ raw: Int32) { self.raw = raw }

        deinit { if raw >= 0 { close(raw) } }

        var isOpen: Bool { raw >= 0 }
    }
}
