// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Foundation
import RegistryClient

/// What the commands of a registry's clients have in common.
enum ClientCommand {
    /// The part of the help that is the same for each.
    static let exitStatuses = """
        Exit status: 0 done; 1 this machine's disk; 2 or 64 usage; 3 not found; 4 credentials or rights refused; 5 \
        refused as things stand: changed, protected or to be confirmed; 10 policy: not signed, a requirement not met, \
        or quarantine; 11 integrity: wrong bytes, or a log that does not prove what is served; 12 network or registry. \
        Credential helpers are not called.
        """

    /// Seconds since 1970.
    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    /// Runs a command, and ends it with the status of its failure.
    static func attempt(_ name: String, _ work: () async throws(ClientError) -> Void) async throws {
        do {
            try await work()
        } catch {
            Console.error("cairn \(name): \(error.reason)")
            for text in error.evidence { Console.error("\n\(text)") }
            throw ExitCode(error.exitStatus)
        }
    }

    /// The content of a file that an argument names.
    static func bytes(of path: String, limit: Int) throws(ClientError) -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw ClientError(.usage, "\(path) cannot be opened")
        }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: limit + 1) ?? Data() else {
            throw ClientError(.usage, "\(path) cannot be read")
        }
        guard data.count <= limit else { throw ClientError(.usage, "\(path) has over \(limit) bytes") }
        return Array(data)
    }

    static func text(of path: String, limit: Int) throws(ClientError) -> String {
        guard let text = String(validating: try bytes(of: path, limit: limit), as: UTF8.self) else {
            throw ClientError(.usage, "\(path) is not a text in UTF-8")
        }
        return text
    }
}

/// How progress is shown on standard error.
struct ProgressOptions: ParsableArguments {
    enum Mode: String, ExpressibleByArgument, CaseIterable {
        case bar, plain, json, none
    }

    @Option(help: "How progress is shown on standard error (default: a bar on a terminal, else plain lines).")
    var progress: Mode?

    var display: ProgressDisplay {
        let isTerminal = FileHandle.standardError.isTerminal
        let mode = progress ?? (isTerminal ? .bar : .plain)
        return ProgressDisplay(mode: ProgressDisplay.Mode(rawValue: mode.rawValue) ?? .none) { text in
            FileHandle.standardError.write(Data(text.utf8))
        }
    }
}

extension FileHandle {
    var isTerminal: Bool { isatty(fileDescriptor) == 1 }
}

/// The form of a result on standard output.
enum OutputForm: String, ExpressibleByArgument, CaseIterable {
    case text, json
}
