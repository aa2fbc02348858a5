// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn sign`
struct SignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign an image, and keep the signature with it as a sigstore bundle.",
        discussion: ClientCommand.exitStatuses
    )

    @Argument(help: "host[:port]/name[:tag][@digest]; the digest that it stands for is what is signed.")
    var image: String

    @OptionGroup var signing: SigningOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("sign") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            let (key, legacyTag) = (try signing.signingKey(), signing.legacyTag)
            let now = ClientCommand.now
            let stored = try await connection.withRegions(of: image) { regions async throws(ClientError) in
                let subject = try await ArtifactSigner.resolve(image, in: regions)
                Console.error("signing \(image.repository)@\(subject.digest)")
                let signer = ArtifactSigner(
                    repository: regions.repositories[0],
                    key: key,
                    reference: image.repository,
                    now: now
                )
                return try await signer.sign(subject, legacyTag: legacyTag)
            }
            for stored in stored { Console.say(stored.description) }
        }
    }
}
