// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Foundation
import Journal

/// `cairn log adopt`
struct LogAdopt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "Let a signer that has lost its memory begin with the newest checkpoint of the store.",
        discussion: "Only if no newer checkpoint was ever shown: a log that goes back is refused by all who verify it."
    )

    @OptionGroup var location: LogLocation

    func run() async throws {
        do {
            try await location.withStore { store, options in
                let note = try await LogRecovery.adopt(options, catalog: store.catalog)
                print("the signer begins with:\n\(String(decoding: note, as: UTF8.self))", terminator: "")
            }
        } catch {
            Console.error("cairn log adopt: \(error)")
            throw ExitCode(2)
        }
    }
}

/// `cairn log continue`
struct LogContinue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "continue",
        abstract: "Go on under a new name, where what was signed is lost; the first entry names the old log.",
        discussion: "Start the server with the same --log-origin afterwards, and hand out the new key of /log/vkey."
    )

    @OptionGroup var location: LogLocation

    @Option(help: "NAME of the new log: this registry's URL without the scheme, and another one than before.")
    var origin: String

    @Option(help: "TEXT for those who read the log: what happened.")
    var reason: String

    func run() async throws {
        do {
            try await location.withStore(origin: origin) { store, options in
                try await LogRecovery.goOn(options, reason: reason, catalog: store.catalog)
                print("the log goes on as \(origin): start the server with log-origin: \(origin)")
            }
        } catch {
            Console.error("cairn log continue: \(error)")
            throw ExitCode(2)
        }
    }
}
