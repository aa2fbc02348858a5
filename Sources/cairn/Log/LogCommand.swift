// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Content
import Foundation
import Journal
import Logging

/// `cairn log`
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Check the transparency log of a store, and decide what only an operator can.",
        subcommands: [LogVerify.self, LogAdopt.self, LogContinue.self]
    )
}

/// Where the store and the log's signer are, for commands that work while no server runs.
struct LogLocation: ParsableArguments {
    @Option(help: "Directory of all data (default: CAIRN_ROOT, else ./cairn-data).")
    var root: String?

    @Option(help: "Directory of the log's signer (default: CAIRN_SIGNER, else ROOT.signer).")
    var signer: String?

    @Option(help: "Configuration file of the server, for root, signer and log-origin.")
    var config: String?

    /// Opens the store, with what its log is opened with, and closes it.
    func withStore<Value>(
        origin: String? = nil,
        _ body: (Store, Journal.Options) async throws -> Value
    ) async throws -> Value {
        let settings = try settings()
        let store = try await Store.open(
            root: settings.root,
            unsafeFilesystem: true,
            blobLimit: settings.maximumBlobBytes,
            origin: origin ?? settings.logOrigin
        )
        var options = Journal.Options(
            root: store.content.layout.root,
            signer: settings.signerDirectory,
            origin: origin ?? settings.logOrigin ?? Store.origin(of: store.content),
            logger: Logger(label: "log")
        )
        options.passphrase = settings.logKeyPassphrase
        do {
            let value = try await body(store, options)
            await store.close()
            return value
        } catch {
            await store.close()
            throw error
        }
    }

    /// The settings of the server, as far as options and environment say them.
    func settings() throws -> Configuration {
        var configuration = try Configuration.load(
            file: config,
            environment: ProcessInfo.processInfo.environment
        )
        if let root { configuration.root = root }
        if let signer { configuration.signer = signer }
        guard FileManager.default.fileExists(atPath: configuration.root + "/FORMAT") else {
            throw ConfigurationError(
                description: "\(configuration.root) holds no registry (there is no FORMAT file in it)"
            )
        }
        return configuration
    }
}

/// `cairn log verify`: exit 0 when nothing is wrong, 1 when something is, 2 when the check could not be made.
struct LogVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Hold every entry, tile and note against the signed checkpoints, while no server runs.",
        discussion: """
            Exits 0 when all is as it was signed, 1 when something is not, 2 when the check could not be made. Nothing \
            is changed.
            """
    )

    @OptionGroup var location: LogLocation

    @Option(
        name: .customLong("log-key"),
        help: "A key of the log as NAME+ID+KEY; may be given again (default: the signer's)."
    )
    var keys: [String] = []

    func run() async throws {
        do {
            let report = try await location.withStore { store, options in
                try await LogCheck.offline(options, keys: keys, catalog: store.catalog)
            }
            for problem in report.problems { print("problem: \(problem)") }
            print(
                "\(report.entries) entries, \(report.files) files, \(report.checkpoints) checkpoints: "
                    + "\(report.problemCount) problems"
            )
            if report.problemCount > 0 { throw ExitCode(1) }
        } catch let code as ExitCode {
            throw code
        } catch {
            Console.error("cairn log verify: \(error)")
            throw ExitCode(2)
        }
    }
}
