// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import RegistryClient

/// `cairn gc`
struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Begin a turn of collection now, or show what is collected.",
        discussion: """
            Collection runs by itself: this only spares the wait. What can still be brought back, and what a client \
            was told of within the grace period, stays whatever is asked for. It takes the right 'admin', or for \
            --status 'audit'.

            """ + ClientCommand.exitStatuses
    )

    @Option(help: ArgumentHelp("The registry.", valueName: "host[:port]"))
    var registry: String

    @Flag(help: "Return when everything that is due now has been looked at.")
    var wait = false

    @Flag(help: "Begin nothing; show what waits and what was collected.")
    var status = false

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("gc") { () async throws(ClientError) in
            guard !wait || !status else { throw ClientError(.usage, "--wait and --status exclude each other") }
            let standing = try await connection.withRegistry(registry) { registry async throws(ClientError) in
                let client = CollectionClient(registry)
                if status { return try await client.status() }
                let turn = try await client.requestTurn()
                return wait ? try await client.status(onceEnded: turn) : try await client.status()
            }
            if output == .json {
                Console.say(standing.json)
            } else {
                for line in standing.lines { Console.say(line) }
            }
        }
    }
}

extension CollectionClient {
    /// The status once so many turns have ended, looked at once a second.
    fileprivate func status(onceEnded turn: Int64) async throws(ClientError) -> Status {
        while true {
            let standing = try await status()
            if standing.turns >= turn { return standing }
            do { try await Task.sleep(for: .seconds(1)) } catch { throw ClientError(.network, "it was cancelled") }
        }
    }
}
