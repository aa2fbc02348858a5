// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser

/// `cairn retention`
struct RetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "Say what the rules of retention delete, delete it, and undo that.",
        subcommands: [
            RetentionPlanCommand.self, RetentionApplyCommand.self, RetentionRestoreCommand.self,
            RetentionRunsCommand.self, RetentionExplainCommand.self, ImportCommand.self,
        ]
    )
}
