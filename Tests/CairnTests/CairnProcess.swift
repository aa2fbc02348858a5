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

    private let process: Process
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
        let process = Process()
        process.executableURL = Self.binary
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CAIRN_") }
        variables.merge(environment) { $1 }
        process.environment = variables
        output = Lines()
        errors = Lines()
        process.standardOutput = output.pipe
        process.standardError = errors.pipe
        let (ended, continuation) = AsyncStream<Int32>.makeStream()
        self.ended = ended
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        try process.run()
        self.process = process
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

    func terminate() { process.terminate() }
    func interrupt() { process.interrupt() }

    /// Lines of a pipe as they come.
    private final class Lines: Sendable {
        let pipe = Pipe()
        private let text = Mutex("")
        private let stream = AsyncStream<String>.makeStream()

        init() {
            let continuation = stream.continuation
            pipe.fileHandleForReading.readabilityHandler = { [self] handle in
                let data = handle.availableData
                guard !data.isEmpty else {
                    handle.readabilityHandler = nil
                    continuation.finish()
                    return
                }
                let whole = text.withLock { text in
                    text += String(decoding: data, as: UTF8.self)
                    return text
                }
                continuation.yield(whole)
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
