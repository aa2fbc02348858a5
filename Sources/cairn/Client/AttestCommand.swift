// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Trust

/// `cairn attest`
struct AttestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest",
        abstract: "Sign a statement about an image, and keep it with the image as a sigstore bundle.",
        discussion: ClientCommand.exitStatuses
    )

    @Argument(help: "host[:port]/name[:tag][@digest]; the statement is about the digest that it stands for.")
    var image: String

    @Option(help: ArgumentHelp("JSON file of the predicate.", valueName: "file"))
    var predicate: String

    @Option(
        name: .customLong("type"),
        help: ArgumentHelp(
            "Type of the predicate: \(PredicateType.named.map(\.name).joined(separator: ", ")), or a URL.",
            valueName: "type"
        )
    )
    var type: String

    @OptionGroup var signing: SigningOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("attest") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            let type = try predicateType()
            let predicate = try ClientCommand.bytes(of: predicate, limit: ClientLimits.predicateBytes)
            let (key, legacyTag) = (try signing.signingKey(), signing.legacyTag)
            let now = ClientCommand.now
            let stored = try await connection.withRegions(of: image) { regions async throws(ClientError) in
                let subject = try await ArtifactSigner.resolve(image, in: regions)
                Console.error("attesting \(type) of \(image.repository)@\(subject.digest)")
                let signer = ArtifactSigner(
                    repository: regions.repositories[0],
                    key: key,
                    reference: image.repository,
                    now: now
                )
                return try await signer.attest(subject, type: type, predicate: predicate, legacyTag: legacyTag)
            }
            for stored in stored { Console.say(stored.description) }
        }
    }

    private func predicateType() throws(ClientError) -> PredicateType {
        if let named = PredicateType(named: type) { return named }
        guard type.hasPrefix("https://") || type.hasPrefix("http://") else {
            throw ClientError(
                .usage,
                "--type is one of the names in the help, or a URL: \"\(ParsingError.quotable(type))\""
            )
        }
        return PredicateType(type)
    }
}
