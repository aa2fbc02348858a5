// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import RegistryClient

/// `cairn region`
struct RegionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "region",
        abstract: "See how a registry follows other regions.",
        subcommands: [Status.self]
    )

    /// `cairn region status`
    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say how far the logs of other regions are here, and what keeps them.",
            discussion: """
                It takes the right 'audit' or 'admin'.

                """ + ClientCommand.exitStatuses
        )

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("region status") { () async throws(ClientError) in
                let regions = try await target.withRegistry { registry async throws(ClientError) in
                    try await RegionClient(registry).regions()
                }
                for region in regions { Console.say(target.output == .json ? region.json : region.line) }
                if regions.isEmpty, target.output == .text { Console.say("no other region is followed") }
            }
        }
    }
}

extension RegionClient.Region {
    fileprivate var line: String {
        let since = verifiedAt.map { ", verified \($0)" } ?? ""
        let why = reason.map { ": \($0)" } ?? ""
        return "\(name) \(state): \(entries) entries, \(behind) behind\(since)\(why)"
    }
}
