// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import WebUI

/// Every page there is, of one text.
enum Samples {
    static func pages(_ text: String) -> [any WebPage] {
        [
            repositories(text), repository(text), image(text), retention(text), run(text), explanation(text),
            regions(text), audit(text), denials(text), storage(text), log(text), objectives(text),
            EnvironmentsPage(environments: [Nasty.ownLink(text)], pager: Nasty.pager(text)), environment(text),
            ErrorPage(
                status: 404,
                title: text,
                message: text,
                details: [Nasty.fact(text)],
                request: text,
                canSignIn: true
            ),
        ]
    }

    private static func repositories(_ text: String) -> RepositoriesPage {
        let row = RepositoriesPage.Row(name: text, href: text, tags: text, size: text)
        return RepositoriesPage(prefix: text, rows: [row], isAnonymous: true, pager: Nasty.pager(text))
    }

    private static func repository(_ text: String) -> RepositoryPage {
        RepositoryPage(
            name: text,
            path: text,
            figures: [Nasty.fact(text)],
            quotas: [RepositoryPage.Quota(name: text, text: text, meter: Nasty.meter(text))],
            prefix: text,
            rows: [
                RepositoryPage.Row(
                    tag: text,
                    href: text,
                    digest: Nasty.digest(text),
                    kind: text,
                    size: text,
                    set: Nasty.time(text),
                    pulled: Nasty.time(text)
                )
            ],
            pager: Nasty.pager(text)
        )
    }

    private static func image(_ text: String) -> ImagePage {
        var report = TrustView.Report(kind: text, digest: Nasty.digest(text))
        report.about = text
        report.scanned = Nasty.time(text)
        report.counts = SeverityCounts([("critical", 2), ("low", 0)])
        report.findings = [TrustView.Finding(id: text, severity: text, part: text, fixed: text)]
        report.signers = text
        report.fault = text
        let requirement = TrustView.Requirement(
            rule: text,
            text: text,
            standing: Nasty.badge(text),
            reason: text,
            keys: text
        )
        var page = ImagePage(
            repository: Nasty.link(text),
            name: text,
            digest: text,
            standing: Nasty.badge(text),
            facts: [
                Nasty.fact(text), Fact(text, Nasty.time(text)), Fact(text, Nasty.digest(text)),
                Fact(text, Nasty.link(text)),
            ],
            trust: TrustView(requirements: [requirement], reports: [report], isPart: true),
            deploymentPager: Nasty.pager(text)
        )
        page.held = text
        page.tags = [Nasty.link(text)]
        page.links = [Nasty.link(text)]
        page.pins = [
            ImagePage.Pin(
                kind: text,
                subject: text,
                reason: text,
                actor: text,
                since: Nasty.time(text),
                until: Nasty.time(text)
            )
        ]
        page.deployments = [
            ImagePage.Deployment(
                environment: text,
                service: text,
                target: text,
                state: Nasty.badge(text),
                reporter: text,
                reported: Nasty.time(text)
            )
        ]
        page.manifest = ManifestView(
            parts: [ManifestView.Part(role: text, digest: Nasty.digest(text), type: text, size: text)],
            more: 1,
            annotations: Nasty.each(text).map { ManifestView.Annotation(name: $0, value: LinkedText(foreign: $0)) },
            moreAnnotations: 2
        )
        let row = HistoryView.Row(
            time: Nasty.time(text),
            what: Nasty.badge(text),
            digest: Nasty.digest(text),
            who: text,
            why: text,
            index: text
        )
        page.history = HistoryView(rows: [row], pager: Nasty.pager(text))
        return page
    }

    private static func retention(_ text: String) -> RetentionPage {
        let row = RetentionPage.Row(
            name: text,
            href: text,
            state: Nasty.badge(text),
            scope: text,
            planned: Nasty.time(text),
            actor: text,
            tags: text,
            manifests: text,
            bytes: text
        )
        return RetentionPage(rows: [row], pager: Nasty.pager(text))
    }

