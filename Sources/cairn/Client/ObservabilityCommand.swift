// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Foundation
import Observability

/// `cairn observability`
struct ObservabilityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "observability",
        abstract: "What is measured, and what Prometheus, Alertmanager and Grafana need to watch registries.",
        subcommands: [Export.self, MetricsTables.self]
    )

    /// `cairn observability export`
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write rules, their tests, a route for alerts, and dashboards into a directory.",
            discussion: """
                It writes cairn-rules.yml with recording and alerting rules, cairn-rules-test.yml for 'promtool test \
                rules', cairn-alertmanager.yml with a route that groups by deployment, and a dashboard in each of \
                dashboards/executive.json, on-call.json and debug.json. Files of these names are replaced.
                """
        )

        @Option(help: ArgumentHelp("The directory; it is made if it is not there.", valueName: "directory"))
        var to: String

        @Option(
            help: ArgumentHelp(
                "Divide windows and waits of the rules by this, 1 to 60: for drills, in which nobody waits three days.",
                valueName: "number"
            )
        )
        var scale: Int64 = 1

        @Option(help: "The 'job' under which Prometheus scrapes the registries.")
        var job = "cairn"

        @Option(help: ArgumentHelp("What the links to runbooks begin with.", valueName: "url"))
        var runbooks = "docs/runbooks"

        func validate() throws {
            guard RuleOptions.scales.contains(scale) else { throw ValidationError("--scale is from 1 to 60") }
            let isWord = job.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "._-/".utf8.contains(byte)
            }
            guard isWord, !job.isEmpty else { throw ValidationError("--job has letters, digits, '.', '_', '-', '/'") }
            guard !runbooks.contains("'"), !runbooks.contains("\n") else {
                throw ValidationError("--runbooks is the beginning of a URL")
            }
        }

        func run() async throws {
            let catalogue = RuleCatalogue(RuleOptions(scale: scale, job: job, runbooks: runbooks))
            var files = [
                ("cairn-rules.yml", RuleText.yaml(catalogue)),
                ("cairn-rules-test.yml", RuleTests.yaml(catalogue, file: "cairn-rules.yml")),
                ("cairn-alertmanager.yml", RuleText.routes),
            ]
            for dashboard in DashboardCatalogue(catalogue.options).all {
                files.append(("dashboards/\(dashboard.name).json", DashboardText.json(dashboard)))
            }
            do {
                let folder = URL(fileURLWithPath: to, isDirectory: true)
                try FileManager.default.createDirectory(
                    at: folder.appending(path: "dashboards"),
                    withIntermediateDirectories: true
                )
                for (name, text) in files {
                    try Data(text.utf8).write(to: folder.appending(path: name), options: .atomic)
                    Console.say("\(to)/\(name)")
                }
            } catch {
                Console.error("cairn observability export: \(to) cannot be written: \(error)")
                throw ExitCode(1)
            }
        }
    }
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
