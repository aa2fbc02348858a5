// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Releases

/// `cairn deploy step`
struct DeployStep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Report that a rollout, or one instance of it, has come to another phase.",
        discussion: """
            Without --target it is about the rollout as a whole: whether a deployment succeeded, and which image is \
            good to go back to, is judged by these. So 'started', 'rollback-ordered', 'healthy', 'failed' and \
            'rolled-back' of a whole rollout take the right 'promote'; everything else takes 'pull'. What is reported \
            again at once is recorded once.

            Of a rollout: started, healthy, unhealthy, failed, rollback-ordered, rolled-back, telemetry-seen. \
            Of an instance, with --target: these, and replacement-ordered, boot-attempted, booted, boot-failed.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "The phase.")
    var phase: String

    @Option(help: ArgumentHelp("The image that is rolled out.", valueName: "host[:port]/name(:tag|@digest)"))
    var image: String

    @Option(help: "The rollout, by a name that no other has in the environment.")
    var deployment: String

    @Option(help: "The environment, such as prod.")
    var env: String

    @Option(help: "The service, where there are several of one repository.")
    var service: String?

    @Option(help: "The instance, such as web-3.")
    var target: String?

    @Option(help: ArgumentHelp("The configuration artifact that it runs with.", valueName: "digest"))
    var config: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("deploy step") { () async throws(ClientError) in
            guard let phase = DeploymentStep.Phase(rawValue: phase) else {
                let known = DeploymentStep.Phase.allCases.map(\.rawValue).joined(separator: ", ")
                throw ClientError(.usage, "the phase is one of \(known)")
            }
            guard target != nil || !phase.needsTarget else {
                throw ClientError(.usage, "'\(phase.rawValue)' is of one instance: say which with --target")
            }
            let step = DeploymentStep(
                deployment: try PlaceOptions.name(deployment, "deployment"),
                environment: try PlaceOptions.name(env, "env"),
                service: try service.map { text throws(ClientError) in try PlaceOptions.name(text, "service") },
                target: try target.map { text throws(ClientError) in try PlaceOptions.name(text, "target") },
                phase: phase,
                configuration: try config.map { text throws(ClientError) in try ConfigOption.digest(text) }
            )
            let subject = try ReleaseSubject(image, needsImage: true)
            let isNew = try await connection.withRegistry(subject.authority) { registry async throws(ClientError) in
                let digest = try await subject.neededDigest(at: registry)
                return try await ReleaseClient(registry).report(step, of: digest, in: subject.repository)
            }
            let place = "\(step.environment)" + (step.target.map { " on \($0)" } ?? "")
            Console.say("\(step.deployment) in \(place): \(phase.rawValue)\(isNew ? "" : ", as was reported before")")
        }
    }
}

/// The digest of a configuration artifact.
enum ConfigOption {
    static func digest(_ text: String) throws(ClientError) -> Digest {
        do {
            return try Digest(parsing: text)
        } catch {
            throw ClientError(.usage, "--config: \(error.reason): \"\(error.value)\"")
        }
    }
}