    private static func run(_ text: String) -> RetentionRunPage {
        RetentionRunPage(
            name: text,
            facts: [Nasty.fact(text)],
            warnings: [text],
            shares: [RetentionRunPage.Share(rule: text, tags: text, manifests: text, bytes: text)],
            rows: [
                RetentionRunPage.Row(
                    what: Nasty.link(text),
                    verdict: Nasty.badge(text),
                    rule: text,
                    reason: text,
                    became: text
                )
            ],
            pager: Nasty.pager(text)
        )
    }

    private static func explanation(_ text: String) -> ExplanationPage {
        let row = ExplanationPage.Row(what: text, verdict: Nasty.badge(text), rule: text, reason: text)
        return ExplanationPage(
            image: Nasty.ownLink(text),
            hasRules: false,
            rows: [row],
            more: 3,
            protections: [text],
            past: [text]
        )
    }

    private static func regions(_ text: String) -> RegionsPage {
        let side = RegionsPage.Side(digest: Nasty.digest(text), region: text, time: Nasty.time(text))
        let conflict = RegionsPage.Conflict(
            tag: Nasty.link(text),
            winner: side,
            loser: RegionsPage.Side(digest: nil, region: text, time: Nasty.time(text)),
            opened: Nasty.time(text)
        )
        let region = RegionsPage.Region(name: text, state: Nasty.badge(text), reason: text, facts: [Nasty.fact(text)])
        return RegionsPage(
            origin: text,
            facts: [Nasty.fact(text)],
            regions: [region],
            conflicts: [conflict],
            pager: Nasty.pager(text)
        )
    }

    private static func audit(_ text: String) -> AuditPage {
        let row = AuditPage.Row(
            time: Nasty.time(text),
            kind: text,
            who: text,
            method: text,
            address: text,
            place: Nasty.link(text),
            subject: text,
            request: text
        )
        return AuditPage(principal: text, repository: text, rows: [row], pager: Nasty.pager(text))
    }

    private static func denials(_ text: String) -> DenialsPage {
        let row = DenialsPage.Row(
            time: Nasty.time(text),
            action: text,
            who: text,
            method: text,
            address: text,
            place: text,
            subject: text,
            reason: text,
            count: text
        )
        return DenialsPage(principal: text, repository: text, rows: [row], pager: Nasty.pager(text))
    }

    private static func storage(_ text: String) -> StoragePage {
        let section = StoragePage.Section(
            id: "a",
            name: text,
            state: Nasty.badge(text),
            note: text,
            meter: Nasty.meter(text),
            facts: [Nasty.fact(text)],
            findings: [text]
        )
        return StoragePage(sections: [section])
    }

    private static func log(_ text: String) -> LogPage {
        let row = LogPage.Row(index: text, time: Nasty.time(text), kind: text, place: text, subject: text, leaf: text)
        return LogPage(
            facts: [Nasty.fact(text)],
            checkpoint: text,
            keys: text,
            entries: [row],
            pager: Nasty.pager(text)
        )
    }

    static func objectives(_ text: String) -> ObjectivesPage {
        let objective = ObjectivesPage.Objective(
            id: "availability",
            name: text,
            about: text,
            standing: Nasty.badge(text),
            facts: [Nasty.fact(text)],
            budgetLeft: 0.4,
            chart: BurnChart(rates: [0.5, nil, 3, .infinity, 1], limit: 2, from: text, to: text),
            burns: [
                ObjectivesPage.Burn(window: "1 h", rate: 3, limit: 2),
                ObjectivesPage.Burn(window: "6 h", rate: 0.2, limit: 2),
                ObjectivesPage.Burn(window: "3 d", rate: nil, limit: 2),
            ]
        )
        return ObjectivesPage(objectives: [objective], maintenance: text)
    }

    private static func environment(_ text: String) -> EnvironmentPage {
        let service = EnvironmentPage.Service(
            name: text,
            state: Nasty.badge(text),
            image: Nasty.ownLink(text),
            desired: Nasty.linkedDigest(text),
            running: text,
            deployed: Nasty.time(text),
            deployment: text,
            rollback: Nasty.digest(text)
        )
        return EnvironmentPage(name: text, services: [service], pager: Nasty.pager(text))
    }
}
