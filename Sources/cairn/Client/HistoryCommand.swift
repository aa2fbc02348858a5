// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn history`
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List what a tag was, newest first, and who set it.",
        discussion: ClientCommand.exitStatuses
    )

    @Argument(help: "host[:port]/name:tag")
    var image: String

    @Option(help: ArgumentHelp("How many values to list, up to \(ClientLimits.historyItems).", valueName: "number"))
    var limit = 100

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("history") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            guard let tag = image.tag else { throw ClientError(.usage, "a history is that of a tag: \(image)") }
            let limit = limit
            let history = try await connection.withRegions(of: image) { regions async throws(ClientError) in
                try await regions.repositories[0].history(of: tag, limit: limit)
            }
            if output == .json { return Console.say(history.json) }
            for line in history.lines { Console.say(line) }
        }
    }
}
