// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import ArgumentParser
import Foundation

/// `cairn access user`
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user",
        abstract: "Users of the htpasswd file.",
        subcommands: [Set.self]
    )

    /// 2^cost rounds of bcrypt.
    static let cost = 10

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
            abstract: "Give a user a password, read from standard input; makes the user where need be."
        )
        @OptionGroup var file: AccessCommand.File
        @Argument(help: "The user's name.") var name: String

        func run() throws {
            try AccessCommand.attempt {
                guard let path = try file.files().configuration().htpasswd else {
                    throw ConfigurationError(description: "the 'access' section names no htpasswd file")
                }
                guard let password = readLine(strippingNewline: true), !password.isEmpty, password.utf8.count <= 72
                else {
                    throw ConfigurationError(description: "the password on standard input has 1 to 72 bytes")
                }
                guard
                    let hash = Htpasswd.hash(password: password, cost: UserCommand.cost, salt: SecureRandom.bytes(16))
                else { throw ConfigurationError(description: "the password could not be hashed") }
                let htpasswd = OwnerOnlyFile(path: path)
                try htpasswd.locked { () throws(AccessError) in
                    let old = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
                    var lines = (old ?? "").split(separator: "\n").map(String.init)
                    lines.removeAll { $0.hasPrefix("\(name):") }
                    lines.append("\(name):\(hash)")
                    let text = lines.joined(separator: "\n") + "\n"
                    _ = try Htpasswd(parsing: text)
                    try htpasswd.replace(with: Array(text.utf8))
                }
                print("set \(name)")
            }
        }
    }
}
