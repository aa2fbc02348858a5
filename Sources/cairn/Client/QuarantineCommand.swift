// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn quarantine`
struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "Keep a digest from being pulled, let it go, or list what is kept back.",
        discussion: """
            The digest is that of an image, an index, a layer or a configuration; what needs it is kept back with it. \
            It holds once the command returns. It takes the right 'admin', or for the list 'audit'.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "What to keep back, or to let go.")
    var digest: String?

    @Option(help: "Why; it is kept in the registry's record.")
    var reason: String?

    @Flag(help: "Let the digest go.")
    var lift = false

    @Flag(help: "List what is kept back.")
    var list = false

    @OptionGroup var target: RegistryOptions

    func run() async throws {
        try await ClientCommand.attempt("quarantine") { () async throws(ClientError) in
            let change = try change()
            let (records, event) = try await target.withRegistry { registry async throws(ClientError) in
                let client = QuarantineClient(registry)
                guard let (digest, reason, isEnd) = change else { return (try await client.list(), "") }
                let event =
                    isEnd
                    ? try await client.lift(digest, reason: reason)
                    : try await client.set(digest, reason: reason)
                return ([], event)
            }
            if let change {
                Console.say("\(change.digest) \(change.isEnd ? "may be pulled again" : "is in quarantine") (\(event))")
            } else if target.output == .json {
                Console.say(QuarantineClient.json(records))
            } else {
                for record in records { Console.say(record.line) }
            }
        }
    }

    /// What is to be changed; nil for a list.
    private func change() throws(ClientError) -> (digest: Digest, reason: String, isEnd: Bool)? {
        if list {
            guard digest == nil, reason == nil, !lift else { throw ClientError(.usage, "--list is asked for alone") }
            return nil
        }
        guard let digest, let reason, !reason.isEmpty else {
            throw ClientError(.usage, "a digest and its --reason are needed, or --list")
        }
        do {
            return (try Digest(parsing: digest), reason, lift)
        } catch {
            throw ClientError(.usage, "this is no digest: \(error.reason): \"\(error.value)\"")
        }
    }
}
