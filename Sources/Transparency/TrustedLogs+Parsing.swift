// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension TrustedLogs {
    /// Reads a policy file, all bytes of it.
    ///
    /// - Throws: `invalidPolicy` with the number of the line that is wrong, also for a policy of more than 64 KiB.
    package init(parsing bytes: [UInt8]) throws(TransparencyError) {
        var reader = PolicyReader()
        guard bytes.count <= TransparencyLimits.policyBytesLimit else {
            throw reader.error("a policy has at most \(TransparencyLimits.policyBytesLimit) bytes")
        }
        let feed = UInt8(ascii: "\n")
        guard bytes.isEmpty || bytes.last == feed else { throw reader.error("the last line ends in a line feed") }
        for line in bytes.dropLast().split(separator: feed, omittingEmptySubsequences: false) {
            try reader.read(line)
        }
        guard let quorum = reader.quorum else { throw reader.error("a policy has a line quorum") }
        self.init(logs: reader.logs, witnesses: reader.witnesses, groups: reader.groups, quorum: quorum.label)
    }

    /// Reads a policy file, the whole text.
    ///
    /// - Throws: As of `init(parsing:)` for bytes.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        try self.init(parsing: Array(text.utf8))
    }
}

/// The state of one pass over a policy file. Names are bytes, not text (tlog-policy, "Character set").
private struct PolicyReader {
    var logs: [TrustedLogs.Log] = []
    var witnesses: [TrustedLogs.Witness] = []
    var groups: [TrustedLogs.Group] = []
    /// Set by the line quorum; its label is nil for `none`.
    var quorum: (label: [UInt8]?, line: Int)?

    private var number = 0
    private var names: Set<[UInt8]> = []
    private var members: Set<[UInt8]> = []

    func error(_ reason: String) -> TransparencyError {
        TransparencyError(code: .invalidPolicy, reason: number > 0 ? "line \(number): \(reason)" : reason)
    }

    mutating func read(_ line: ArraySlice<UInt8>) throws(TransparencyError) {
        number += 1
        guard line.allSatisfy({ $0 == UInt8(ascii: "\t") || $0 >= 0x20 && $0 != 0x7f }) else {
            throw error("a policy has no control characters but tabs and line feeds")
        }
        let items = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map(Array.init)
        guard let keyword = items.first, keyword.first != UInt8(ascii: "#") else { return }
        let rest = Array(items.dropFirst())
        switch String(decoding: keyword, as: UTF8.self) {
        case "log": try readLog(rest)
        case "witness": try readWitness(rest)
        case "group": try readGroup(rest)
        case "quorum": try readQuorum(rest)
        default: throw error("a line begins with log, witness, group, quorum or #")
        }
    }

    private mutating func readLog(_ items: [[UInt8]]) throws(TransparencyError) {
        guard (1...2).contains(items.count) else { throw error("a log is: log <vkey> [<url>]") }
        let verifier = try verifier(items[0], .ed25519)
        guard !logs.contains(where: { $0.verifier.key == verifier.key }) else {
            throw error("the log has a line already")
        }
        guard logs.count < TransparencyLimits.policyEntriesLimit else { throw error("there are too many logs") }
        logs.append(TrustedLogs.Log(verifier: verifier, url: url(items.dropFirst(1).first)))
    }

    private mutating func readWitness(_ items: [[UInt8]]) throws(TransparencyError) {
        guard (2...3).contains(items.count) else { throw error("a witness is: witness <name> <vkey> [<url>]") }
        let verifier = try verifier(items[1], .cosignature)
        guard !witnesses.contains(where: { $0.verifier.key == verifier.key }) else {
            throw error("the witness has a line already")
        }
        guard witnesses.count < TransparencyLimits.policyEntriesLimit else {
            throw error("there are too many witnesses")
        }
        try define(items[0])
        let url = url(items.dropFirst(2).first)
        witnesses.append(TrustedLogs.Witness(label: items[0], verifier: verifier, url: url))
    }

    private mutating func readGroup(_ items: [[UInt8]]) throws(TransparencyError) {
        guard items.count >= 3 else { throw error("a group is: group <name> all|any|<number> <name>...") }
        let names = Array(items.dropFirst(2))
        let threshold: Int
        switch String(decoding: items[1], as: UTF8.self) {
        case "all": threshold = names.count
        case "any": threshold = 1
        case let text:
            guard let number = Decimal.read(text), (1...Int64(names.count)).contains(number) else {
                throw error("the threshold of a group is all, any, or from 1 to the number of its members")
            }
            threshold = Int(number)
        }
        for name in names {
            try refer(name)
            guard members.insert(name).inserted else {
                throw error("\(String(decoding: name, as: UTF8.self)) is a member of a group already")
            }
        }
        guard groups.count < TransparencyLimits.policyEntriesLimit else { throw error("there are too many groups") }
        try define(items[0])
        groups.append(TrustedLogs.Group(label: items[0], threshold: threshold, members: names))
    }

    private mutating func readQuorum(_ items: [[UInt8]]) throws(TransparencyError) {
        guard items.count == 1 else { throw error("a quorum is: quorum <name>|none") }
        if let quorum { throw error("line \(quorum.line) is a quorum already") }
        let isNone = items[0] == PolicyReader.none
        if !isNone { try refer(items[0]) }
        quorum = (isNone ? nil : items[0], number)
    }

    private static let none = Array("none".utf8)

    private mutating func define(_ name: [UInt8]) throws(TransparencyError) {
        guard name != PolicyReader.none, names.insert(name).inserted else {
            throw error("the name \(String(decoding: name, as: UTF8.self)) is taken")
        }
    }

    private func refer(_ name: [UInt8]) throws(TransparencyError) {
        guard names.contains(name) else {
            throw error("\(String(decoding: name, as: UTF8.self)) is no witness or group of a line before")
        }
    }

    private func verifier(_ text: [UInt8], _ kind: NoteVerifier.Kind) throws(TransparencyError) -> NoteVerifier {
        let verifier: NoteVerifier
        do { verifier = try NoteVerifier(parsing: String(decoding: text, as: UTF8.self)) } catch {
            throw self.error(error.reason)
        }
        guard verifier.kind == kind, verifier.name.utf8.elementsEqual(text.prefix(verifier.name.utf8.count)) else {
            throw error(kind == .ed25519 ? "the key is not one that signs logs" : "the key is not one that cosigns")
        }
        return verifier
    }

    private func url(_ item: [UInt8]?) -> String? { item.map { String(decoding: $0, as: UTF8.self) } }
}
