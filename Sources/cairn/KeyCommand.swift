// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Content
import Cryptography
import Foundation
import Journal
import Transparency

/// `cairn key`
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make and show Ed25519 keys: of people who sign images, and of the registry's log.",
        subcommands: [Generate.self, Show.self, Rotate.self, Retire.self]
    )

    /// The passphrase of a key file, from the environment.
    static let passphraseVariable = "CAIRN_KEY_PASSPHRASE"

    static var passphrase: [UInt8]? {
        ProcessInfo.processInfo.environment[passphraseVariable].flatMap { $0.isEmpty ? nil : Array($0.utf8) }
    }

    static func fail(_ command: String, _ error: any Error) -> ExitCode {
        Console.error("cairn key \(command): \(error)")
        return ExitCode(2)
    }
}

extension KeyCommand {
    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key: NAME.key, which nobody else may read, and NAME.pub.",
            discussion: "With CAIRN_KEY_PASSPHRASE set, the private key is encrypted (PKCS#8). No file is overwritten."
        )

        @Argument(help: "NAME of the two files, with their directory.")
        var name: String

        func run() async throws {
            do {
                let files = DurableFiles()
                for path in ["\(name).key", "\(name).pub"] where FileManager.default.fileExists(atPath: path) {
                    throw ConfigurationError(description: "\(path) is there already")
                }
                let key = try SigningKey.generate()
                let pem = try key.pem(passphrase: KeyCommand.passphrase)
                try files.replace("\(name).key", with: Array(pem.utf8), mode: 0o600)
                try files.replace("\(name).pub", with: Array(key.verificationKey.pem.utf8))
                print("private key: \(name).key\npublic key:  \(name).pub")
            } catch {
                throw KeyCommand.fail("generate", error)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the public half of a key: PEM, and as a verifier of notes (C2SP signed-note) takes it."
        )

        @Argument(help: "PEM file of a private or public key.")
        var file: String

        @Option(help: "NAME under which the key signs notes: a log's origin.")
        var name: String?

        func run() async throws {
            do {
                guard let data = FileManager.default.contents(atPath: file) else {
                    throw ConfigurationError(description: "\(file): the file cannot be read")
                }
                let text = String(decoding: data, as: UTF8.self)
                let key =
                    text.contains("PUBLIC KEY")
                    ? try VerificationKey(pem: text)
                    : try SigningKey(pem: text, passphrase: KeyCommand.passphrase).verificationKey
                print(key.pem, terminator: "")
                guard let name else { return }
                let verifier = try NoteVerifier(name: KeyName(parsing: name), key: key)
                print("vkey:   \(verifier)\nkey id: \(verifier.keyIDText)")
            } catch {
                throw KeyCommand.fail("show", error)
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Give the log a second key: from its next start on, the server records it under the old one and then "
                + "signs with both.",
            discussion: "CAIRN_LOG_KEY_PASSPHRASE encrypts the new key as it does the old one."
        )

        @OptionGroup var location: LogLocation

        func run() async throws {
            do {
                let settings = try location.settings()
                let keys = SignerKeys(directory: settings.signerDirectory)
                try keys.generateNext(passphrase: settings.logKeyPassphrase)
                print(
                    """
                    new key: \(keys.nextPath)
                    restart the server, hand out the new key of /log/vkey, then: cairn key retire
                    """
                )
            } catch {
                throw KeyCommand.fail("rotate", error)
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let the log's new key alone sign; of the old one the public half is kept.",
            discussion: "To be run while no server runs, once everybody who verifies has the new key."
        )

        @OptionGroup var location: LogLocation

        func run() async throws {
            do {
                let settings = try location.settings()
                let keys = SignerKeys(directory: settings.signerDirectory)
                guard let origin = try keys.origin() else {
                    throw ConfigurationError(
                        description: "nothing was signed with the keys in \(settings.signerDirectory)"
                    )
                }
                try keys.retire(origin: origin, passphrase: settings.logKeyPassphrase)
                print("the log's key is now the one that was \(keys.nextPath)")
            } catch {
                throw KeyCommand.fail("retire", error)
            }
        }
    }
}
