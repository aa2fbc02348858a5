// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import ArgumentParser
import OCI

/// `cairn access explain`
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say which rule decides a request, and why.",
        discussion: "Exits 0 when the request is allowed, 1 when it is denied, 2 when it could not be judged."
    )

    @OptionGroup var file: AccessCommand.File

    @Option(
        name: .customLong("as"),
        help: "What logs in (alice, robot+ci), or a principal: anonymous, user:NAME, workload:ISSUER/NAME…"
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
        let principal = try principal(files, configuration, groups: extra)
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
        let repository = try self.repository.map { try RepositoryName(parsing: $0) }
        let tag = try self.tag.map { try Tag(parsing: $0) }
        let robots = try files.robots(configuration).load()
        let grants = principal.kind == .robot ? robots[principal.name]?.grants ?? [] : []
        let rules = configuration.rules
        if action == .overwrite, let tag, let repository {
            return rules.decideOverwrite(of: tag, in: repository, by: principal, from: address, grants: grants).decision
        }
        let request = AccessRequest(
            principal: principal,
            action: action,
            repository: repository,
            tag: tag,
            address: address
        )
        return rules.decide(request, grants: grants)
    }

    /// Who is meant: a principal as rules name it, or what it logs in as. A bare name is a user's, or a robot's where
    /// there is such a robot and no such user.
    private func principal(
        _ files: AccessFiles,
        _ configuration: AccessConfiguration,
        groups: [String]
    ) throws -> Principal {
        if principal.hasPrefix("robot+") {
            return Principal(kind: .robot, name: String(principal.dropFirst(6)), groups: groups, method: .none)
        }
        guard !principal.contains(":"), principal != "anonymous" else {
            return try Principal.parsing(principal, groups: groups)
        }
        let isUser = try files.htpasswd(configuration).hash(of: principal) != nil
        let isRobot = try files.robots(configuration).load()[principal] != nil
        return Principal(kind: !isUser && isRobot ? .robot : .user, name: principal, groups: groups, method: .none)
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
