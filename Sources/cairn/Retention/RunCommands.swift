// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Foundation
import OCI
import RegistryClient

/// `cairn retention plan`
struct RetentionPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Decide what the rules of retention delete, and why. Nothing is deleted.",
        discussion: """
            Prints each decision to delete with its rule and reason, the bytes that would come back, and the name of \
            the plan, which 'cairn retention apply' takes. The registry keeps every decision. It takes the right \
            'retain' in the repositories; others are left out.

            """ + ClientCommand.exitStatuses
    )

    @Option(help: ArgumentHelp("Pattern of the repositories.", valueName: "glob"))
    var repository = "**"

    @Flag(help: "Also print what stays, and why.")
    var all = false

    @OptionGroup var target: RegistryOptions

    @OptionGroup(title: "Progress") var progressOptions: ProgressOptions

    func run() async throws {
        try await ClientCommand.attempt("retention plan") { () async throws(ClientError) in
            let (pattern, all, output) = (repository, all, target.output)
            let (progress, host) = (progressOptions.progress, target.registry)
            try await target.withRegistry { registry async throws(ClientError) in
                let client = RetentionClient(registry)
                let run = try await client.finish(try await client.plan(repositories: pattern), progress)
                guard run.state == "planned" else {
                    throw ClientError(.network, "run \(run.id) was given up; the registry's log says why")
                }
                if output == .json { Console.say(run.json) }
                try await client.decisions(of: run.id) { decision in
                    guard all || !decision.isKept else { return }
                    Console.say(output == .json ? decision.json : decision.line)
                }
                if output == .text { run.show(host) }
            }
        }
    }
}

/// `cairn retention apply`
struct RetentionApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Delete what a plan says. It can be undone within the undo window.",
        discussion: """
            Each item is looked at again: what was pushed, tagged, pinned or deployed since the plan was made stays. \
            Too much at once, a clock that jumped, or times of pulls that are not known for long enough have to be \
            confirmed.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "The name of the plan, as 'cairn retention plan' prints it.")
    var plan: String

    @Flag(help: "The warnings of the plan were read.")
    var confirm = false

    @OptionGroup var target: RegistryOptions

    @OptionGroup(title: "Progress") var progressOptions: ProgressOptions

    func run() async throws {
        try await ClientCommand.attempt("retention apply") { () async throws(ClientError) in
            guard let dash = plan.firstIndex(of: "-"), let id = Int64(plan[..<dash]) else {
                throw ClientError(.usage, "a plan is called RUN-HASH, such as 12-0123456789ab, not '\(plan)'")
            }
            let hash = String(plan[plan.index(after: dash)...])
            let (confirm, output, progress, host) = (confirm, target.output, progressOptions.progress, target.registry)
            try await target.withRegistry { registry async throws(ClientError) in
                let client = RetentionClient(registry)
                let run = try await client.finish(
                    try await client.apply(id, hash: hash, isConfirmed: confirm),
                    progress
                )
                if output == .json { return Console.say(run.json) }
                try await client.decisions(of: id) { decision in
                    if decision.state == "skipped" { Console.say(decision.line) }
                }
                let (done, skipped) = (run.outcomes["done"] ?? 0, run.outcomes["skipped"] ?? 0)
                Console.say("run \(id) is \(run.state): \(done) decisions carried out, \(skipped) skipped")
                Console.say("to undo it: cairn retention restore \(id) --registry \(host)")
            }
        }
    }
}

/// `cairn retention restore`
struct RetentionRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Bring back what a run deleted.",
        discussion: """
            A tag that has another image by now is reported and not overwritten.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "The number of the run.")
    var id: Int64

    @OptionGroup var target: RegistryOptions

    @OptionGroup(title: "Progress") var progressOptions: ProgressOptions

    func run() async throws {
        try await ClientCommand.attempt("retention restore") { () async throws(ClientError) in
            let (id, output, progress) = (id, target.output, progressOptions.progress)
            try await target.withRegistry { registry async throws(ClientError) in
                let client = RetentionClient(registry)
                let run = try await client.finish(try await client.restore(id), progress)
                if output == .json { return Console.say(run.json) }
                try await client.decisions(of: id) { decision in
                    if decision.state == "conflict" { Console.say(decision.line) }
                }
                let (back, conflicts) = (run.outcomes["restored"] ?? 0, run.outcomes["conflict"] ?? 0)
                Console.say("run \(id) is \(run.state): \(back) brought back, \(conflicts) could not be")
            }
        }
    }
}

/// `cairn retention runs`
struct RetentionRunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "List runs, or show the decisions of one.",
        discussion: ClientCommand.exitStatuses
    )

    @Argument(help: "The number of a run, to show its decisions.")
    var id: Int64?

    @Option(help: "How many runs are listed.")
    var limit = 20

    @OptionGroup var target: RegistryOptions

    func run() async throws {
        try await ClientCommand.attempt("retention runs") { () async throws(ClientError) in
            let (id, limit, output) = (id, min(max(limit, 1), 1_000), target.output)
            try await target.withRegistry { registry async throws(ClientError) in
                let client = RetentionClient(registry)
                guard let id else {
                    for run in try await client.runs(limit: limit) {
                        Console.say(output == .json ? run.json : run.line)
                    }
                    return
                }
                let run = try await client.run(id)
                if output == .json { Console.say(run.json) }
                try await client.decisions(of: id) { decision in
                    Console.say(output == .json ? decision.json : decision.line)
                }
                if output == .text { Console.say(run.line) }
            }
        }
    }
}

/// `cairn retention explain`
struct RetentionExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why an image stays or goes by the rules that are in force.",
        discussion: ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("The image.", valueName: "host/name:tag or host/name@digest"))
    var image: String

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("retention explain") { () async throws(ClientError) in
            let image = try ImageReference(parsing: image)
            guard let reference = image.reference else { return }
            let output = output
            try await connection.withRegistry(image.authority) { registry async throws(ClientError) in
                let (json, lines) = try await RetentionClient(registry).explain(reference, in: image.name)
                if output == .json { return Console.say(json) }
                for line in lines { Console.say(line) }
            }
        }
    }
}

extension RetentionClient.Run {
    fileprivate var line: String {
        "run \(id) \(state): \(tags) tags, \(manifests) images, \(PullProgress.size(bytes)) to delete, \(kept) kept"
    }

    fileprivate func show(_ host: String) {
        for warning in warnings { Console.say("warning: \(warning)") }
        Console.say("\(line)")
        for rule in rules { Console.say("  \(rule.line)") }
        guard tags + manifests > 0, let plan else { return Console.say("nothing is to be deleted") }
        let confirm = warnings.isEmpty ? "" : " --confirm"
        Console.say("plan \(plan); to delete this: cairn retention apply \(plan)\(confirm) --registry \(host)")
    }
}
