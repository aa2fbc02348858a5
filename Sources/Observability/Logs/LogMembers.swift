// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Logging

/// The metadata of one line: what the logger carries, what the provider adds, what the call says, in this order of
/// precedence, the last word winning; nested dictionaries flattened to `outer.inner`; sorted by name.
struct LogMembers {
    struct Member {
        var name: String
        var value: Logger.MetadataValue
    }

    /// What a value is replaced by that lies too deep.
    static let tooDeep = "…"

    private(set) var members: [Member] = []
    private let limits: LogLimits

    init(carried: Logger.Metadata, provider: Logger.MetadataProvider?, event: LogEvent, limits: LogLimits) {
        self.limits = limits
        members.reserveCapacity(carried.count + (event.metadata?.count ?? 0) + 4)
        // The strongest word comes first; what is said again later gives way.
        if let error = event.error {
            add("error.type", .string(String(reflecting: type(of: error))))
            add("error.message", .string(String(describing: error)))
        }
        if let explicit = event.metadata { flatten(explicit, prefix: "", depth: 0) }
        if let provided = provider?.get() { flatten(provided, prefix: "", depth: 0) }
        flatten(carried, prefix: "", depth: 0)
        members.sort { $0.name < $1.name }
    }

    /// UTF-8 bytes that a member's text may have.
    func limit(of name: String) -> Int {
        name == "error.message" ? limits.errorBytes : limits.valueBytes
    }

    private mutating func flatten(_ metadata: Logger.Metadata, prefix: String, depth: Int) {
        for (key, value) in metadata {
            let name = prefix.isEmpty ? key : prefix + key
            switch value {
            case .dictionary(let inner) where depth < limits.depth:
                flatten(inner, prefix: name + ".", depth: depth + 1)
            case .dictionary:
                add(name, .string(Self.tooDeep))
            default:
                add(name, value)
            }
        }
    }

    private mutating func add(_ name: String, _ value: Logger.MetadataValue) {
        let name = Self.isReserved(name) ? "metadata." + name : name
        // A name twice would make the line mean different things to different readers.
        if !members.contains(where: { $0.name == name }) { members.append(Member(name: name, value: value)) }
    }

    /// Names that belong to the line itself. Metadata of the same name is shown as `metadata.<name>`.
    private static func isReserved(_ name: String) -> Bool {
        switch name {
        case "time", "level", "logger", "message", "truncated": true
        default: false
        }
    }
}
