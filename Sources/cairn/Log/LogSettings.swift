// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Journal
import Settings
import Transparency
import Yams

/// The sections `log` and `witness` of the configuration file.
///
/// ```yaml
/// log:
///   witnesses: [{key: NAME+ID+KEY, url: "https://witness.example"}]
///   quorum: 1      # cosignatures that a checkpoint needs before it is shown; 0, the default, waits for none
/// witness:
///   name: registry.example/witness
///   logs: [NAME+ID+KEY]
/// ```
struct LogSettings: Sendable, Hashable {
    /// Who is asked to cosign this log.
    var witnesses: [Cosigners.Witness] = []
    var quorum = 0
    /// The name under which other logs are cosigned here, and their keys.
    var witnessName: KeyName?
    var witnessedLogs: [NoteVerifier] = []

    static let sections: Set<String> = ["log", "witness"]
    private static let entriesLimit = 64

    private typealias Fields = YAMLFields<SectionError>

    /// Reads one of the sections.
    mutating func read(_ section: String, _ node: Node) throws(SectionError) {
        if section == "log" { try readLog(node) } else { try readWitness(node) }
    }

    private mutating func readLog(_ node: Node) throws(SectionError) {
        let fields = try Fields(node, "the log", keys: ["witnesses", "quorum"])
        witnesses = []
        for element in try fields.elements("witnesses") {
            let entry = try Fields(element, "a witness", keys: ["key", "url"])
            let key = try Self.verifier(try entry.required("key"), entry)
            guard key.kind == .cosignature else {
                throw entry.error("key", "is no key of a witness, but one of a log")
            }
            let url = try entry.required("url")
            guard url.hasPrefix("https://") || url.hasPrefix("http://"), !url.hasSuffix("/") else {
                throw entry.error("url", "begins with https:// and does not end in /")
            }
            witnesses.append(Cosigners.Witness(key: key, url: url))
        }
        guard witnesses.count <= Self.entriesLimit, Set(witnesses.map(\.key)).count == witnesses.count else {
            throw fields.error("witnesses", "names at most \(Self.entriesLimit) keys, each once")
        }
        quorum = try fields.integer("quorum", in: 0...Self.entriesLimit) ?? 0
        guard quorum <= witnesses.count else {
            throw fields.error("quorum", "asks for more cosignatures than there are witnesses")
        }
    }

    private mutating func readWitness(_ node: Node) throws(SectionError) {
        let fields = try Fields(node, "the witness", keys: ["name", "logs"])
        let name = try fields.required("name")
        guard let parsed = try? KeyName(parsing: name) else {
            throw fields.error("name", "is not empty and has no spaces and no '+'")
        }
        witnessName = parsed
        witnessedLogs = try fields.list("logs") { text throws(SectionError) in try Self.verifier(text, fields) }
        guard !witnessedLogs.isEmpty, witnessedLogs.count <= Self.entriesLimit else {
            throw fields.error("logs", "names 1 to \(Self.entriesLimit) keys of logs")
        }
    }

    private static func verifier(_ text: String, _ fields: Fields) throws(SectionError) -> NoteVerifier {
        do {
            return try NoteVerifier(parsing: text)
        } catch {
            throw fields.error("has a key that is none: \(error.reason)")
        }
    }
}
