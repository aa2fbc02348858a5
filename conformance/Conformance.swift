// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import AsyncHTTPClient
import Foundation

/// Checks any OCI registry from outside, by its URL.
@main
struct Conformance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Checks any OCI registry, black-box, against the distribution specification and its clients' habits.",
        discussion: """
            Exit code 0: every selected check passed. 1: some did not. 2: wrong usage, or the registry \
            cannot be reached.
            """
    )

    @Option(help: "Where the registry listens, for instance http://127.0.0.1:5000.")
    var url: String?

    @Option(
        name: .long,
        help: "Write a report; the form follows the suffix: .json, .xml (JUnit), .md, .txt. May be repeated."
    )
    var report: [String] = []

    @Option(help: "What to call the registry in reports, instead of its URL.")
    var name: String?

    @Option(help: "Only these categories, comma-separated: pull, push, discovery, management.")
    var category: String?

    @Option(help: "Only checks whose id matches one of these patterns, comma-separated; * stands for anything.")
    var filter: String?

    @Option(help: "1.1 (as released) or 1.1+dev (and what was merged since).")
    var version: Edition = .development

    @Option(help: "Only these levels, comma-separated: must, should, client.")
    var level: String?

    @Flag(help: "List the selected checks, ask nothing.")
    var list = false

    @Option(help: "Credentials as user:password.")
    var user: String?

    @Option(help: "First components of the repositories used; a random one is added.")
    var repositoryPrefix = "conformance"

    @Option(help: "How many checks run at once.")
    var jobs = 4

    @Option(help: "Seconds to wait for an answer.")
    var timeout = Limits.requestSeconds

    @Option(help: "The seed of all content, to repeat a run.")
    var seed: UInt64?

    @Flag(help: "Leave in the registry what the checks pushed.")
    var keep = false

    @Flag(help: "Count checks that do not apply to this registry as passed.")
    var allowNotApplicable = false

    @Flag(name: .shortAndLong, help: "Name the checks that passed, too.")
    var verbose = false

    /// Parses and runs; wrong usage ends with 2 instead of the parser's own code.
    static func main() async {
        do {
            var command = try parse()
            try await command.run()
        } catch {
            let code = exitCode(for: error)
            if code == .validationFailure {
                StandardError.write(fullMessage(for: error) + "\n")
                Foundation.exit(2)
            }
            exit(withError: error)
        }
    }

    mutating func run() async throws {
        let checks = try selectedChecks()
        if list {
            for check in checks {
                print("\(check.id)  [\(check.level.rawValue), \(check.edition.rawValue)]  \(check.claim)")
            }
            print("\(checks.count) checks")
            return
        }
        guard let url, let locator = Locator(url) else {
            throw ValidationError("--url must be http:// or https://, a host and perhaps a port")
        }
        guard (1...Limits.jobs).contains(jobs) else {
            throw ValidationError("--jobs must be between 1 and \(Limits.jobs)")
        }
        guard !checks.isEmpty else {
            throw ValidationError("no check is selected")
        }
        let client = Transport.makeClient()
        do {
            let summary = try await measure(checks, locator, client)
            try await client.shutdown()
            try finish(summary)
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func measure(_ checks: [Check], _ locator: Locator, _ client: HTTPClient) async throws -> Summary {
        let authorizer = Authorizer(credentials: user)
        let cleaner = Cleaner(isEnabled: !keep)
        let transport = Transport(
            locator: locator,
            authorizer: authorizer,
            cleaner: cleaner,
            seconds: timeout,
            client: client
        )
        do {
            await authorizer.learn(from: try await transport.exchange(Request(method: "GET", target: "/v2/")))
        } catch {
            StandardError.write("\(locator.origin) cannot be reached: \(error.reason)\n")
            throw ExitCode(2)
        }
        let seed = self.seed ?? UInt64.random(in: 0...UInt64.max)
        var generator = Generator(seed: UInt64.random(in: 0...UInt64.max), name: "prefix")
        let prefix = "\(repositoryPrefix)/\(generator.word(10))"
        let runner = Runner(
            prefix: prefix,
            seed: seed,
            jobs: jobs,
            transport: transport,
            progress: progress(checks.count)
        )
        let clock = ContinuousClock()
        let start = clock.now
        let results = await runner.run(checks)
        let duration = clock.now - start
        await cleaner.clean(through: transport)
        return Summary(
            registry: name ?? locator.origin,
            edition: version,
            seed: seed,
            prefix: prefix,
            duration: duration,
            results: results
        )
    }

    /// A counter on standard error, where that is a terminal.
    private func progress(_ count: Int) -> @Sendable (CheckResult) -> Void {
        guard isatty(STDERR_FILENO) == 1 else {
            return { _ in }
        }
        let counter = ProgressCounter(count: count)
        return { _ in counter.advance() }
    }

    private func finish(_ summary: Summary) throws {
        let isColored = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
        print(HumanReport(summary: summary, isColored: isColored, isVerbose: verbose).text, terminator: "")
        for path in report {
            let text =
                switch path.split(separator: ".").last {
                case "json": try JSONReport(summary: summary).text()
                case "xml": JUnitReport(summary: summary).text
                case "md": MarkdownReport(summary: summary).text
                default: HumanReport(summary: summary, isColored: false, isVerbose: true).text
                }
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
        let total = summary.total
        let accepted = total.passed + (allowNotApplicable ? total.notApplicable : 0)
        if accepted != total.checks {
            throw ExitCode(1)
        }
    }
}
