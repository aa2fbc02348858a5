// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import Probing
import RegistryClient
import Settings

/// `cairn probe`
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Do what clients do with a registry, and say how each step went.",
        discussion: """
            A round pushes a small image of random bytes, pulls it by tag and by digest, compares every byte, and \
            deletes it. With --log-key it also has the registry's log prove what was pulled. It takes the rights to \
            push, pull and delete in the repository of canaries; each round leaves some entries in the \
            log. The command ends with status 12 where an image could not be fetched in a round.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("The registry.", valueName: "host[:port]"))
    var registry: String

    @Option(help: ArgumentHelp("Go on, a round in each span of 1s to 60s.", valueName: "span"))
    var every: String?

    @Option(help: "Stop after so many rounds (default: 1, or never with --every).")
    var count: Int?

    @Option(help: "Where canaries are pushed.")
    var repository = "cairn-canary/probe"

    @Option(help: ArgumentHelp("What a request may take.", valueName: "span"))
    var timeout = "10s"

    @Flag(help: "Push nothing: ask only whether the registry answers.")
    var knock = false

    @Option(
        name: .customLong("log-key"),
        help: ArgumentHelp("Key of the registry's log, name+id+base64; may be repeated.", valueName: "vkey")
    )
    var logKeys: [String] = []

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output: in JSON, a line for each round.")
    var output = OutputForm.text

    func run() async throws {
        try await ClientCommand.attempt("probe") { () async throws(ClientError) in
            let (target, seconds) = try (target(), interval())
            let rounds = count ?? (every == nil ? 1 : nil)
            guard rounds ?? 1 > 0 else { throw ClientError(.usage, "--count is 1 or more") }
            let environment = ProbeService.environment
            let prober = Prober(environment.prober)
            var (done, failed) = (0, 0)
            var lastFailure: ClientError?
            while true {
                var canary: Canary?
                let begin = environment.prober.monotonic()
                var report = await prober.round(target, &canary, pushes: true)
                if let canary { await prober.end(canary, at: target, &report) }
                Console.say(output == .json ? report.json : report.line)
                done += 1
                if let failure = report.failureOfRound {
                    failed += 1
                    lastFailure = failure
                }
                if let rounds, done >= rounds { break }
                let spent = environment.prober.monotonic() &- begin
                let rest = seconds * 1_000_000_000 - Int64(clamping: spent)
                do { try await environment.sleep(.nanoseconds(max(0, rest))) } catch { break }
            }
            guard failed > 0 else { return }
            throw ClientError(
                lastFailure?.code ?? .network,
                "\(failed) of \(done) rounds failed; the last: \(lastFailure?.reason ?? "")"
            )
        }
    }

    private func interval() throws(ClientError) -> Int64 {
        guard let every else { return 1 }
        guard let seconds = TimeSpan.seconds(every), ProbeLimits.every.contains(seconds) else {
            throw ClientError(.usage, "--every is a span from 1s to 60s")
        }
        return seconds
    }

    private func target() throws(ClientError) -> ProbeTarget {
        let name: RepositoryName
        do {
            name = try RepositoryName(parsing: repository)
        } catch {
            throw ClientError(.usage, "this is no repository: \(error.reason): \"\(error.value)\"")
        }
        guard let seconds = TimeSpan.seconds(timeout), seconds * 1_000 <= ProbeLimits.timeout.upperBound else {
            throw ClientError(.usage, "--timeout is a span from 1s to 60s")
        }
        let keys = try TrustOptions.verifiers(logKeys)
        guard keys.isEmpty || !knock else {
            throw ClientError(.usage, "--log-key asks for the proof of a canary, and --knock pushes none")
        }
        return ProbeTarget(
            name: registry,
            origin: try Origin(parsing: registry, tls: connection.tls()),
            repository: knock ? nil : name,
            credentials: try connection.credentials(),
            transport: connection.transport,
            logKeys: { keys },
            milliseconds: seconds * 1_000
        )
    }
}

extension ProbeReport {
    /// What a round failed by: an image that could not be had or proven, or what the prober may not do.
    fileprivate var failureOfRound: ClientError? {
        if let refusal { return ClientError(.denied, refusal) }
        let proof = steps.first { $0.step == .prove }?.failure
        guard isAvailable else { return failure?.failure ?? ClientError(.network, "nothing could be pulled") }
        return proof
    }

    fileprivate var line: String {
        let steps = steps.map { step in
            "\(step.step.rawValue) \(Self.milliseconds(step.seconds)) ms" + (step.failure == nil ? "" : " FAILED")
        }
        let verdict = isAvailable ? "available" : "NOT AVAILABLE"
        let why = (refusal ?? failure?.failure?.reason).map { ": \($0)" } ?? ""
        return "\(target) \(verdict) (\(steps.joined(separator: ", ")))\(why)"
    }

    fileprivate var json: String {
        var json = JSONWriter()
        json.object { json in
            json.key("registry")
            json.string(target)
            json.key("available")
            json.bool(isAvailable)
            if let refusal {
                json.key("refused")
                json.string(refusal)
            }
            json.key("steps")
            json.array { json in
                for step in steps {
                    json.object { json in
                        json.key("step")
                        json.string(step.step.rawValue)
                        json.key("milliseconds")
                        json.raw(Self.milliseconds(step.seconds))
                        guard let failure = step.failure else { return }
                        json.key("failure")
                        json.string(failure.code.rawValue)
                        json.key("reason")
                        json.string(failure.reason)
                    }
                }
            }
        }
        return json.text
    }

    private static func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10)" }
}
