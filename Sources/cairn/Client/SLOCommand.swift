// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import RegistryClient

/// `cairn slo`
struct SLOCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slo",
        abstract: "Show what a registry promises, how well it keeps it, and what is left of its error budgets.",
        discussion: """
            It takes the right 'audit' or 'admin'. With --check the command ends with status 5 where an objective \
            alerts.

            """ + ClientCommand.exitStatuses
    )

    @Flag(help: "End with status 5 where an objective alerts.")
    var check = false

    @OptionGroup var target: RegistryOptions

    func run() async throws {
        try await ClientCommand.attempt("slo") { () async throws(ClientError) in
            let report = try await target.withRegistry { registry async throws(ClientError) in
                try await ObjectivesClient(registry).report()
            }
            Console.say(target.output == .json ? report.json : report.lines.joined(separator: "\n"))
            guard check, report.isAlerting else { return }
            throw ClientError(
                .refused,
                report.isPaging ? "an error budget burns: somebody has to look now" : "an error budget goes too fast"
            )
        }
    }
}
