// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Logging
import Observability
import Synchronization

/// What the process says: lines for people on standard output and error, and the log.
enum Console {
    private static let writer = Mutex<LogWriter?>(nil)

    static func error(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// Prints at once, also into a pipe, and as `InertText`: most of it comes from a server.
    static func say(_ text: String) {
        FileHandle.standardOutput.write(Data(InertText.bytes(of: text + "\n")))
    }

    /// Directs the log of all libraries to standard error, through the writer returned. Once in a process.
    static func startLog(level: Logger.Level, format: Configuration.LogFormat) -> LogWriter {
        let detected: Observability.LogFormat =
            switch format {
            case .automatic: .detected()
            case .json: .json
            case .human: .human(colour: false)
            }
        let output = LogOutput(format: detected, level: level)
        output.writer.flushAtExit()
        writer.withLock { $0 = output.writer }
        LoggingSystem.bootstrap(
            { label, provider in output.handler(label: label, metadataProvider: provider) },
            metadataProvider: nil
        )
        return output.writer
    }

    /// Waits a moment for queued log lines to be written, where the process ends without `atexit`.
    static func flush() {
        _ = writer.withLock { $0 }?.flush(within: .seconds(1))
    }
}
