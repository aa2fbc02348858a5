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
        subcommands: [Explain.self, Check.self, RobotCommand.self, UserCommand.self, TokenKeyCommand.self]
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
                let configuration = try files.configuration()
                _ = try files.policy(configuration)
                print("\(configuration.rules.count) rules, \(configuration.issuers.count) issuers: correct")
            }
        }
    }

    /// `cairn access explain`
    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which rule decides a request, and why.",
            discussion: "Exits 0 when the request is allowed, 1 when it is denied, 2 when it could not be judged."
        )

        @OptionGroup var file: File

        @Option(
            name: .customLong("as"),
            help: "anonymous, user:NAME, robot:NAME, workload:ISSUER/NAME, certificate:NAME."
        )
        var principal: String

        @Option(help: "Groups of the principal beside those of the file, separated by commas.")
        var groups: String?

        @Option(help: "pull, pull-by-tag, push, overwrite, delete, sign, promote, retain, replicate, audit or admin.")
        var action: String

        @Option(help: "The repository.")
        var repository: String?

        @Option(help: "The tag.")
        var tag: String?

        @Option(help: "The address that the request comes from.")
        var address: String?

        @Flag(help: "Answer as JSON.")
        var json = false

        func run() throws {
            let decision = try AccessCommand.attempt { try decide() }
            if json {
                var writer = JSONWriter()
                writer.object { writer in
                    writer.key("allowed")
                    writer.raw(decision.allowed ? "true" : "false")
                    writer.key("rule")
                    decision.rule.map { writer.string($0) } ?? writer.raw("null")
                    writer.key("reason")
                    writer.string(decision.reason)
                    writer.key("message")
                    decision.message.map { writer.string($0) } ?? writer.raw("null")
                    writer.key("explicit")
                    writer.raw(decision.explicit ? "true" : "false")
                }
                print(String(decoding: writer.bytes, as: UTF8.self))
            } else {
                print("\(decision.allowed ? "allowed" : "denied") by \(decision.rule ?? "no rule"): \(decision.reason)")
                if let message = decision.message { print("the caller reads: \(message)") }
            }
            if !decision.allowed { throw ExitCode(1) }
        }

        private func decide() throws -> Decision {
            let files = try file.files()
            let configuration = try files.configuration()
            let extra = groups?.split(separator: ",").map(String.init) ?? []
            let principal = try Principal.parsing(self.principal, groups: extra)
            guard let action = Action(rawValue: self.action) else {
                throw ConfigurationError(
                    description: "--action is one of \(Action.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            let address = try self.address.map { text in
                guard let address = IPAddress(text) else {
                    throw ConfigurationError(description: "--address '\(text)' is no IP address")
                }
                return address
            }
            let request = AccessRequest(
                principal: principal,
                action: action,
                repository: try repository.map { try RepositoryName(parsing: $0) },
                tag: try tag.map { try Tag(parsing: $0) },
                address: address
            )
            let robots = try files.robots(configuration).load()
            let grants = principal.kind == .robot ? robots[principal.name]?.grants ?? [] : []
            return configuration.rules.decide(request, grants: grants)
        }
    }
}

extension Principal {
    /// A principal as rules and logs name it.
    static func parsing(_ text: String, groups: [String]) throws -> Principal {
        if text == "anonymous" { return .anonymous }
        let halves = text.split(separator: ":", maxSplits: 1)
        guard halves.count == 2, let kind = Kind(rawValue: String(halves[0])), kind != .anonymous else {
            throw ConfigurationError(
                description:
                    "'\(text)' is not anonymous, user:NAME, robot:NAME, workload:ISSUER/NAME or certificate:NAME"
            )
        }
        return Principal(kind: kind, name: String(halves[1]), groups: groups, method: .none)
    }
}
