// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn region warm`
struct WarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm",
        abstract: "Have images fetched ahead, and wait until every byte of them is there.",
        discussion: """
            A rollout or rollback in that region starts warm then. It takes the right to pull, and ends with 0 once \
            all images are whole there.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "host[:port]/name[:tag][@digest]")
    var images: [String]

    @Option(
        name: .customLong("in"),
        help: ArgumentHelp(
            "The registry that is to have them; else the one in each image's name.",
            valueName: "host[:port]"
        )
    )
    var region: String?

    @Option(help: ArgumentHelp("How long to wait for each.", valueName: "seconds"))
    var timeout: Int64 = 3_600

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("region warm") { () async throws(ClientError) in
            guard !images.isEmpty else { throw ClientError(.usage, "name at least one image") }
            for image in images { try await warm(ImageReference(parsing: image)) }
        }
    }

    private func warm(_ image: ImageReference) async throws(ClientError) {
        guard let reference = image.digest.map(Reference.digest) ?? image.tag.map(Reference.tag) else {
            throw ClientError(.usage, "an image needs a tag or digest: \(image)")
        }
        var before: [Origin] = []
        if let region { before = [try Origin(parsing: region, tls: connection.tls())] }
        let timeout = timeout
        let (origin, report) = try await connection.withRegions(
            of: image,
            before: before
        ) { regions async throws(ClientError) in
            let repository = regions.repositories[0]
            let report = try await repository.warmWhole(reference, seconds: timeout) { report in
                guard !report.isComplete else { return }
                Console.error("\(image): \(report.missingBlobs) blobs, \(report.missingBytes) bytes to come")
            }
            return (repository.origin, report)
        }
        guard output == .text else { return Console.say(report.json) }
        Console.say(
            "\(origin.authority)/\(image.name)@\(report.digest) is whole: \(report.blobs) blobs, \(report.bytes) bytes"
        )
    }
}
