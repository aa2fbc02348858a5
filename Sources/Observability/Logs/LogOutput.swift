// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Logging

/// Where log lines go and how they look; makes the handlers of `LoggingSystem.bootstrap`.
package struct LogOutput: Sendable {
    package let format: LogFormat
    package let writer: LogWriter
    let level: Logger.Level
    let limits: LogLimits
    let clock: @Sendable () -> Timestamp

    /// Starts the writer's thread. The descriptor stays the caller's and must outlive the writer.
    package init(
        format: LogFormat = .detected(),
        descriptor: Int32 = 2,
        level: Logger.Level = .info,
        limits: LogLimits = LogLimits(),
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) {
        self.format = format
        self.level = level
        self.limits = limits
        self.clock = clock
        writer = LogWriter(descriptor: descriptor, limits: limits) { dropped in
            Self.notice(dropped, format: format, limits: limits, time: clock())
        }
    }

    /// A handler of this output. Its level and metadata are its own.
    package func handler(label: String, metadataProvider: Logger.MetadataProvider?) -> any LogHandler {
        switch format {
        case .json:
            JSONLogHandler(label: label, output: self, metadataProvider: metadataProvider)
        case .human(let colour):
            HumanLogHandler(label: label, output: self, colour: colour, metadataProvider: metadataProvider)
        }
    }

    /// The line that stands where lines are missing.
    private static func notice(_ dropped: Int, format: LogFormat, limits: LogLimits, time: Timestamp) -> [UInt8] {
        let message = "log lines were dropped because they came faster than they could be written"
        switch format {
        case .json:
            var line = JSONLine(limits: limits)
            line.begin(time: time, level: .warning, label: "log", message: message)
            line.add("dropped", .stringConvertible(dropped), limit: limits.valueBytes)
            return line.ended()
        case .human(let colour):
            var line = HumanLine(limits: limits, colour: colour)
            line.begin(time: time, level: .warning, label: "log", message: message)
            line.add("dropped", .stringConvertible(dropped), limit: limits.valueBytes)
            return line.ended()
        }
    }
}
