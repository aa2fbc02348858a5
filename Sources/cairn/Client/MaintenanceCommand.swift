// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import RegistryClient
import Settings

/// `cairn maintenance`
struct MaintenanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance",
        abstract: "Say when a region, or an environment, is allowed to be away: alerts are silent then.",
        discussion: """
            What is declared is in the log, so other regions know of it too. It does not count against availability, \
            if it is of the whole region. Declaring and ending take the right 'admin', listing takes 'audit' too.

            """ + ClientCommand.exitStatuses,
        subcommands: [Start.self, End.self, List.self]
    )

    /// `cairn maintenance start`
    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Declare maintenance from now on.")

        @Option(name: .customLong("for"), help: ArgumentHelp("How long, 24h at most.", valueName: "span"))
        var span: String

        @Option(help: "Why, for those who ask.")
        var reason: String

        @Option(help: "Of this environment alone; its availability counts on, its alerts are silent.")
        var environment: String?

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("maintenance start") { () async throws(ClientError) in
                guard let seconds = TimeSpan.seconds(span) else {
                    throw ClientError(.usage, "--for is a span of time like 30m (s, m, h, d)")
                }
                let (reason, environment) = (reason, environment)
                let windows = try await target.withRegistry { registry async throws(ClientError) in
                    try await MaintenanceClient(registry)
                        .start(seconds: seconds, reason: reason, environment: environment)
                }
                MaintenanceCommand.show(windows, target.output)
            }
        }
    }

    /// `cairn maintenance end`
    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End maintenance before its time.")

        @Option(help: "That of this environment; without it, that of the whole region.")
        var environment: String?

        @Option(help: "Only the one with this id.")
        var id: String?

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("maintenance end") { () async throws(ClientError) in
                let (id, environment) = (id, environment)
                let windows = try await target.withRegistry { registry async throws(ClientError) in
                    try await MaintenanceClient(registry).end(id: id, environment: environment)
                }
                MaintenanceCommand.show(windows, target.output)
            }
        }
    }

    /// `cairn maintenance list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the maintenance that is declared.")

        @Flag(help: "Also what is over, of the last 35 days.")
        var all = false

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("maintenance list") { () async throws(ClientError) in
                let isAll = all
                let windows = try await target.withRegistry { registry async throws(ClientError) in
                    try await MaintenanceClient(registry).list(all: isAll)
                }
                MaintenanceCommand.show(windows, target.output)
                if windows.isEmpty, target.output == .text { Console.say("no maintenance is declared") }
            }
        }
    }

    private static func show(_ windows: [MaintenanceClient.Window], _ output: OutputForm) {
        for window in windows { Console.say(output == .json ? window.json : window.line) }
    }
}
