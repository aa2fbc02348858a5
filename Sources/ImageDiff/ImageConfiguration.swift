// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What an image's configuration says of how it runs and how its layers were made (image specification, config.md).
package struct ImageConfiguration: Hashable, Sendable {
    /// A step of the build, in the order of the steps.
    package struct Step: Hashable, Sendable {
        package let command: String?
        /// Whether it made no layer.
        package let isEmpty: Bool
    }

    package private(set) var platform: Platform?
    /// Entry point, command, environment and so on; those that are not said are missing.
    package private(set) var values: [NamedValue] = []
    package private(set) var labels: [String: String] = [:]
    package private(set) var created: String?
    package private(set) var history: [Step] = []

    /// Reads a configuration. Members that are not known are passed over.
    ///
    /// - Throws: `malformed`, or `tooLarge`.
    package init(parsing bytes: [UInt8]) throws(ImageDiffError) {
        guard bytes.count <= ImageDiffLimits.configurationBytes else {
            throw ImageDiffError(.tooLarge, "the configuration has over \(ImageDiffLimits.configurationBytes) bytes")
        }
        let document: JSONValue
        do {
            document = try JSONValue(parsing: bytes, nodesLimit: ImageDiffLimits.configurationNodes)
        } catch {
            throw ImageDiffError(.malformed, "the configuration is no JSON: \(error)")
        }
        guard document.members != nil else { throw Self.malformed("is no object") }
        if let os = document["os"]?.text, let architecture = document["architecture"]?.text {
            platform = Platform(architecture: architecture, os: os, variant: document["variant"]?.text)
        }
        created = document["created"]?.text
        for element in document["history"]?.elements ?? [] {
            let step = Step(command: element["created_by"]?.text, isEmpty: element["empty_layer"] == .bool(true))
            history.append(step)
        }
        guard let config = document["config"], config != .null else { return }
        guard config.members != nil else { throw Self.malformed("has a 'config' that is no object") }
        try readCommands(config)
        try readEnvironment(config)
        try readNames(config)
    }

    private static func malformed(_ text: String) -> ImageDiffError {
        ImageDiffError(.malformed, "the configuration \(text)")
    }

    private mutating func readCommands(_ config: JSONValue) throws(ImageDiffError) {
        for (member, field) in [("Entrypoint", "entrypoint"), ("Cmd", "cmd"), ("Shell", "shell")] {
            guard let texts = try Self.texts(config, member) else { continue }
            var writer = JSONWriter()
            writer.array { writer in
                for text in texts { writer.string(text) }
            }
            values.append(NamedValue(field, nil, writer.text))
        }
        for (member, field) in [("User", "user"), ("WorkingDir", "workdir"), ("StopSignal", "stop-signal")] {
            switch config[member] {
            case nil, .null, .string(""): continue
            case .string(let text): values.append(NamedValue(field, nil, text))
            default: throw Self.malformed("has a '\(member)' that is no text")
            }
        }
    }

    private mutating func readEnvironment(_ config: JSONValue) throws(ImageDiffError) {
        for text in try Self.texts(config, "Env") ?? [] {
            let (name, value) = text.splitOnce(at: "=")
            values.append(NamedValue("env", name, value ?? ""))
        }
    }

    private mutating func readNames(_ config: JSONValue) throws(ImageDiffError) {
        for (member, field) in [("ExposedPorts", "port"), ("Volumes", "volume")] {
            switch config[member] {
            case nil, .null: continue
            case .object(let members): values += members.map(\.key).sorted().map { NamedValue(field, $0, "") }
            default: throw Self.malformed("has '\(member)' that are no object")
            }
        }
        switch config["Labels"] {
        case nil, .null: break
        case .object(let members):
            for member in members.sorted(by: { $0.key < $1.key }) {
                guard let text = member.value.text else { throw Self.malformed("has a label that is no text") }
                values.append(NamedValue("label", member.key, text))
                labels[member.key] = text
            }
        default: throw Self.malformed("has 'Labels' that are no object")
        }
    }

    /// A list of texts; nil where it is missing or null.
    private static func texts(_ config: JSONValue, _ member: String) throws(ImageDiffError) -> [String]? {
        switch config[member] {
        case nil, .null: return nil
        case .array(let elements):
            let texts = elements.compactMap(\.text)
            guard texts.count == elements.count else { throw malformed("has in '\(member)' what is no text") }
            return texts
        default: throw malformed("has a '\(member)' that is no list")
        }
    }

    /// The command of each of so many layers; nil for all where the history has not as many steps that made one.
    package func commands(layers count: Int) -> [String?] {
        let steps = history.filter { !$0.isEmpty }
        return steps.count == count ? steps.map(\.command) : Array(repeating: nil, count: count)
    }
}

extension String {
    /// What stands before the first such character, and what after it; nil where there is none.
    func splitOnce(at separator: Character) -> (String, String?) {
        guard let index = firstIndex(of: separator) else { return (self, nil) }
        return (String(self[..<index]), String(self[self.index(after: index)...]))
    }
}
