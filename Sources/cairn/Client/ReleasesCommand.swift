// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn releases`
struct ReleasesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "releases",
        abstract: "List what the release record says, the newest first.",
        discussion: "It takes the right 'pull' for a repository, else 'audit'.\n\n" + ClientCommand.exitStatuses
    )

    @OptionGroup(title: "List") var place: ListOptions

    @Option(help: "Only this environment.")
    var env: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the list on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("releases") { () async throws(ClientError) in
            let (authority, repository) = try place.parsed()
            let limit = try place.checkedLimit()
            let environment = try env.map { text throws(ClientError) in try PlaceOptions.name(text, "env") }
            let list = try await connection.withRegistry(authority) { registry async throws(ClientError) in
                try await ReleaseClient(registry).list(of: repository, environment: environment, limit: limit)
            }
            guard output == .text else { return Console.say(list.json) }
            let columns = [
                ("TIME", "time"), ("KIND", "kind"), ("PHASE", "phase"), ("OUTCOME", "outcome"), ("ENV", "env"),
                ("SERVICE", "service"), ("TARGET", "target"), ("DEPLOYMENT", "deployment"),
                ("REPOSITORY", "repository"), ("DIGEST", "digest"), ("BY", "actor"),
            ]
            for line in list.lines(columns) { Console.say(line) }
        }
    }
}

/// `cairn environment`
struct EnvironmentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "environment",
        abstract: "List what is to run in an environment, what it could go back to, and what its targets say they run.",
        discussion: """
            A target that runs another image than is to run there, or another configuration, has drifted; one whose \
            report is out of date is stale. It takes the right 'pull' for a repository, else 'audit'.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "The environment, such as prod.")
    var environment: String

    @OptionGroup(title: "List") var place: ListOptions

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the list on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("environment") { () async throws(ClientError) in
            let (authority, repository) = try place.parsed()
            let limit = try place.checkedLimit()
            let environment = try PlaceOptions.name(environment, "environment")
            let list = try await connection.withRegistry(authority) { registry async throws(ClientError) in
                try await ReleaseClient(registry).images(in: environment, of: repository, limit: limit)
            }
            guard output == .text else { return Console.say(list.json) }
            for image in list.records {
                for line in EnvironmentText.lines(image) { Console.say(line) }
            }
            if list.hasMore { Console.say("there is more: see --limit") }
        }
    }
}
