// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases

/// Entries of the release record as lines of JSON, by which the figures are compared with those of the oracle.
enum EntryReader {
    struct Failure: Error {
        let reason: String
    }

    static func entry(_ line: JSONValue) throws -> ReleaseEntry {
        ReleaseEntry(
            time: try number(line, "time"),
            repository: try RepositoryName(parsing: text(line, "repository")),
            digest: try line["digest"]?.text.map { try Digest(parsing: $0) },
            fact: try fact(line)
        )
    }

    private static func fact(_ line: JSONValue) throws -> ReleaseFact {
        switch try text(line, "kind") {
        case "build": return .build(BuildReport(succeeded: try flag(line, "succeeded")))
        case "promotion":
            let environment = try PlaceName(parsing: text(line, "environment"))
            return .promotion(PromotionReport(environment: environment, service: try name(line, "service")))
        case "step": return .step(try step(line))
        case "running": return .running(try running(line))
        case "scan":
            let critical = Int(try number(line, "critical"))
            return .scan(ScanCounts(critical: critical, high: 0, medium: 0, low: 0))
        case let kind: throw Failure(reason: "an entry of an unknown kind: \(kind)")
        }
    }

    private static func step(_ line: JSONValue) throws -> DeploymentStep {
        guard let phase = DeploymentStep.Phase(rawValue: try text(line, "phase")) else {
            throw Failure(reason: "a step of an unknown phase")
        }
        return DeploymentStep(
            deployment: try PlaceName(parsing: text(line, "deployment")),
            environment: try PlaceName(parsing: text(line, "environment")),
            service: try name(line, "service"),
            target: try name(line, "target"),
            phase: phase,
            configuration: try line["configuration"]?.text.map { try Digest(parsing: $0) }
        )
    }

    private static func running(_ line: JSONValue) throws -> RunningReport {
        RunningReport(
            environment: try PlaceName(parsing: text(line, "environment")),
            service: try name(line, "service"),
            target: try PlaceName(parsing: text(line, "target")),
            deployment: try name(line, "deployment"),
            reporter: try text(line, "reporter"),
            configuration: try line["configuration"]?.text.map { try Digest(parsing: $0) },
            isRunning: try flag(line, "running"),
            until: try number(line, "until")
        )
    }

    static func name(_ line: JSONValue, _ key: String) throws -> PlaceName? {
        try line[key]?.text.map { try PlaceName(parsing: $0) }
    }

    static func text(_ line: JSONValue, _ key: String) throws -> String {
        guard let text = line[key]?.text else { throw Failure(reason: "a line without the text \(key)") }
        return text
    }

    static func number(_ line: JSONValue, _ key: String) throws -> Int64 {
        guard let number = line[key]?.number else { throw Failure(reason: "a line without the number \(key)") }
        return number
    }

    private static func flag(_ line: JSONValue, _ key: String) throws -> Bool {
        guard case .bool(let flag) = line[key] else { throw Failure(reason: "a line without true or false at \(key)") }
        return flag
    }
}
