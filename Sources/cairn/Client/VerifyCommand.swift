// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn verify`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract:
            "Verify an image in a registry: who signed it, what is attested of it, its bytes, and the log's proof.",
        discussion: """
            Signatures, attestations and bytes are verified at any registry; the log at those that keep one.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "host[:port]/name[:tag][@digest]")
    var image: String

    @OptionGroup(title: "Verification") var trust: TrustOptions

    @Flag(help: "Read every blob and compare its digest.")
    var blobs = false

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup var progress: ProgressOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("verify") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            guard let reference = image.reference else { return }
            let verifier = trust.isEmpty && blobs ? nil : try trust.verifier()
            let (display, progress, blobs) = (progress.display, PullProgress(), blobs)
            let report = try await connection.withRegions(of: image) { regions async throws(ClientError) in
                let root = try await ImagePull.resolve(reference, in: regions)
                let contents = try await ImageContents(of: root, platforms: .all, from: regions)
                var report =
                    try await verifier?.verify(contents, as: reference, in: regions)
                    ?? VerificationReport(repository: image.name, reference: reference, digest: root.digest)
                guard blobs else { return report }
                try await display.show(progress) { () async throws(ClientError) in
                    try await ImageVerifier.checkBlobs(of: contents, in: regions, progress)
                }
                report.blobs = (contents.blobs.count, contents.bytes)
                return report
            }
            if output == .json { return Console.say(report.json) }
            for line in report.lines { Console.say(line) }
        }
    }
}
