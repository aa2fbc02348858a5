// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser

/// The command line of Cairn.
@main
struct Cairn: AsyncParsableCommand {
    /// The version of this build.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "cairn",
        abstract: "A content-addressed registry for container images and other OCI artifacts.",
        version: version,
        subcommands: [Serve.self, AccessCommand.self, Fsck.self, TLSCommand.self, Version.self]
    )
}

/// `cairn version`
struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() {
        print("cairn \(Cairn.version)")
    }
}
