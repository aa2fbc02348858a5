// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Synchronization

/// The built program, run as a process of its own.
final class CairnProcess: Sendable {
    struct Result {
        let status: Int32
        let output: String
        let errors: String
    }

    private let process: pid_t
    private let output: Lines
    private let errors: Lines
    private let ended: AsyncStream<Int32>

    /// `CAIRN_BINARY`, else the program that was built beside the test bundle.
    static var binary: URL {
        if let path = ProcessInfo.processInfo.environment["CAIRN_BINARY"] { return URL(fileURLWithPath: path) }
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let candidates = [tests.deletingLastPathComponent(), Bundle.main.bundleURL]
        let found = candidates.map { $0.appending(path: "cairn") }
        return found.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? found[0]
    }

    /// Starts it, with no variables but those given and without the settings of whoever runs the tests.
    init(_ arguments: [String], environment: [String: String] = [:], directory: String) throws {
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CAIRN_") }
        variables.merge(environment) { $1 }
        Self.spawning.lock()
        defer { Self.spawning.unlock() }
        let (standardOutput, standardErrors) = (try Self.pipe(), try Self.pipe())
        defer {
            close(standardOutput.write)
            close(standardErrors.write)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, standardOutput.write, 1)
        posix_spawn_file_actions_adddup2(&actions, standardErrors.write, 2)
        var process: pid_t = 0
        let path = Self.binary.path
        let words = (["env", "-C", directory, path] + arguments).map { strdup($0) } + [nil]
        let settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        let code = posix_spawn(&process, "/usr/bin/env", &actions, nil, words, settings)
        output = Lines(standardOutput.read)
        errors = Lines(standardErrors.read)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        self.process = process
        let (ended, continuation) = AsyncStream<Int32>.makeStream()
        self.ended = ended
        Thread.detachNewThread { [process] in
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0 && errno == EINTR {}
            let signal = status & 0x7F
            continuation.yield(signal == 0 ? (status >> 8) & 0xFF : signal)
            continuation.finish()
        }
    }

    /// Held while a program is started: an end of a pipe that another program inherits keeps the reader waiting.
    private static let spawning = NSLock()

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard Foundation.pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Runs it to its end.
    static func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        directory: String
    ) async throws -> Result {
        try await CairnProcess(arguments, environment: environment, directory: directory).end()
    }

    /// Waits for its end.
    func end() async -> Result {
        var status: Int32 = -1
        for await value in ended { status = value }
        return Result(status: status, output: await output.all(), errors: await errors.all())
    }

    /// Waits until it says where it listens; nil when it ends without.
    func port() async -> Int? {
        guard let line = await output.line(where: { $0.contains(" listens on http://") }),
            let address = line.firstRange(of: "http://")
        else { return nil }
        let rest = line[address.upperBound...].prefix { $0 != "," }
        return rest.split(separator: ":").last.flatMap { Int($0) }
    }

    /// Waits for a line of its log.
    func error(where condition: (Substring) -> Bool) async { _ = await errors.line(where: condition) }

    func terminate() { kill(process, SIGTERM) }
    func interrupt() { kill(process, SIGINT) }
    func hangUp() { kill(process, SIGHUP) }

    /// Lines of a pipe as they come.
    private final class Lines: Sendable {
        private let text = Mutex("")
        private let stream = AsyncStream<String>.makeStream()

        /// Takes the descriptor over.
        init(_ descriptor: Int32) {
            Thread.detachNewThread { [self] in
                let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
                while true {
                    let data = handle.availableData
                    guard !data.isEmpty else { break }
                    let whole = text.withLock { text in
                        text += String(decoding: data, as: UTF8.self)
                        return text
                    }
                    stream.continuation.yield(whole)
                }
                stream.continuation.finish()
            }
        }

        /// The first complete line that satisfies the condition.
        func line(where condition: (Substring) -> Bool) async -> Substring? {
            for await text in stream.stream {
                let complete = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                if let line = complete.first(where: condition) { return line }
            }
            return nil
        }

        /// Everything, at the end.
        func all() async -> String {
            for await _ in stream.stream { continue }
            return text.withLock { $0 }
        }
    }
}
