// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Registry
import WebUI

/// What the rules of retention would delete, did, and say of an image. To read only.
extension Responder {
    private func runner(_ exchange: Exchange) throws -> RetentionRunner {
        try requirePrincipal(exchange)
        guard let runner = registry.retention else {
            throw RegistryError.retention(.noRules, "this registry keeps no rules of retention")
        }
        return runner
    }

    func retentionPage(_ exchange: Exchange) async throws -> Answer {
        let runner = try runner(exchange)
        let before = try exchange.number("before")
        let limit = HTTPLimits.pageRows
        let found = try await runner.reports(before: before, limit: limit)
        let next = found.count == limit ? found.last?.id : nil
        let rows = found.filter { exchange.maySee($0) }.map { run in
            let counts = Self.counts(of: run)
            return RetentionPage.Row(
                name: "Run \(run.id)",
                href: PageAddress.run(run.id),
                state: Self.badge(of: run),
                scope: Self.cut(run.scope),
                planned: moment(run.plannedAt),
                actor: run.actor,
                tags: counts["tags"] ?? "",
                manifests: counts["manifests"] ?? "",
                bytes: counts["bytes"] ?? ""
            )
        }
        let pager = Pager(
            what: "runs",
            first: before == nil ? nil : "/ui/retention",
            next: next.map { "/ui/retention?before=\($0)" }
        )
        return html(RetentionPage(rows: rows, pager: pager), exchange)
    }

    private static func counts(of run: RetentionReport) -> [String: String] {
        Dictionary(
            run.counts.map { ($0.name, $0.name == "bytes" ? Figures.bytes($0.count) : count($0.count)) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    private static func badge(of run: RetentionReport) -> Badge {
        switch run.state {
        case "planned": Badge("planned", run.warnings.isEmpty ? .calm : .warn)
        case "applied", "restored": Badge(run.state, .good)
        default: Badge(run.state, .calm)
        }
    }

    func runPage(_ exchange: Exchange, _ id: Int64) async throws -> Answer {
        let runner = try runner(exchange)
        let run = try await visible(id, exchange, runner)
        let after = try exchange.number("after") ?? 0
        let limit = HTTPLimits.pageRows
        let lines = try await runner.lines(of: id, after: after, limit: limit)
        let next = lines.count == limit ? lines.last?.item : nil
        let path = PageAddress.run(id)
        let counts = Self.counts(of: run)
        var facts = [
            Fact("State", run.state), Fact("Repositories", Self.cut(run.scope)), Fact("By", run.actor),
            Fact("Planned", moment(run.plannedAt)),
        ]
        if let applied = run.appliedAt { facts.append(Fact("Applied", moment(applied))) }
        if let restored = run.restoredAt { facts.append(Fact("Undone", moment(restored))) }
        let names = [
            ("kept", "Kept"), ("tags", "Tags to go"), ("manifests", "Manifests to go"), ("bytes", "Freed"),
        ]
        facts += names.compactMap { key, name in counts[key].map { Fact(name, $0) } }
        facts += run.outcomes.map { Fact("Decisions \($0.state)", Self.count($0.count)) }
        if let hash = run.planHash { facts.append(Fact("Plan", "\(id)-\(hash.prefix(RetentionRunner.shortHash))")) }
        let page = RetentionRunPage(
            name: "Run \(id)",
            facts: facts,
            warnings: run.warnings.map(Self.cut),
            shares: run.rules.map { share in
                RetentionRunPage.Share(
                    rule: share.name.map(Self.cut) ?? "several together",
                    tags: Self.count(share.tags),
                    manifests: Self.count(share.manifests),
                    bytes: Figures.bytes(share.bytes)
                )
            },
            rows: lines.filter { exchange.maySee($0.repository) }.map(Self.row),
            pager: Pager(
                what: "decisions",
                first: after == 0 ? nil : path + "#decisions",
                next: next.map { "\(path)?after=\($0)#decisions" }
            )
        )
        return html(page, exchange)
    }

    private static func row(of line: RetentionLine) -> RetentionRunPage.Row {
        let reference: Reference = line.tag.map { .tag($0) } ?? .digest(line.digest)
        let name = line.tag.map { "\(line.repository):\($0)" } ?? "\(line.repository)@\(line.digest)"
        return RetentionRunPage.Row(
            what: LinkedText(name, href: PageAddress.image(line.repository, reference)),
            verdict: verdict(stays: line.isKept),
            rule: line.rule.map(cut),
            reason: cut(line.reason),
            became: line.outcome.map { "\(line.state): \(cut($0))" } ?? line.state
        )
    }

    private static func verdict(stays: Bool) -> Badge { stays ? Badge("stays", .good) : Badge("goes", .warn) }

    /// What the rules say of one image now. All of its repository is looked at for it, as rules compare its images.
    func explanationPage(_ exchange: Exchange) async throws -> Answer {
        let runner = try runner(exchange)
        let name = try exchange.repositoryName(exchange.query["repository"])
        guard let reference = exchange.query["reference"].flatMap({ try? Reference(parsing: $0) }) else {
            throw RequestError.badQuery("it names no tag or digest")
        }
        if let identity = exchange.identity, !exchange.maySee(name), !identity.allows(.pull, name) {
            throw RegistryError.manifestUnknown(reference)
        }
        let explanation = try await runner.explain(reference, in: name)
        let page = ExplanationPage(
            image: LinkedText("\(name) \(reference)", href: PageAddress.image(name, reference)),
            hasRules: explanation.hasRules,
            rows: explanation.verdicts.prefix(HTTPLimits.pageRows).map { verdict in
                ExplanationPage.Row(
                    what: verdict.tag.map { "tag \($0)" } ?? "the image \(verdict.digest)",
                    verdict: Self.verdict(stays: verdict.stays),
                    rule: verdict.rule.map(Self.cut),
                    reason: Self.cut(verdict.reason)
                )
            },
            more: Self.rest(explanation.verdicts.count, HTTPLimits.pageRows),
            protections: explanation.protections.prefix(HTTPLimits.pageRows).map(Self.cut),
            past: explanation.past.prefix(HTTPLimits.pageRows).map(Self.cut)
        )
        return html(page, exchange)
    }
}
