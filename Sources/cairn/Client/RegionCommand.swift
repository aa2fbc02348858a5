// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import RegistryClient

/// `cairn region`
struct RegionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "region",
        abstract: "See how a registry follows other regions, and say what is done about them.",
        subcommands: [
            Status.self, List.self, RegionAddCommand.self, Pause.self, Resume.self, Retire.self, Conflicts.self,
            Resolve.self,
            Audit.self, WarmCommand.self, HomeCommand.self,
        ]
    )

    /// `cairn region status`
    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say how far other regions are here, and what keeps them.",
            discussion: """
                It takes the right 'audit' or 'admin'.

                """ + ClientCommand.exitStatuses
        )

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("region status") { () async throws(ClientError) in
                let overview = try await target.overview()
                for region in overview.regions { Console.say(target.output == .json ? region.json : region.line) }
                guard target.output == .text else { return }
                guard !overview.regions.isEmpty else { return Console.say("no other region is followed") }
                Console.say(
                    "\(overview.remoteBlobs) blobs (\(overview.remoteBytes) bytes) are still to be fetched, "
                        + "\(overview.conflictsOpen) conflicts are open"
                )
            }
        }
    }

    /// `cairn region list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the regions that a registry follows, one name a line.",
            discussion: ClientCommand.exitStatuses
        )

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("region list") { () async throws(ClientError) in
                for region in try await target.overview().regions {
                    Console.say(target.output == .json ? region.json : region.name)
                }
            }
        }
    }

    /// `cairn region pause`
    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take nothing from a region until it is resumed.",
            discussion: "It takes the right 'admin'.\n\n" + ClientCommand.exitStatuses
        )

        @OptionGroup var change: RegionChange

        func run() async throws { try await change.set("paused") }
    }

    /// `cairn region resume`
    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Follow a region again.",
            discussion: "It takes the right 'admin'.\n\n" + ClientCommand.exitStatuses
        )

        @OptionGroup var change: RegionChange

        func run() async throws { try await change.set("following") }
    }

    /// `cairn region retire`
    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Wait for a region no more: it will not come back.",
            discussion: """
                What was deleted stays on the disk until every region has heard of it, for at most 90 days; a region \
                that is retired is not waited for. It takes the right 'admin'.

                """ + ClientCommand.exitStatuses
        )

        @OptionGroup var change: RegionChange

        func run() async throws { try await change.set("retired") }
    }

    /// `cairn region audit`
    struct Audit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare what a registry has with what another region has, and put right what differs.",
            discussion: """
                Every region does so each hour. What one of them has not heard does not count. Fails where anything \
                differs. It takes the right 'admin'.

                """ + ClientCommand.exitStatuses
        )

        @Argument(help: "The region, as the configuration calls it.")
        var name: String

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("region audit") { () async throws(ClientError) in
                let name = name
                let report = try await target.withRegistry { registry async throws(ClientError) in
                    try await RegionClient(registry).audit(name)
                }
                if target.output == .json {
                    Console.say(report.json)
                } else {
                    for finding in report.findings { Console.say(finding) }
                    Console.say(report.line)
                }
                guard report.outcome != "differs" else {
                    throw ClientError(.integrity, "\(name) differs from this registry")
                }
            }
        }
    }

    /// `cairn region conflicts`
    struct Conflicts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List tags that regions have set to different images without knowing of each other.",
            discussion: "It takes the right 'audit' or 'admin'.\n\n" + ClientCommand.exitStatuses
        )

        @Flag(help: "List those that were resolved, too.")
        var all = false

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("region conflicts") { () async throws(ClientError) in
                let all = all
                let found = try await target.withRegistry { registry async throws(ClientError) in
                    try await RegionClient(registry).conflicts(all: all)
                }
                for conflict in found { Console.say(target.output == .json ? conflict.json : conflict.line) }
            }
        }
    }

    /// `cairn region resolve`
    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a conflict, in all regions: the tag keeps what it has, or gets the image that lost.",
            discussion: "It takes the right 'admin'.\n\n" + ClientCommand.exitStatuses
        )

        @Argument(help: "The number that 'cairn region conflicts' lists.")
        var conflict: Int64

        @Flag(help: "Give the tag the image that lost.")
        var takeLoser = false

        @OptionGroup var target: RegistryOptions

        func run() async throws {
            try await ClientCommand.attempt("region resolve") { () async throws(ClientError) in
                let (id, takeLoser) = (conflict, takeLoser)
                try await target.withRegistry { registry async throws(ClientError) in
                    try await RegionClient(registry).resolve(id, takeLoser: takeLoser)
                }
                Console.say("the conflict \(id) is resolved")
            }
        }
    }
}

/// What the commands that change a region have in common.
struct RegionChange: ParsableArguments {
    @Argument(help: "The region, as the configuration calls it.")
    var name: String

    @Option(help: "Why, for the status.")
    var reason = ""

    @OptionGroup var target: RegistryOptions

    func set(_ state: String) async throws {
        try await ClientCommand.attempt("region") { () async throws(ClientError) in
            let (name, reason) = (name, reason)
            try await target.withRegistry { registry async throws(ClientError) in
                try await RegionClient(registry).set(name, state, reason: reason)
            }
            Console.say("\(name) is \(state)")
        }
    }
}

extension RegistryOptions {
    fileprivate func overview() async throws(ClientError) -> RegionClient.Overview {
        try await withRegistry { registry async throws(ClientError) in try await RegionClient(registry).overview() }
    }
}

extension RegionClient.Region {
    fileprivate var line: String {
        let since = verifiedAt.map { ", verified \($0)" } ?? ""
        let why = reason.map { ": \($0)" } ?? ""
        let wait = waiting == 0 ? "" : ", \(waiting) wait (\(secondsBehind) s): \(oldest ?? "")"
        let rest = bytesBehind == 0 ? "" : ", \(bytesBehind) bytes of blobs to come"
        let here = "\(entries) entries, \(behind) behind\(wait)\(rest)"
        return "\(name) \(state): \(here), \(confirmed) of ours there\(since)\(why)"
    }
}
