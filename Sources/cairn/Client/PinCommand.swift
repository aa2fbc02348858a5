// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Trust

/// `cairn pin`
struct PinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin",
        abstract: "Keep a tag or a digest whatever the rules of retention say, or list what is kept.",
        discussion: """
            A pin protects from rules. A legal hold (--hold) and a lock (--lock) protect from people too: what has one \
            is not deleted, and its tag is not moved. A hold ends when an administrator lifts it; a lock ends at its \
            date, which can be put off and never brought forward. Pins and locks take the right 'retain', holds take \
            'admin'; the list takes 'pull' for a repository, else 'audit'.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("What to keep.", valueName: "host[:port]/name(:tag|@digest)"))
    var image: String?

    @Option(help: "Why; it is kept in the registry's record.")
    var reason: String?

    @Option(help: ArgumentHelp("Until when: 2026-12-31, that day included, or a time of RFC 3339.", valueName: "date"))
    var until: String?

    @Flag(help: "A legal hold.")
    var hold = false

    @Flag(help: "A lock; it needs --until.")
    var lock = false

    @Flag(help: "List what is kept.")
    var list = false

    @OptionGroup(title: "List") var place: ListOptions

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of a list on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("pin") { () async throws(ClientError) in
            guard !list else { return try await show() }
            guard let image, let reason, !reason.isEmpty else {
                throw ClientError(.usage, "an image and its --reason are needed, or --list")
            }
            guard place.registry == nil, place.repository == nil else {
                throw ClientError(.usage, "--registry and --repository go with --list")
            }
            let kind = try kind()
            let (subject, until) = (try PinSubject(image), try until.map(Self.end))
            let set = try await connection.withRegistry(subject.authority) { registry async throws(ClientError) in
                try await PinClient(registry).set(
                    kind,
                    on: subject.reference,
                    in: subject.repository,
                    reason: reason,
                    until: until
                )
            }
            if let warning = set.warning { Console.error("cairn pin: \(warning)") }
            Console.say("\(image) has a \(kind.rawValue)\(until.map { " until \($0)" } ?? "") (\(set.event))")
        }
    }

    private func kind() throws(ClientError) -> PinClient.Kind {
        switch (hold, lock) {
        case (true, true): throw ClientError(.usage, "--hold and --lock exclude one another")
        case (true, false):
            guard until == nil else { throw ClientError(.usage, "a hold has no date: it ends when it is lifted") }
            return .hold
        case (false, true):
            guard until != nil else { throw ClientError(.usage, "--lock needs --until") }
            return .lock
        case (false, false): return .pin
        }
    }

    /// The end of a day, or a time as it is.
    private static func end(_ text: String) throws(ClientError) -> String {
        if let day = try? RFC3339.startOfDay(text) { return RFC3339.text(day + RFC3339.daySeconds) }
        do {
            return RFC3339.text(try RFC3339.seconds(text))
        } catch {
            throw ClientError(.usage, "--until: \(error.reason)")
        }
    }

    private func show() async throws(ClientError) {
        guard image == nil, reason == nil, until == nil, !hold, !lock else {
            throw ClientError(.usage, "--list goes with --registry or --repository, and with nothing else")
        }
        let (authority, repository) = try place.parsed()
        let limit = try place.checkedLimit()
        let list = try await connection.withRegistry(authority) { registry async throws(ClientError) in
            try await PinClient(registry).list(in: repository, limit: limit)
        }
        guard output == .text else { return Console.say(list.json) }
        let columns = [
            ("REPOSITORY", "repository"), ("TAG", "tag"), ("DIGEST", "digest"), ("KIND", "kind"), ("UNTIL", "until"),
            ("BY", "actor"), ("REASON", "reason"),
        ]
        for line in list.lines(columns) { Console.say(line) }
    }
}

/// `cairn unpin`
struct UnpinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin",
        abstract: "Let a tag or a digest go that was pinned or held.",
        discussion: """
            A lock is let go only once its date is over.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("What to let go.", valueName: "host[:port]/name(:tag|@digest)"))
    var image: String

    @Flag(help: "Lift a legal hold.")
    var hold = false

    @Flag(help: "Remove a lock whose date is over.")
    var lock = false

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("unpin") { () async throws(ClientError) in
            guard !(hold && lock) else { throw ClientError(.usage, "--hold and --lock exclude one another") }
            let kind: PinClient.Kind = hold ? .hold : lock ? .lock : .pin
            let subject = try PinSubject(image)
            let event = try await connection.withRegistry(subject.authority) { registry async throws(ClientError) in
                try await PinClient(registry).remove(kind, from: subject.reference, in: subject.repository)
            }
            Console.say("\(image) has no \(kind.rawValue) any more (\(event))")
        }
    }
}

/// The tag or the digest that a command is about.
private struct PinSubject: Sendable {
    let authority: String
    let repository: RepositoryName
    let reference: Reference

    init(_ text: String) throws(ClientError) {
        let image = try ImageReference(parsing: text)
        guard let reference = image.reference, image.tag == nil || image.digest == nil else {
            throw ClientError(.usage, "name a tag or a digest, one of them: a pin is on the one or on the other")
        }
        (authority, repository, self.reference) = (image.authority, image.name, reference)
    }
}

/// Of what a list is, and how long.
struct ListOptions: ParsableArguments {
    @Option(help: ArgumentHelp("List what is in the whole registry.", valueName: "host[:port]"))
    var registry: String?

    @Option(help: ArgumentHelp("List what is in one repository.", valueName: "host[:port]/name"))
    var repository: String?

    @Option(help: ArgumentHelp("How many to list, up to \(ClientLimits.records).", valueName: "number"))
    var limit = 1_000

    /// The registry, and the repository unless all are meant.
    func parsed() throws(ClientError) -> (authority: String, repository: RepositoryName?) {
        switch (registry, repository) {
        case (let registry?, nil): return (registry, nil)
        case (nil, let repository?):
            let (authority, name) = try Self.split(repository)
            return (authority, name)
        default: throw ClientError(.usage, "a list takes --registry or --repository, one of them")
        }
    }

    func checkedLimit() throws(ClientError) -> Int {
        guard (1...ClientLimits.records).contains(limit) else {
            throw ClientError(.usage, "a list has 1 to \(ClientLimits.records) entries")
        }
        return limit
    }

    /// Reads `host[:port]/name`.
    static func split(_ text: String) throws(ClientError) -> (authority: String, name: RepositoryName) {
        guard let slash = text.firstIndex(of: "/") else {
            throw ClientError(.usage, "a repository is called host[:port]/name: \"\(ParsingError.quotable(text))\"")
        }
        do {
            return (String(text[..<slash]), try RepositoryName(parsing: text[text.index(after: slash)...]))
        } catch {
            throw ClientError(.usage, "a repository is called host[:port]/name: \(error.reason): \"\(error.value)\"")
        }
    }
}
