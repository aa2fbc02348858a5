// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Settings

/// `cairn deploy …`
struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Tell the registry what runs where, so that retention keeps it.",
        subcommands: [DeployReport.self, DeployEnd.self, DeployList.self, DeployStep.self]
    )
}

/// Where something runs.
struct PlaceOptions: ParsableArguments {
    @Option(help: "The environment, such as prod.")
    var env: String

    @Option(help: "The machine or whatever runs it, such as web-3.")
    var target: String

    @Option(help: "The service, where a target runs several of one repository.")
    var service: String?

    func place() throws(ClientError) -> DeploymentClient.Place {
        DeploymentClient.Place(
            environment: try Self.name(env, "env"),
            target: try Self.name(target, "target"),
            service: try service.map { text throws(ClientError) in try Self.name(text, "service") }
        )
    }

    static func name(_ text: String, _ option: String) throws(ClientError) -> PlaceName {
        do {
            return try PlaceName(parsing: text)
        } catch {
            throw ClientError(.usage, "--\(option): \(error.reason): \"\(error.value)\"")
        }
    }
}

/// `cairn deploy report`
struct DeployReport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Report that an image runs somewhere.",
        discussion: """
            It takes the right 'pull'. Report again before the time is over, at the latest; a report that is repeated \
            within a minute costs nothing. An image whose reporter went silent stays protected for a grace of days.

            """ + ClientCommand.exitStatuses
    )

    @OptionGroup(title: "Where") var options: PlaceOptions

    @Option(help: ArgumentHelp("What runs there.", valueName: "host[:port]/name@digest"))
    var image: String

    @Option(help: "The rollout that brought it there.")
    var deployment: String?

    @Option(help: ArgumentHelp("The configuration artifact that it runs with.", valueName: "digest"))
    var config: String?

    @Option(help: ArgumentHelp("How long the report holds, such as 24h.", valueName: "span"))
    var expires = "24h"

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("deploy report") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            guard let digest = image.digest else {
                throw ClientError(.usage, "name the image by its digest: a tag does not say what runs")
            }
            guard let seconds = TimeSpan.seconds(expires) else {
                throw ClientError(.usage, "--expires is a span of time above 0 like 24h (s, m, h, d, w)")
            }
            let place = try options.place()
            let rollout = try deployment.map { text throws(ClientError) in try PlaceOptions.name(text, "deployment") }
            let config = try config.map { text throws(ClientError) in try ConfigOption.digest(text) }
            let receipt = try await connection.withRegistry(image.authority) { registry async throws(ClientError) in
                try await DeploymentClient(registry).report(
                    place,
                    runs: digest,
                    of: image.name,
                    deployment: rollout,
                    configuration: config,
                    expires: seconds
                )
            }
            if let warning = receipt.warning { Console.error("cairn deploy report: \(warning)") }
            let words = "runs in \(place.environment) on \(place.target)"
            Console.say("\(image.name)@\(digest) \(words): report again before \(receipt.staleAt)")
        }
    }
}

/// `cairn deploy end`
struct DeployEnd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end",
        abstract: "Report that an image runs somewhere no more.",
        discussion: """
            With a digest, only if that image is the one reported. Ends what was reported under the same name; who may \
            'retain' ends the reports of everyone. The image stays protected as a former one for the grace.

            """ + ClientCommand.exitStatuses
    )

    @OptionGroup(title: "Where") var options: PlaceOptions

    @Option(help: ArgumentHelp("What ran there.", valueName: "host[:port]/name[@digest]"))
    var image: String

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("deploy end") { () async throws(ClientError) in
            let place = try options.place()
            let (authority, name): (String, RepositoryName)
            var digest: Digest?
            if image.contains("@") {
                let image = try ImageReference(parsing: image)
                (authority, name, digest) = (image.authority, image.name, image.digest)
            } else {
                (authority, name) = try ListOptions.split(image)
            }
            let ended = digest
            let event = try await connection.withRegistry(authority) { registry async throws(ClientError) in
                try await DeploymentClient(registry).end(place, of: name, digest: ended)
            }
            Console.say("\(name) runs in \(place.environment) on \(place.target) no more (\(event))")
        }
    }
}

/// `cairn deploy list`
struct DeployList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List what was reported to run where, and which reporters went silent.",
        discussion: """
            It takes the right 'pull' for a repository, else 'audit'.

            """ + ClientCommand.exitStatuses
    )

    @OptionGroup(title: "List") var place: ListOptions

    @Option(help: "Only this environment.")
    var env: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the list on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("deploy list") { () async throws(ClientError) in
            let (authority, repository) = try place.parsed()
            let limit = try place.checkedLimit()
            let environment = try env.map { text throws(ClientError) in try PlaceOptions.name(text, "env") }
            let list = try await connection.withRegistry(authority) { registry async throws(ClientError) in
                try await DeploymentClient(registry).list(in: repository, environment: environment, limit: limit)
            }
            guard output == .text else { return Console.say(list.json) }
            let columns = [
                ("ENV", "env"), ("TARGET", "target"), ("SERVICE", "service"), ("REPOSITORY", "repository"),
                ("DIGEST", "digest"), ("STATE", "state"), ("REPORTED", "reported_at"), ("BY", "reporter"),
                ("NOTE", "warning"),
            ]
            for line in list.lines(columns) { Console.say(line) }
        }
    }
}
