// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Settings

/// `cairn figures`
struct FiguresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "figures",
        abstract: "Show how builds, rollouts, rollbacks and drift stand to their targets.",
        discussion: """
            The figures M1 to M8 and M10, as docs/release-record.md defines them, over the last 30 days or another \
            span, with the cases that deserve a look. It takes the right 'pull' for a repository, else 'audit'.

            """ + ClientCommand.exitStatuses
    )

    @OptionGroup(title: "List") var place: ListOptions

    @Option(help: "Only this environment.")
    var env: String?

    @Option(help: ArgumentHelp("The span before now, such as 7d.", valueName: "span"))
    var last = "30d"

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("figures") { () async throws(ClientError) in
            let (authority, repository) = try place.parsed()
            let environment = try env.map { text throws(ClientError) in try PlaceOptions.name(text, "env") }
            guard let seconds = TimeSpan.seconds(last) else {
                throw ClientError(.usage, "--last is a span of time above 0 like 7d (s, m, h, d, w)")
            }
            let document = try await connection.withRegistry(authority) { registry async throws(ClientError) in
                try await ReleaseClient(registry).figures(of: repository, environment: environment, seconds: seconds)
            }
            guard output == .text else { return Console.say(JSONWriter.text(of: document)) }
            for line in FiguresText.lines(document) { Console.say(line) }
        }
    }
}
