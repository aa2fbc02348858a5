// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Releases

/// `cairn rollout …`
struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Tell how a rollout's requests fare, and ask whether to go on with it.",
        subcommands: [RolloutReport.self, RolloutVerdictCommand.self]
    )
}

/// The rollout that is meant.
struct RolloutOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Whose image is rolled out.", valueName: "host[:port]/name"))
    var repository: String

    @Option(help: "The environment, such as prod.")
    var env: String

    @Option(help: "The service, where there are several of one repository.")
    var service: String?

    @Option(help: "The rollout.")
    var deployment: String

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func step() throws(ClientError) -> DeploymentStep {
        DeploymentStep(
            deployment: try PlaceOptions.name(deployment, "deployment"),
            environment: try PlaceOptions.name(env, "env"),
            service: try service.map { text throws(ClientError) in try PlaceOptions.name(text, "service") },
            phase: .started
        )
    }
}

/// `cairn rollout report`
struct RolloutReport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Report how many requests a rollout has had since it began, and how many of them failed.",
        discussion: """
            Each reporter counts for itself, and its last report replaces the one before. The counts are of this \
            registry alone and go a week after the last report. It takes the right 'pull'.

            """ + ClientCommand.exitStatuses
    )

    @OptionGroup var rollout: RolloutOptions

    @Flag(help: "The counts are of what ran before, not of what is rolled out.")
    var baseline = false

    @Option(help: "Requests since the rollout began.")
    var requests: Int

    @Option(help: "Those of them that failed.")
    var errors: Int

    func run() async throws {
        try await ClientCommand.attempt("rollout report") { () async throws(ClientError) in
            guard let traffic = RolloutTraffic(requests: requests, errors: errors) else {
                throw ClientError(.usage, "of \(requests) requests, \(errors) cannot have failed")
            }
            let (authority, repository) = try ListOptions.split(rollout.repository)
            let (step, role) = (try rollout.step(), baseline ? RolloutRole.baseline : .canary)
            try await rollout.connection.withRegistry(authority) { registry async throws(ClientError) in
                try await ReleaseClient(registry).report(traffic, as: role, of: step, in: repository)
            }
            Console.say("\(step.deployment): \(requests) requests to the \(role.rawValue), \(errors) failed")
        }
    }
}

/// `cairn rollout verdict`
struct RolloutVerdictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verdict",
        abstract: "Say whether to promote a rollout, to hold it, or to roll it back.",
        discussion: """
            It is judged by the requests that were reported of it and of what ran before: whether so many errors can \
            be chance where the ceiling holds, and where it does no worse than the ratio says. 'hold' is what is said \
            while there are too few requests to tell. It takes the right 'pull'.

            Exit status: 0 promote; 5 hold; 10 roll back; else
            """ + " " + ClientCommand.exitStatuses
    )

    @OptionGroup var rollout: RolloutOptions

    @Option(help: "Requests that each side must have had.")
    var minimum = 100

    @Option(help: "The part of the canary's requests that may fail, such as 0.05; in steps of 0.001.")
    var ceiling = 0.05

    @Option(help: "How many times the baseline's odds of an error the canary's may be; in steps of 0.01.")
    var ratio = 2.0

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("rollout verdict") { () async throws(ClientError) in
            guard let limits = RolloutLimits(minimumRequests: minimum, errorCeiling: ceiling, allowedRatio: ratio)
            else { throw ClientError(.usage, "--minimum is above 0, --ceiling from 0 to 1, --ratio above 0") }
            let (authority, repository) = try ListOptions.split(rollout.repository)
            let step = try rollout.step()
            let document = try await rollout.connection.withRegistry(authority) {
                registry async throws(ClientError) in
                try await ReleaseClient(registry).verdict(on: step, in: repository, limits)
            }
            let verdict = document["verdict"]?.text ?? ""
            let reason = InspectionText.shown(document["reason"]?.text ?? "")
            let text = "\(InspectionText.shown(verdict)): \(reason)"
            Console.say(output == .json ? JSONWriter.text(of: document) : text)
            switch verdict {
            case RolloutVerdict.Decision.promote.rawValue: return
            case RolloutVerdict.Decision.hold.rawValue: throw ClientError(.refused, "hold")
            case RolloutVerdict.Decision.rollBack.rawValue: throw ClientError(.policy, "roll back")
            default: throw ClientError(.network, "the registry gives a verdict that is none")
            }
        }
    }
}
