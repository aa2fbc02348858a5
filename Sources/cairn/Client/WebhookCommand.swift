// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn webhook …`
struct WebhookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Show how far webhooks are, what they gave up, and tell that again.",
        subcommands: [WebhookList.self, WebhookDead.self, WebhookRetry.self, WebhookTest.self]
    )
}

/// `cairn webhook list`
struct WebhookList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the webhooks of a registry.",
        discussion: "It takes the right 'audit' or 'admin'.\n\n" + ClientCommand.exitStatuses
    )

    @OptionGroup var options: RegistryOptions

    func run() async throws {
        try await ClientCommand.attempt("webhook list") { () async throws(ClientError) in
            let document = try await options.withRegistry { registry async throws(ClientError) in
                try await WebhookClient(registry).list()
            }
            guard options.output == .text else { return Console.say(JSONWriter.text(of: document)) }
            for line in WebhookClient.lines(document) { Console.say(line) }
        }
    }
}

/// `cairn webhook dead`
struct WebhookDead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead",
        abstract: "List what a webhook gave up.",
        discussion: "It takes the right 'audit' or 'admin'.\n\n" + ClientCommand.exitStatuses
    )

    @Argument(help: "The webhook.")
    var name: String

    @Option(help: ArgumentHelp("How many to list, up to \(ClientLimits.records).", valueName: "number"))
    var limit = 1_000

    @OptionGroup var options: RegistryOptions

    func run() async throws {
        try await ClientCommand.attempt("webhook dead") { () async throws(ClientError) in
            guard (1...ClientLimits.records).contains(limit) else {
                throw ClientError(.usage, "a list has 1 to \(ClientLimits.records) entries")
            }
            let (name, limit) = (name, limit)
            let list = try await options.withRegistry { registry async throws(ClientError) in
                try await WebhookClient(registry).dead(name, limit: limit)
            }
            guard options.output == .text else { return Console.say(list.json) }
            let columns = [
                ("EVENT", "event"), ("KIND", "kind"), ("GIVEN UP", "given_up_at"), ("REASON", "reason"),
            ]
            for line in list.lines(columns) { Console.say(line) }
        }
    }
}

/// `cairn webhook retry`
struct WebhookRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Tell again what a webhook gave up.",
        discussion: """
            It ends after half a minute, or when the receiver is away; what is left then is told by the next one, \
            which begins with what was not tried. It takes the right 'admin'.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "The webhook.")
    var name: String

    @OptionGroup var options: RegistryOptions

    func run() async throws {
        try await ClientCommand.attempt("webhook retry") { () async throws(ClientError) in
            let name = name
            let (accepted, left) = try await options.withRegistry { registry async throws(ClientError) in
                try await WebhookClient(registry).retry(name)
            }
            let json = "{\"accepted\":\(accepted),\"left\":\(left)}"
            Console.say(options.output == .json ? json : "\(accepted) accepted, \(left) left")
        }
    }
}

/// `cairn webhook test`
struct WebhookTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Let a webhook send a message of the type cairn.ping.",
        discussion: """
            It takes the right 'admin'.

            Exit status: 5 the receiver did not accept it; else
            """ + " " + ClientCommand.exitStatuses
    )

    @Argument(help: "The webhook.")
    var name: String

    @OptionGroup var options: RegistryOptions

    func run() async throws {
        try await ClientCommand.attempt("webhook test") { () async throws(ClientError) in
            let name = name
            let test = try await options.withRegistry { registry async throws(ClientError) in
                try await WebhookClient(registry).test(name)
            }
            Console.say(options.output == .json ? test.json : test.reply)
            guard test.isAccepted else { throw ClientError(.refused, "the receiver did not accept it") }
        }
    }
}
