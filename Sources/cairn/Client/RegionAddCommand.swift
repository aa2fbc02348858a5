// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Foundation
import RegistryClient

/// `cairn region add`
struct RegionAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Add a region to a configuration file, with the keys that it shows now.",
        discussion: """
            The keys are printed: compare them with what the other registry's operator reads at its /log/vkey, over \
            another channel, before the server is started again. Everything else in the file stays as it is written.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "How the region is called here.")
    var name: String

    @Argument(help: "Where it is: https://host[:port].")
    var url: String

    @Option(help: ArgumentHelp("The configuration file of this registry.", valueName: "file"))
    var config: String

    @Option(help: "Who may 'replicate' there.")
    var username: String?

    @Option(help: ArgumentHelp("File of its password, which the server reads.", valueName: "file"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("PEM file of authorities to trust for it.", valueName: "file"))
    var caFile: String?

    @Option(help: ArgumentHelp("PEM file of this registry's certificate there, with its chain.", valueName: "file"))
    var certificateFile: String?

    @Option(help: ArgumentHelp("PEM file of its key.", valueName: "file"))
    var keyFile: String?

    @Option(parsing: .upToNextOption, help: "Patterns of the repositories that are followed; all without it.")
    var repositories: [String] = []

    @Flag(help: "Print the section, and write nothing.")
    var dryRun = false

    func run() async throws {
        try await ClientCommand.attempt("region add") { () async throws(ClientError) in
            let isPlain = url.hasPrefix("http://")
            guard isPlain || url.hasPrefix("https://") else {
                throw ClientError(.usage, "the address begins with https://, or http:// where nobody is on the way")
            }
            let place = URL(fileURLWithPath: config)
            let directory = place.deletingLastPathComponent().path
            var options = Transport.Options()
            options.caFile = caFile.map { path($0, directory) }
            let origin = try Origin(
                parsing: String(url.dropFirst(isPlain ? 7 : 8)),
                tls: isPlain ? .nowhere : .everywhere
            )
            let keys = try await Transport.with(options) { transport async throws(ClientError) in
                let source = try CredentialSource(given: nil, environment: [:])
                return try await RegionClient(
                    RemoteRegistry(origin: origin, credentials: source, transport: transport)
                ).keys()
            }
            var addition = RegionAddition(name: name, url: url, keys: keys, repositories: repositories)
            addition.members = [
                ("username", username), ("password-file", passwordFile), ("ca-file", caFile),
                ("certificate-file", certificateFile), ("key-file", keyFile),
            ].compactMap { key, value in value.map { (key, $0) } }
            guard let data = FileManager.default.contents(atPath: config) else {
                throw ClientError(.usage, "\(config) cannot be read; an empty file would do")
            }
            let text = String(decoding: data, as: UTF8.self)
            let changed = try addition.added(to: text, directory: directory)
            for key in keys.log { Console.say("log key: \(key)") }
            if let cosigner = keys.cosigner { Console.say("cosigner key: \(cosigner)") }
            guard !dryRun else { return Console.say(addition.snippet) }
            try write(changed)
            Console.say("\(name) is in \(config): compare the keys, and start the server again")
        }
    }

    private func path(_ path: String, _ directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }

    /// Whole or not at all, and readable to whom it was.
    private func write(_ text: String) throws(ClientError) {
        let rights = try? FileManager.default.attributesOfItem(atPath: config)[.posixPermissions]
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: config), options: .atomic)
            if let rights { try FileManager.default.setAttributes([.posixPermissions: rights], ofItemAtPath: config) }
        } catch {
            throw ClientError(.storage, "\(config) cannot be written: \(error.localizedDescription)")
        }
    }
}
