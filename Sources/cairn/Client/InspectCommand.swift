// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn inspect`
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show all that the registry knows of an image, on one screen.",
        discussion: """
            Its tags and what they were; who built it of what; how it stands to the trust policy; what is attached; \
            what scanners found; where it runs, ran and is to run; and the last good image before it. It takes the \
            right 'pull'.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("The image.", valueName: "host[:port]/name(:tag|@digest)"))
    var image: String

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("inspect") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            guard let reference = image.reference else { throw ClientError(.usage, "name a tag or a digest") }
            let document = try await connection.withRegistry(image.authority) { registry async throws(ClientError) in
                try await ReleaseClient(registry).inspect(reference, of: image.name)
            }
            guard output == .text else { return Console.say(JSONWriter.text(of: document)) }
            for line in InspectionText.lines(document) { Console.say(line) }
        }
    }
}
