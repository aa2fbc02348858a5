// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI
import Releases

/// An entry of the release record as the log has it: what the rows of ``Schema/releases`` are made of, whoever wrote
/// the entry.
///
/// | kind | members of the body; null or absent where there is none |
/// | --- | --- |
/// | `build.report` | `digest`, `outcome`, `source`, `revision`, `builder`, `build`, `started_ms` |
/// | `image.promote` | `digest`, null: nothing is to run there any more; `former`, `environment`, `service`, `from` |
/// | `deploy.step` | `digest`, `former`, `environment`, `service`, `target`, `deployment`, `phase`, `config` |
/// | `deploy.report` | see ``Catalog/reportDeployment(_:grace:context:)`` |
struct LoggedRelease {
    let kind: EventKind
    let digest: Digest?
    /// What was to run there before; of a rollout that was rolled back the image that it began with, which is given up.
    let former: Digest?
    let fact: ReleaseFact

    init(_ kind: EventKind, digest: Digest?, former: Digest?, _ fact: ReleaseFact) {
        self.kind = kind
        self.digest = digest
        self.former = former
        self.fact = fact
    }

    /// Reads an entry; nil for one of another kind, and for one that says what this record has no place for.
    init?(_ change: LoggedChange) {
        func name(_ key: String) -> PlaceName? {
            change.body?[key]?.text.flatMap { text in try? PlaceName(parsing: text) }
        }
        func number(_ key: String) -> Int64? {
            if case .integer(let number)? = change.body?[key] { number } else { nil }
        }
        let fact: ReleaseFact
        var digest = change.digest("digest")
        switch EventKind(rawValue: change.kind) {
        case .buildReported:
            let succeeded = change.body?["outcome"]?.text == "succeeded"
            guard digest != nil || !succeeded else { return nil }
            fact = .build(
                BuildReport(
                    succeeded: succeeded,
                    source: name("source"),
                    revision: name("revision"),
                    builder: name("builder"),
                    build: name("build"),
                    startedAt: number("started_ms").flatMap { CatalogLimits.loggedTimes.contains($0) ? $0 : nil }
                )
            )
        case .imagePromoted:
            guard let environment = name("environment") else { return nil }
            fact = .promotion(PromotionReport(from: name("from"), environment: environment, service: name("service")))
        case .deploymentStepped:
            guard let environment = name("environment"), let deployment = name("deployment"), digest != nil,
                let phase = change.body?["phase"]?.text.flatMap({ DeploymentStep.Phase(rawValue: $0) })
            else { return nil }
            fact = .step(
                DeploymentStep(
                    deployment: deployment,
                    environment: environment,
                    service: name("service"),
                    target: name("target"),
                    phase: phase,
                    configuration: change.digest("config")
                )
            )
        case .deploymentReported:
            guard let environment = name("environment"), let target = name("target") else { return nil }
            let isRunning = digest != nil
            digest = digest ?? change.digest("former")
            let stale = number("stale_at") ?? change.timestamp.seconds + ProtectionLimits.unsaidReportSeconds
            let latest = change.timestamp.seconds + ProtectionLimits.loggedReportSeconds
            fact = .running(
                RunningReport(
                    environment: environment,
                    service: name("service"),
                    target: target,
                    deployment: name("deployment"),
                    reporter: change.body?["reporter"]?.text ?? change.actor,
                    configuration: change.digest("config"),
                    isRunning: isRunning,
                    until: min(max(stale, 0), latest) * 1_000
                )
            )
        default: return nil
        }
        guard let kind = EventKind(rawValue: change.kind) else { return nil }
        self.init(kind, digest: digest, former: change.digest("former"), fact)
    }

    /// The body of the entry. A report of what runs has its own.
    var body: [String: CanonicalJSON] {
        var body = ["digest": CanonicalJSON(digest?.description)]
        switch fact {
        case .build(let build):
            body["outcome"] = .string(build.succeeded ? "succeeded" : "failed")
            body["source"] = CanonicalJSON(build.source?.description)
            body["revision"] = CanonicalJSON(build.revision?.description)
            body["builder"] = CanonicalJSON(build.builder?.description)
            body["build"] = CanonicalJSON(build.build?.description)
            body["started_ms"] = build.startedAt.map { .integer($0) } ?? .null
        case .promotion(let promotion):
            body["former"] = CanonicalJSON(former?.description)
            body["environment"] = .string(promotion.environment.description)
            body["service"] = CanonicalJSON(promotion.service?.description)
            body["from"] = CanonicalJSON(promotion.from?.description)
        case .step(let step):
            body["former"] = CanonicalJSON(former?.description)
            body["environment"] = .string(step.environment.description)
            body["service"] = CanonicalJSON(step.service?.description)
            body["target"] = CanonicalJSON(step.target?.description)
            body["deployment"] = .string(step.deployment.description)
            body["phase"] = .string(step.phase.rawValue)
            body["config"] = CanonicalJSON(step.configuration?.description)
        case .running, .scan: break
        }
        return body
    }

    /// What the audit shows as its subject: the commit, or where it is to run.
    var subject: String {
        switch fact {
        case .build(let build): (build.revision ?? build.build)?.description ?? "build"
        case .promotion(let promotion): promotion.environment.description
        case .step(let step): "\(step.environment) \(step.deployment)"
        case .running(let report): "\(report.environment) \(report.target)"
        case .scan: "scan"
        }
    }
}
