// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import ArgumentParser
import Foundation
import OCI

/// `cairn access robot`
struct RobotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "robot",
        abstract: "Identities for programs, with rights of their own.",
        subcommands: [Create.self, List.self, Rotate.self, Revoke.self]
    )

    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    /// Prints a secret, which is kept nowhere.
    static func show(_ name: String, _ secret: String, asJSON: Bool) {
        let user = "robot+\(name)"
        if asJSON {
            var writer = JSONWriter()
            writer.object { writer in
                writer.key("user")
                writer.string(user)
                writer.key("secret")
                writer.string(secret)
            }
            print(String(decoding: writer.bytes, as: UTF8.self))
        } else {
            print("user:   \(user)\nsecret: \(secret)")
            Console.error("the secret is shown this once; log in with --username '\(user)' --password-stdin")
        }
    }

    /// Seconds since 1970 of an end such as `90d`, `12h` or `30m` from now.
    static func end(_ text: String?) throws -> Int64? {
        guard let text else { return nil }
        let units: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (1...36_500).contains(count)
        else { throw ConfigurationError(description: "--expires '\(text)' is not a number and m, h or d, such as 90d") }
        return now + count * unit
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a robot and show its secret, once.")
        @OptionGroup var file: AccessCommand.File
        @Argument(help: "Its name.") var name: String
        @Option(help: "ACTION,ACTION:REPOSITORIES, such as 'pull,push:team/*'; may be repeated.") var allow: [String]
        @Option(help: "How long it lives, such as 90d; else until it is revoked.") var expires: String?
        @Flag(help: "Answer as JSON.") var json = false

        func run() throws {
            try AccessCommand.attempt {
                let files = try file.files()
                let secret = try files.robots(files.configuration()).create(
                    name: name,
                    grants: try allow.map { try Grant(parsing: $0) },
                    expires: try RobotCommand.end(expires),
                    now: RobotCommand.now
                )
                RobotCommand.show(name, secret, asJSON: json)
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the robots.")
        @OptionGroup var file: AccessCommand.File

        func run() throws {
            try AccessCommand.attempt {
                let files = try file.files()
                for robot in try files.robots(files.configuration()).list() {
                    let end = robot.expires.map {
                        "until \(Date(timeIntervalSince1970: TimeInterval($0)).formatted(.iso8601))"
                    }
                    let state = robot.isUsable(now: RobotCommand.now) ? end ?? "no end" : "revoked or expired"
                    print("\(robot.name)\t\(state)\t\(robot.grants.map(\.description).joined(separator: " "))")
                }
            }
        }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a robot a new secret; the former one and every token of it are dead at once."
        )
        @OptionGroup var file: AccessCommand.File
        @Argument(help: "Its name.") var name: String
        @Option(help: "A new end, such as 90d.") var expires: String?
        @Flag(help: "Answer as JSON.") var json = false

        func run() throws {
            try AccessCommand.attempt {
                let files = try file.files()
                let secret = try files.robots(files.configuration()).rotate(
                    name: name,
                    expires: try RobotCommand.end(expires),
                    now: RobotCommand.now
                )
                RobotCommand.show(name, secret, asJSON: json)
            }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke a robot: its secret and every token of it.")
        @OptionGroup var file: AccessCommand.File
        @Argument(help: "Its name.") var name: String

        func run() throws {
            try AccessCommand.attempt {
                let files = try file.files()
                try files.robots(files.configuration()).revoke(name: name)
                print("revoked \(name)")
            }
        }
    }
}

/// `cairn access token-key`
struct TokenKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token-key",
        abstract: "The key that signs tokens.",
        subcommands: [Rotate.self]
    )

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign with a new key from now on; tokens of the former one stay good until they end."
        )
        @OptionGroup var file: AccessCommand.File
        @Flag(help: "Drop all former keys: every token is dead at once.") var dropFormer = false

        func run() throws {
            try AccessCommand.attempt {
                let files = try file.files()
                _ = try files.tokenKeys(files.configuration()).rotate(
                    droppingOthers: dropFormer,
                    now: RobotCommand.now
                )
                print("rotated")
            }
        }
    }
}
