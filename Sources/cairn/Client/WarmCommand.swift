// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient

/// `cairn region warm`
struct WarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm",
        abstract: "Have images fetched ahead, and wait until every byte of them is there.",
        discussion: """
            A rollout or rollback in that region starts warm then. It takes the right to pull, and ends with 0 once \
            all images are whole there. With --newest each name is a pattern, such as host/prod/*, and means that many \
            of the tags that were set last in each repository.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: "host[:port]/name[:tag][@digest]")
    var images: [String]

    @Option(
        name: .customLong("in"),
        help: ArgumentHelp(
            "The registry that is to have them; else the one in each image's name.",
            valueName: "host[:port]"
        )
    )
    var region: String?

    @Option(help: ArgumentHelp("Take the newest tags of each repository that matches.", valueName: "count"))
    var newest: Int?

    @Option(help: ArgumentHelp("How long to wait for each.", valueName: "seconds"))
    var timeout: Int64 = 3_600

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("region warm") { () async throws(ClientError) in
            guard !images.isEmpty else { throw ClientError(.usage, "name at least one image") }
            if let newest, !(1...1_000).contains(newest) {
                throw ClientError(.usage, "--newest takes a number from 1 to 1000")
            }
            for image in images {
                let meant = try await newest == nil ? [image] : tags(of: image)
                for one in meant { try await warm(ImageReference(parsing: one)) }
            }
        }
    }

    /// The images that a pattern means: the newest tags of each repository that matches.
    private func tags(of pattern: String) async throws(ClientError) -> [String] {
        guard let slash = pattern.firstIndex(of: "/") else {
            throw ClientError(.usage, "a pattern is host[:port]/pattern: \(pattern)")
        }
        let (authority, rest) = (String(pattern[..<slash]), pattern[pattern.index(after: slash)...])
        guard !rest.contains(":"), !rest.contains("@") else {
            throw ClientError(.usage, "--newest takes the tags, so that \(pattern) names none")
        }
        let glob: Glob
        do { glob = try Glob(parsing: String(rest)) } catch {
            throw ClientError(.usage, "\(rest) is no pattern: \(error.reason)")
        }
        let count = newest ?? 1
        let found = try await connection.withRegistry(authority) { registry async throws(ClientError) in
            var found: [String] = []
            for name in try await registry.repositories(matching: glob) {
                for (tag, digest) in try await registry.newestTags(of: name, count: count) {
                    found.append("\(authority)/\(name):\(tag)@\(digest)")
                }
            }
            return found
        }
        guard !found.isEmpty else {
            throw ClientError(.notFound, "no tag of a repository that you may pull from matches \(pattern)")
        }
        return found
    }

    private func warm(_ image: ImageReference) async throws(ClientError) {
        guard let reference = image.digest.map(Reference.digest) ?? image.tag.map(Reference.tag) else {
            throw ClientError(.usage, "an image needs a tag or digest: \(image)")
        }
        var before: [Origin] = []
        if let region { before = [try Origin(parsing: region, tls: connection.tls())] }
        let timeout = timeout
        let (origin, report) = try await connection.withRegions(
            of: image,
            before: before
        ) { regions async throws(ClientError) in
            let repository = regions.repositories[0]
            let report = try await repository.warmWhole(reference, seconds: timeout) { report in
                guard !report.isComplete else { return }
                Console.error("\(image): \(report.missingBlobs) blobs, \(report.missingBytes) bytes to come")
            }
            return (repository.origin, report)
        }
        guard output == .text else { return Console.say(report.json) }
        Console.say(
            "\(origin.authority)/\(image.name)@\(report.digest) is whole: \(report.blobs) blobs, \(report.bytes) bytes"
        )
    }
}
