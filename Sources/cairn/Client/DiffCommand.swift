// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import ImageDiff
import RegistryClient

/// `cairn diff`
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Say how two images differ: layers, configuration, revision, packages and files.",
        discussion: """
            A is what was, and B what is: '-' is in A alone, '+' in B alone, '~' in both and not the same. Packages \
            are those of the inventories (SBOM) that are attached to both images, as they are: whether to trust \
            them is what 'cairn verify' says; else those of dpkg and apk in the layers. Layers pass by and are kept \
            nowhere. Those that both images begin with are not fetched unless what differs depends on them.

            Exit status: 0 the same image; 1 different ones; failures as with other commands: 2 or 64 usage, or a \
            bound was met; 3 not found; 4 credentials or rights refused; 10 policy or quarantine; 11 integrity: wrong \
            bytes, or a layer that contradicts its format; 12 network, registry or this machine. Credential helpers \
            are not called.
            """
    )

    @Argument(help: ArgumentHelp("The one image.", valueName: "host[:port]/name[:tag][@digest]"))
    var a: String

    @Argument(help: ArgumentHelp("The other image.", valueName: "host[:port]/name[:tag][@digest]"))
    var b: String

    @Option(
        help: ArgumentHelp(
            "Of indexes: the platform to compare, or 'all' for the list of platforms (default: linux/amd64, else the "
                + "only one that both have).",
            valueName: "os/architecture[/variant]"
        )
    )
    var platform: String?

    @Flag(help: "Compare the file systems too: type, mode, owner, size and content.")
    var files = false

    @Flag(name: .customLong("no-layers"), help: "Fetch no layers: packages are compared where both have an inventory.")
    var leavesLayers = false

    @Option(help: "Differences of one sort that are shown.")
    var limit = 200

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup var progress: ProgressOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func run() async throws {
        var isSame = false
        try await ClientCommand.attempt("diff") { () async throws(ClientError) in
            do throws(ClientError) {
                let comparison = try await compare()
                if output == .json {
                    Console.say(comparison.json)
                } else {
                    Console.say(comparison.lines.joined(separator: "\n"))
                }
                isSame = comparison.isSame
            } catch {
                // 1 means that the images differ, and nothing else.
                guard error.code == .storage else { throw error }
                throw ClientError(.network, error.reason)
            }
        }
        if !isSame { throw ExitCode(1) }
    }

    private func compare() async throws(ClientError) -> ImageComparison {
        let (old, new) = (try ImageReference(parsing: a), try ImageReference(parsing: b))
        guard (0...ImageDiffLimits.shown).contains(limit) else {
            throw ClientError(.usage, "--limit is 0 to \(ImageDiffLimits.shown)")
        }
        guard !files || !leavesLayers else { throw ClientError(.usage, "--files and --no-layers exclude each other") }
        var options = ImageComparison.Options()
        options.platform = try platform.map { text throws(ClientError) in
            text == "all" ? .all : try PlatformChoice(parsing: text)
        }
        (options.files, options.layers, options.shown) = (files, !leavesLayers, limit)
        let (display, counter, final) = (progress.display, PullProgress(), options)
        return try await connection.withRegions(of: old, and: new) { before, after async throws(ClientError) in
            try await display.show(counter) { () async throws(ClientError) in
                try await ImageComparison.compare((old, before), (new, after), options: final, progress: counter)
            }
        }
    }
}

extension ConnectionOptions {
    /// Runs work at the registries of two images.
    ///
    /// - Throws: `.usage` where a password would go to two hosts.
    fileprivate func withRegions<Result: Sendable>(
        of old: ImageReference,
        and new: ImageReference,
        _ work: @Sendable (Regions, Regions) async throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        guard username == nil || old.authority == new.authority else {
            throw ClientError(.usage, "--username is for one registry, and the images are at two: use 'podman login'")
        }
        let (credentials, tls) = (try credentials(), try tls())
        return try await Transport.with(transport) { transport async throws(ClientError) in
            try await work(
                Regions(of: old, before: [], tls: tls, credentials: credentials, transport: transport),
                Regions(of: new, before: [], tls: tls, credentials: credentials, transport: transport)
            )
        }
    }
}
