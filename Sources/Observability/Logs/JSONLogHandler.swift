// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Logging

/// One JSON object a line: `time`, `level`, `logger`, `message`, then the metadata by name.
///
/// Values that are integers, `Double` or `Bool` (as `.stringConvertible`) become JSON's own, everything else a string.
/// The caller does not wait for the line to be written (`LogWriter`).
package struct JSONLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let output: LogOutput

    init(label: String, output: LogOutput, metadataProvider: Logger.MetadataProvider?) {
        self.label = label
        self.output = output
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
        var line = JSONLine(limits: output.limits)
        line.begin(time: output.clock(), level: event.level, label: label, message: event.message.description)
        for member in members.members { line.add(member.name, member.value, limit: members.limit(of: member.name)) }
        output.writer.write(line.ended())
    }
}

/// A JSON object in the making that never grows beyond the limit of a line.
struct JSONLine {
    private var bytes: [UInt8] = []
    private var isTruncated = false
    private let limits: LogLimits
    private static let end = Array("}\n".utf8)
    private static let truncated = Array(",\"truncated\":true".utf8)

    init(limits: LogLimits) {
        self.limits = limits
        bytes.reserveCapacity(512)
    }

    mutating func begin(time: Timestamp, level: Logger.Level, label: String, message: String) {
        bytes.append(contentsOf: "{\"time\":\"".utf8)
        time.append(to: &bytes)
        bytes.append(contentsOf: "\",\"level\":\"".utf8)
        bytes.append(contentsOf: level.rawValue.utf8)
        bytes.append(UInt8(ascii: "\""))
        add("logger", .string(label), limit: limits.valueBytes)
        add("message", .string(message), limit: limits.messageBytes)
        // An escape takes up to six bytes for one: what did not fit as a whole fits as half a line of escapes.
        if isTruncated { add("message", .string(message), limit: limits.lineBytes / 12) }
    }

    /// Adds a member, or leaves it out if the line would become too long.
    mutating func add(_ name: String, _ value: Logger.MetadataValue, limit: Int) {
        let mark = bytes.count
        bytes.append(UInt8(ascii: ","))
        append(name, limit: limits.valueBytes)
        bytes.append(UInt8(ascii: ":"))
        append(value, limit: limit, depth: 0)
        if bytes.count + Self.truncated.count + Self.end.count > limits.lineBytes {
            bytes.removeSubrange(mark...)
            isTruncated = true
        }
    }

    consuming func ended() -> [UInt8] {
        if isTruncated { bytes += Self.truncated }
        bytes += Self.end
        return bytes
    }

    private mutating func append(_ text: String, limit: Int) {
        bytes.append(UInt8(ascii: "\""))
        LogText.appendJSON(text, limit: limit, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ value: Logger.MetadataValue, limit: Int, depth: Int) {
        // A container stops growing when the line is full; `add` then takes all of it back.
        guard depth < limits.depth, bytes.count < limits.lineBytes else { return append(LogMembers.tooDeep, limit: 8) }
        switch value {
        case .string(let text):
            append(text, limit: limit)
        case .stringConvertible(let some):
            if let number = Self.literal(some) {
                bytes.append(contentsOf: number.utf8)
            } else {
                append(some.description, limit: limit)
            }
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() where bytes.count < limits.lineBytes {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(value, limit: limit, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let values):
            bytes.append(UInt8(ascii: "{"))
            let sorted = values.sorted { $0.key < $1.key }
            for (index, (key, value)) in sorted.enumerated() where bytes.count < limits.lineBytes {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(key, limit: limit)
                bytes.append(UInt8(ascii: ":"))
                append(value, limit: limit, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// The text of what JSON can say without quotes.
    private static func literal(_ value: any CustomStringConvertible & Sendable) -> String? {
        switch value {
        case let integer as Int: String(integer)
        case let integer as Int64: String(integer)
        case let integer as UInt64: String(integer)
        case let integer as UInt: String(integer)
        case let integer as Int32: String(integer)
        case let integer as UInt32: String(integer)
        case let integer as UInt16: String(integer)
        case let integer as UInt8: String(integer)
        case let number as Double: number.isFinite ? number.description : nil
        case let flag as Bool: flag ? "true" : "false"
        default: nil
        }
    }
}
