// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import ArgumentParser
import Foundation
import OCI

/// `cairn access`: who may do what, and the robots that may.
struct AccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "access",
        abstract: "Explain and check access rules; make, rotate and revoke robots.",
        subcommands: [ExplainCommand.self, Check.self, RobotCommand.self, UserCommand.self, TokenKeyCommand.self]
    )

    /// The configuration file, which every command of the group reads.
    struct File: ParsableArguments {
        @Option(help: "Configuration file (YAML) with the 'access' section (default: CAIRN_CONFIG).")
        var config: String?

        func files() throws -> AccessFiles {
            guard let path = config ?? ProcessInfo.processInfo.environment["CAIRN_CONFIG"] else {
                Console.error("cairn access: name the configuration file: --config FILE")
                throw ExitCode(2)
            }
            return .live(file: path)
        }
    }

    /// Runs a command's work; what it throws is said, with exit code 2.
    static func attempt<Result>(_ work: () throws -> Result) throws -> Result {
        do {
            return try work()
        } catch let code as ExitCode {
            throw code
        } catch {
            Console.error("cairn access: \(error)")
            throw ExitCode(2)
        }
    }

    /// `cairn access check`
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Read the configuration and its files as the server would; exit 2 with the reason if it would not."
        )

        @OptionGroup var file: File

        func run() throws {
            try AccessCommand.attempt {
                let files = try file.files()
                let configuration = try files.load().access
                try files.check(configuration)
                print("\(configuration.rules.count) rules, \(configuration.issuers.count) issuers: correct")
            }
        }
    }
}
