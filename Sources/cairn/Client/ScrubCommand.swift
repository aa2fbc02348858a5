// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Settings

/// `cairn scrub`
struct ScrubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub",
        abstract: "Show how the reading of all blobs stands, or have them read now.",
        discussion: """
            A registry reads all its blobs over again and again. What the disk has damaged counts as absent until it \
            is pushed again. --now has everything, or a repository, read at once; with --wait the command ends with \
            the run, and with status 11 where something is damaged. It takes the right 'admin', or 'audit' for the \
            status.

            """ + ClientCommand.exitStatuses
    )

    @Flag(help: "Read now, beside the pass that goes on always.")
    var now = false

    @Option(help: "Read what this repository has, and nothing else.")
    var repository: String?

    @Option(help: ArgumentHelp("Read so much in a second, such as 100MiB (the default).", valueName: "bytes"))
    var rate: ByteCount?

    @Flag(help: "Wait for the end of the run.")
    var wait = false

    @Option(help: ArgumentHelp("The registry.", valueName: "host[:port]"))
    var registry: String

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "How progress is shown on standard error (default: a bar on a terminal, else lines of JSON).")
    var progress: ProgressOptions.Mode?

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("scrub") { () async throws(ClientError) in
            let name = try repositoryName()
            guard now else {
                guard name == nil, rate == nil, !wait else {
                    throw ClientError(.usage, "--repository, --rate and --wait go with --now")
                }
                let status = try await connection.withRegistry(registry) { registry async throws(ClientError) in
                    try await ScrubClient(registry).status()
                }
                return Console.say(output == .json ? status.json : status.lines.joined(separator: "\n"))
            }
            let (bar, waits, rate) = (ProgressBar(mode: progress), wait, rate?.bytes)
            let run = try await connection.withRegistry(registry) { registry async throws(ClientError) in
                let client = ScrubClient(registry)
                let run = try await client.start(name, rate: rate)
                guard waits else { return run }
                return try await client.wait(for: run) { run in
                    bar.show(run.share, text: run.line, json: run.json, isLast: run.isOver)
                }
            }
            Console.say(output == .json ? run.json : "run \(run.id): \(run.state): \(run.line)")
            try Self.judge(run)
        }
    }

    /// - Throws: What a run that has ended badly means for the status of the command.
    private static func judge(_ run: ScrubClient.Run) throws(ClientError) {
        if run.state == "failed" {
            throw ClientError(.network, "the run has ended before its time: \(run.problem ?? "no reason was given")")
        }
        if run.isOver, run.damaged > 0 {
            throw ClientError(
                .integrity,
                "\(run.damaged) blobs are damaged and not served; push what holds them again"
            )
        }
    }

    private func repositoryName() throws(ClientError) -> RepositoryName? {
        guard let repository else { return nil }
        do {
            return try RepositoryName(parsing: repository)
        } catch {
            throw ClientError(.usage, "this is no repository: \(error.reason): \"\(error.value)\"")
        }
    }
}

extension ByteCount: ExpressibleByArgument {}
