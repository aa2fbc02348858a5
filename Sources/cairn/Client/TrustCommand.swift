// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn trust`
struct TrustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust",
        abstract: "Ask a registry about its trust policy.",
        subcommands: [Explain.self]
    )

    /// `cairn trust explain`
    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what the trust policy requires of an image, and what satisfies or fails it.",
            discussion: """
                The status is 0 where the image may be pulled, exemptions aside, and 10 where it may not.

                """ + ClientCommand.exitStatuses
        )

        @Argument(help: "host[:port]/name[:tag][@digest]")
        var image: String

        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        @Option(help: "Form of the result on standard output.")
        var output = OutputForm.text

        func run() async throws {
            try await ClientCommand.attempt("trust explain") { () async throws(ClientError) in
                let image = try ImageReference(parsing: image)
                guard let reference = image.reference else { return }
                let explanation = try await connection.withRegions(of: image) { regions async throws(ClientError) in
                    try await regions.repositories[0].explanation(of: reference)
                }
                if output == .json {
                    Console.say(explanation.json)
                } else {
                    for line in explanation.lines { Console.say(line) }
                }
                guard explanation.isAllowed else {
                    throw ClientError(.keptBack, "\(image) may not be pulled")
                }
            }
        }
    }
}
