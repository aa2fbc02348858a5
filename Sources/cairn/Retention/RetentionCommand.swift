// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser

/// `cairn retention`
struct RetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "What stays and what goes: rules, plans and their undoing.",
        subcommands: [ImportCommand.self]
    )
}
