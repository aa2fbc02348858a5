// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import RegistryClient

/// `cairn region home`
struct HomeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "home",
        abstract: "Say in which region immutable tags of repositories are created, or hand that over.",
        discussion: """
            Without --to or --here it lists where the homes are, which takes the right 'audit' or 'admin'. Handing \
            over takes 'admin', and is asked of the registry that is the home now. With --takeover any region takes \
            it, for one that is lost: what that one had done and nobody has heard is then in conflict with what is \
            done here.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "A repository, or a pattern of repositories such as 'prod/**'.")
    var repositories: String

    @Option(help: "The region that gets them, as the configuration of the registry calls it.")
    var to: String?

    @Flag(help: "The registry that is asked gets them.")
    var here = false

    @Flag(help: "Take them from a region that does not give them.")
    var takeover = false

    @OptionGroup var target: RegistryOptions

    func validate() throws {
        guard to == nil || !here else { throw ValidationError("--to and --here exclude each other") }
        guard !takeover || to != nil || here else { throw ValidationError("--takeover goes with --to or --here") }
    }

    func run() async throws {
        try await ClientCommand.attempt("region home") { () async throws(ClientError) in
            let (repositories, region, takeover) = (repositories, to, takeover)
            guard here || to != nil else {
                let homes = try await target.withRegistry { registry async throws(ClientError) in
                    try await RegionClient(registry).homes(repositories)
                }
                guard !homes.isEmpty else { throw ClientError(.notFound, "no repository matches \(repositories)") }
                for home in homes { Console.say(target.output == .json ? home.json : home.line) }
                return
            }
            let report = try await target.withRegistry { registry async throws(ClientError) in
                try await RegionClient(registry).setHomes(repositories, to: region, isTakeover: takeover)
            }
            if target.output == .json {
                Console.say(report.json)
            } else {
                for line in report.refused { Console.say("refused: \(line)") }
                Console.say("\(report.changed) handed over, \(report.unchanged) were there before")
            }
            guard report.refused.isEmpty else {
                throw ClientError(
                    .refused,
                    "not handed over: \(report.refused.count); ask the home itself, or take it with --takeover"
                )
            }
            guard report.changed + report.unchanged > 0 else {
                throw ClientError(.notFound, "no repository matches \(repositories)")
            }
        }
    }
}

extension RegionClient.Home {
    fileprivate var line: String {
        let place = isHere ? "here" : region ?? "nowhere yet"
        return "\(repository) \(place) (epoch \(epoch))"
    }
}
