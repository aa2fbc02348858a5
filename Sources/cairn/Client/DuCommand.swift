// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn du`
struct DuCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "du",
        abstract: "Say what takes up the space: of a registry, a repository or an image.",
        discussion: """
            HOST lists every repository: the bytes that it shows, those that no other repository has, the trash, and \
            what no image holds. HOST/NAME shows one. HOST/NAME:TAG and HOST/NAME@DIGEST list the layers of an image, \
            with which other images each is shared, and the growth since the tag's former image.

            --rules says what each rule of retention would free: the registry makes a plan for it, which deletes \
            nothing and is kept as those of 'cairn retention plan' are; it takes the right 'retain'. --disk says what \
            the bytes on the disk are there for: live images, the trash, leases of pushes, what is about to be \
            deleted, quarantine, unfinished uploads and files that no row speaks of; it reads everything, and takes \
            the right 'audit'.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("What is measured.", valueName: "host[/name[:tag|@digest]]"))
    var place: String

    @Flag(help: "Say what the bytes on the disk of a registry are there for.")
    var disk = false

    @Flag(help: "Say what each rule of retention would free, of a registry or a repository.")
    var rules = false

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("du") { () async throws(ClientError) in
            let (place, output, disk, rules) = (place, output, disk, rules)
            guard !disk || !place.contains("/") else {
                throw ClientError(.usage, "--disk is about a whole registry: host[:port]")
            }
            guard !disk || !rules else { throw ClientError(.usage, "--disk and --rules are asked for alone") }
            guard let slash = place.firstIndex(of: "/") else {
                return try await connection.withRegistry(place) { registry async throws(ClientError) in
                    if disk { return try await Self.disk(CollectionClient(registry), output) }
                    if rules { return try await Self.rules(RetentionClient(registry), "**", output) }
                    try await Self.list(UsageClient(registry), output)
                }
            }
            let rest = place[place.index(after: slash)...]
            if let name = RepositoryName(String(rest)) {
                let host = String(place[..<slash])
                return try await connection.withRegistry(host) { registry async throws(ClientError) in
                    if rules { return try await Self.rules(RetentionClient(registry), name.description, output) }
                    let usage = try await UsageClient(registry).repository(name)
                    if output == .json { return Console.say(usage.json) }
                    Console.say(Self.header)
                    Console.say(usage.line)
                }
            }
            guard !rules else { throw ClientError(.usage, "--rules is about a registry or a repository") }
            let image = try ImageReference(parsing: place)
            guard let reference = image.reference else { return }
            try await connection.withRegistry(image.authority) { registry async throws(ClientError) in
                let usage = try await UsageClient(registry).image(reference, in: image.name)
                if output == .json { return Console.say(usage.json) }
                for line in usage.lines { Console.say(line) }
            }
        }
    }

    fileprivate static let header = "      bytes      unique       trash unreferenced     uploads  repository"

    private static func rules(
        _ client: RetentionClient,
        _ pattern: String,
        _ output: OutputForm
    ) async throws(ClientError) {
        let run = try await client.finish(try await client.plan(repositories: pattern), nil)
        guard run.state == "planned" else {
            throw ClientError(.network, "run \(run.id) was given up; the registry's log says why")
        }
        if output == .json { return Console.say(run.json) }
        for rule in run.rules { Console.say(rule.line) }
        Console.say("\(PullProgress.size(run.bytes)) in all, by plan \(run.plan ?? "\(run.id)")")
    }

    private static func disk(_ client: CollectionClient, _ output: OutputForm) async throws(ClientError) {
        let storage = try await client.storage()
        if output == .json { return Console.say(storage.json) }
        for (name, blobs, bytes) in storage.figures {
            Console.say("\(PullProgress.size(bytes).padded(to: 11)) \(String(blobs).padded(to: 9))  \(name)")
        }
        Console.say("\(PullProgress.size(storage.bytes).padded(to: 11))            in all")
    }

    private static func list(_ client: UsageClient, _ output: OutputForm) async throws(ClientError) {
        if output == .text { Console.say(header) }
        var count = 0
        var unique: Int64 = 0
        try await client.repositories { usage in
            count += 1
            unique += usage.unique
            Console.say(output == .json ? usage.json : usage.line)
        }
        guard output == .text else { return }
        Console.say("\(count) repositories; \(PullProgress.size(unique)) are in one repository alone")
    }
}

extension UsageClient.Repository {
    fileprivate var line: String {
        let columns = [(bytes, 11), (unique, 12), (trash, 12), (unreferenced, 13), (uploads, 12)]
        let text = columns.map { PullProgress.size($0.0).padded(to: $0.1) }.joined()
        return "\(text)  \(name) (\(tags) tags, \(manifests) images)"
    }
}

extension UsageClient.Image {
    fileprivate var lines: [String] {
        var lines: [String] = []
        for blob in blobs {
            let platform = blob.platform.map { " \($0)" } ?? ""
            var note = blob.sharedBy == 0 ? "this image alone" : "shared with \(blob.sharedBy) other images"
            if !blob.sharedWith.isEmpty { note += ": \(blob.sharedWith.joined(separator: ", "))" }
            if blob.isNew == true { note += "; new" }
            let size = PullProgress.size(blob.size).padded(to: 11)
            lines.append("\(size)  \(blob.role)\(platform) \(blob.digest)  \(note)")
        }
        let (whole, own) = (PullProgress.size(bytes).padded(to: 11), PullProgress.size(unique))
        lines.append("\(whole)  in all, of which \(own) are its own")
        if let former {
            let growth = bytes - former.bytes
            let sign = growth < 0 ? "-" : "+"
            let size = PullProgress.size(Int64(growth.magnitude))
            lines.append("\("\(sign)\(size)".padded(to: 11))  since the tag's former image \(former.digest)")
        }
        return lines
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
