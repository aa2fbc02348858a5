// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Logging

/// A line for a person: time, level, logger, message, then `name=value` of the metadata.
///
/// The caller does not wait for the line to be written (`LogWriter`).
package struct HumanLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let output: LogOutput
    private let colour: Bool

    init(label: String, output: LogOutput, colour: Bool, metadataProvider: Logger.MetadataProvider?) {
        self.label = label
        self.output = output
        self.colour = colour
        self.metadataProvider = metadataProvider
        logLevel = output.level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let members = LogMembers(
            carried: metadata,
            provider: metadataProvider,
            event: event,
            limits: output.limits
        )
        var line = HumanLine(limits: output.limits, colour: colour)
        line.begin(time: output.clock(), level: event.level, label: label, message: event.message.description)
        for member in members.members { line.add(member.name, member.value, limit: members.limit(of: member.name)) }
        output.writer.write(line.ended())
    }
}

/// A line for a person in the making, that never grows beyond the limit of a line.
struct HumanLine {
    private var bytes: [UInt8] = []
    private let limits: LogLimits
    private let colour: Bool
    private var isTruncated = false
    private static let truncated = Array(" …".utf8)
    private static let plain = "\u{1b}[0m"
    private static let faint = "\u{1b}[2m"

    init(limits: LogLimits, colour: Bool) {
        self.limits = limits
        self.colour = colour
        bytes.reserveCapacity(256)
    }

    mutating func begin(time: Timestamp, level: Logger.Level, label: String, message: String) {
        time.append(to: &bytes)
        bytes.append(UInt8(ascii: " "))
        let name = level.rawValue.uppercased()
        let padding = String(repeating: " ", count: max(0, "CRITICAL".count - name.count))
        bytes.append(contentsOf: (colour ? Self.colour(of: level) + name + Self.plain : name).utf8)
        bytes.append(contentsOf: (padding + " ").utf8)
        if !label.isEmpty {
            if colour { bytes += Array(Self.faint.utf8) }
            LogText.appendHuman(label, limit: limits.valueBytes, quotes: false, to: &bytes)
            if colour { bytes += Array(Self.plain.utf8) }
            bytes.append(UInt8(ascii: " "))
        }
        LogText.appendHuman(message, limit: limits.messageBytes, quotes: false, to: &bytes)
        // Escapes may have made six bytes of one: what is too long is cut where a scalar begins.
        let room = limits.lineBytes - Self.truncated.count - 1
        guard bytes.count > room else { return }
        var end = room
        while end > 0, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        bytes.removeSubrange(end...)
        isTruncated = true
    }

    /// Adds a member, or leaves it out if the line would become too long.
    mutating func add(_ name: String, _ value: Logger.MetadataValue, limit: Int) {
        let mark = bytes.count
        bytes.append(contentsOf: (colour ? " " + Self.faint : " ").utf8)
        LogText.appendHuman(name, limit: limits.valueBytes, quotes: false, to: &bytes)
        bytes.append(contentsOf: (colour ? "=" + Self.plain : "=").utf8)
        append(text(of: value, depth: 0), limit: limit)
        if bytes.count + Self.truncated.count + 1 > limits.lineBytes {
            bytes.removeSubrange(mark...)
            isTruncated = true
        }
    }

    consuming func ended() -> [UInt8] {
        if isTruncated { bytes += Self.truncated }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// In quotes where it would otherwise not be clear where the value ends.
    private mutating func append(_ text: String, limit: Int) {
        let needsQuotes = text.isEmpty || text.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "\"") || $0 == 0x3d }
        if needsQuotes { bytes.append(UInt8(ascii: "\"")) }
        LogText.appendHuman(text, limit: limit, quotes: needsQuotes, to: &bytes)
        if needsQuotes { bytes.append(UInt8(ascii: "\"")) }
    }

    private func text(of value: Logger.MetadataValue, depth: Int) -> String {
        switch value {
        case .string(let text): return text
        case .stringConvertible(let some): return some.description
        case .array(let values):
            guard depth < limits.depth else { return LogMembers.tooDeep }
            return "[" + values.map { text(of: $0, depth: depth + 1) }.joined(separator: ", ") + "]"
        case .dictionary(let values):
            guard depth < limits.depth else { return LogMembers.tooDeep }
            let sorted = values.sorted { $0.key < $1.key }
            return "{" + sorted.map { "\($0.key): \(text(of: $0.value, depth: depth + 1))" }.joined(separator: ", ")
                + "}"
        }
    }

    private static func colour(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "\u{1b}[2m"
        case .info: "\u{1b}[32m"
        case .notice: "\u{1b}[36m"
        case .warning: "\u{1b}[33m"
        case .error: "\u{1b}[31m"
        case .critical: "\u{1b}[1;31m"
        }
    }
}
