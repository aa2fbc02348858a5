// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Observability

/// `cairn observability …`
struct ObservabilityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "observability",
        abstract: "What is measured and how.",
        subcommands: [MetricsTables.self]
    )
}

/// `cairn observability metrics`
struct MetricsTables: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print every metric as tables in Markdown: the ones of docs/metrics.md."
    )

    func run() {
        Console.say(MetricsCatalogue.sections.map(\.markdown).joined(separator: "\n"))
    }
}
