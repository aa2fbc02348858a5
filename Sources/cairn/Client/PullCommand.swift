// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn pull`
struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetch an image to an OCI layout, and verify it before its blobs are fetched.",
        discussion: """
            Blobs come in parallel and are hashed while they come; none has its name in the layout before it is whole \
            and checked. A pull that was interrupted goes on where it stopped. Regions are asked in their order, and \
            the image's own host last; one that fails or stalls is left, in the middle of a blob too. Credentials \
            that are given are used for every region.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "host[:port]/name[:tag][@digest]")
    var image: String

    @Option(
        name: .customLong("to"),
        help: ArgumentHelp("The layout, which is made or added to.", valueName: "directory")
    )
    var directory: String

    @Flag(help: "Verify by --key, --policy and --log-key. Giving one of them asks for it too.")
    var verify = false

    @OptionGroup(title: "Verification") var trust: TrustOptions

    @Option(help: "os/architecture[/variant] of the image to take from an index (default: Linux on this processor).")
    var platform: String?

    @Flag(help: "Take all images of an index.")
    var allPlatforms = false

    @Option(
        name: .customLong("region"),
        help: ArgumentHelp(
            "Base URL of a registry with the same repository, to ask first; may be repeated.",
            valueName: "url"
        )
    )
    var regions: [String] = []

    @Option(help: ArgumentHelp("Another layout, to take blobs from and to give them to.", valueName: "directory"))
    var cache: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup var progress: ProgressOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("pull") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            guard let reference = image.reference else { return }
            var options = ImagePull.Options(directory: directory)
            options.cache = cache
            options.platforms = try platforms()
            let verifier = verify || !trust.isEmpty ? try trust.verifier() : nil
            var origins: [Origin] = []
            for text in regions { origins.append(try WebAddress(parsing: text).baseOrigin()) }
            let (display, progress, final) = (progress.display, PullProgress(), options)
            let (verified, report) = try await connection.withRegions(of: image, before: origins) {
                regions async throws(ClientError) in
                let root = try await ImagePull.resolve(reference, in: regions)
                let pull = ImagePull(regions: regions, options: final, progress: progress)
                let contents = try await pull.contents(of: root)
                let verified = try await verifier?.verify(contents, as: reference, in: regions)
                let report = try await display.show(progress) { () async throws(ClientError) in
                    try await pull.run(contents, name: (image.tag.map(Reference.tag) ?? reference).description)
                }
                return (verified, report)
            }
            show(verified, report)
        }
    }

    private func platforms() throws(ClientError) -> PlatformChoice {
        guard let platform else { return allPlatforms ? .all : .host }
        guard !allPlatforms else { throw ClientError(.usage, "--platform and --all-platforms exclude each other") }
        return try PlatformChoice(parsing: platform)
    }

    private func show(_ verified: VerificationReport?, _ report: ImagePull.Report) {
        if output == .json { return Console.say(report.json(verified)) }
        for line in verified?.lines ?? [] { Console.say(line) }
        Console.say(report.line(directory: directory))
    }
}
