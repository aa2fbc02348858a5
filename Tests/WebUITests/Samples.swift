// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import WebUI

/// Every page there is, of one text.
enum Samples {
    static func pages(_ text: String) -> [any WebPage] {
        [
            repositories(text), repository(text), image(text), retention(text), run(text), explanation(text),
            regions(text), audit(text), denials(text), storage(text), log(text), objectives(text), environments(text),
            ErrorPage(
                status: 404,
                title: text,
                message: text,
                details: [Nasty.fact],
                request: text,
                canSignIn: true
            ),
        ]
    }

    private static func repositories(_ text: String) -> RepositoriesPage {
        let row = RepositoriesPage.Row(name: text, href: "/ui/", tags: text, size: text)
        return RepositoriesPage(prefix: text, rows: [row], isAnonymous: true, pager: Nasty.pager)
    }

    private static func repository(_ text: String) -> RepositoryPage {
        RepositoryPage(
            name: text,
            path: "/ui/",
            figures: [Nasty.fact],
            quotas: [RepositoryPage.Quota(name: text, text: text, meter: Nasty.meter)],
            prefix: text,
            rows: [
                RepositoryPage.Row(
                    tag: text,
                    href: "/ui/",
                    digest: Nasty.digest,
                    kind: text,
                    size: text,
                    set: Nasty.time,
                    pulled: Nasty.time
                )
            ],
            pager: Nasty.pager
        )
    }

    private static func image(_ text: String) -> ImagePage {
        var report = TrustView.Report(kind: text, digest: Nasty.digest)
        report.about = text
        report.scanned = Nasty.time
        report.counts = SeverityCounts([("critical", 2), ("low", 0)])
        report.findings = [TrustView.Finding(id: text, severity: text, part: text, fixed: text)]
        report.signers = text
        report.fault = text
        let requirement = TrustView.Requirement(
            rule: text,
            text: text,
            standing: Nasty.badge,
            reason: text,
            keys: text
        )
        var page = ImagePage(
            repository: Nasty.link,
            name: text,
            digest: text,
            standing: Nasty.badge,
            facts: [Nasty.fact, Fact(text, Nasty.time), Fact(text, Nasty.digest), Fact(text, Nasty.link)],
            trust: TrustView(requirements: [requirement], reports: [report], isPart: true),
            deploymentPager: Nasty.pager
        )
        page.held = text
        page.tags = [Nasty.link]
        page.links = [Nasty.link]
        page.pins = [
            ImagePage.Pin(kind: text, subject: text, reason: text, actor: text, since: Nasty.time, until: Nasty.time)
        ]
        page.deployments = [
            ImagePage.Deployment(
                environment: text,
                service: text,
                target: text,
                state: Nasty.badge,
                reporter: text,
                reported: Nasty.time
            )
        ]
        page.manifest = ManifestView(
            parts: [ManifestView.Part(role: text, digest: Nasty.digest, type: text, size: text)],
            more: 1,
            annotations: Nasty.texts.map { ManifestView.Annotation(name: $0, value: LinkedText(foreign: $0)) },
            moreAnnotations: 2
        )
        let row = HistoryView.Row(
            time: Nasty.time,
            what: Nasty.badge,
            digest: Nasty.digest,
            who: text,
            why: text,
            index: text
        )
        page.history = HistoryView(rows: [row], pager: Nasty.pager)
        return page
    }

    private static func retention(_ text: String) -> RetentionPage {
        let row = RetentionPage.Row(
            name: text,
            href: "/ui/",
            state: Nasty.badge,
            scope: text,
            planned: Nasty.time,
            actor: text,
            tags: text,
            manifests: text,
            bytes: text
        )
        return RetentionPage(rows: [row], pager: Nasty.pager)
    }

    private static func run(_ text: String) -> RetentionRunPage {
        RetentionRunPage(
            name: text,
            facts: [Nasty.fact],
            warnings: [text],
            shares: [RetentionRunPage.Share(rule: text, tags: text, manifests: text, bytes: text)],
            rows: [
                RetentionRunPage.Row(what: Nasty.link, verdict: Nasty.badge, rule: text, reason: text, became: text)
            ],
            pager: Nasty.pager
        )
    }

    private static func explanation(_ text: String) -> ExplanationPage {
        let row = ExplanationPage.Row(what: text, verdict: Nasty.badge, rule: text, reason: text)
        return ExplanationPage(image: Nasty.link, hasRules: false, rows: [row], protections: [text], past: [text])
    }

    private static func regions(_ text: String) -> RegionsPage {
        let side = RegionsPage.Side(digest: Nasty.digest, region: text, time: Nasty.time)
        let conflict = RegionsPage.Conflict(
            tag: Nasty.link,
            winner: side,
            loser: RegionsPage.Side(digest: nil, region: text, time: Nasty.time),
            opened: Nasty.time,
            resolved: nil
        )
        let region = RegionsPage.Region(name: text, state: Nasty.badge, reason: text, facts: [Nasty.fact])
        return RegionsPage(
            origin: text,
            facts: [Nasty.fact],
            regions: [region],
            conflicts: [conflict],
            pager: Nasty.pager
        )
    }

    private static func audit(_ text: String) -> AuditPage {
        let row = AuditPage.Row(
            time: Nasty.time,
            kind: text,
            who: text,
            method: text,
            address: text,
            place: Nasty.link,
            subject: text,
            request: text
        )
        return AuditPage(principal: text, repository: text, rows: [row], pager: Nasty.pager)
    }

    private static func denials(_ text: String) -> DenialsPage {
        let row = DenialsPage.Row(
            time: Nasty.time,
            action: text,
            who: text,
            method: text,
            address: text,
            place: text,
            subject: text,
            reason: text,
            count: text
        )
        return DenialsPage(principal: text, repository: text, rows: [row], pager: Nasty.pager)
    }

    private static func storage(_ text: String) -> StoragePage {
        let section = StoragePage.Section(
            id: "a",
            name: text,
            state: Nasty.badge,
            note: text,
            meter: Nasty.meter,
            facts: [Nasty.fact],
            findings: [text]
        )
        return StoragePage(sections: [section])
    }

    private static func log(_ text: String) -> LogPage {
        let row = LogPage.Row(index: text, time: Nasty.time, kind: text, place: text, subject: text, leaf: text)
        return LogPage(facts: [Nasty.fact], checkpoint: text, keys: text, entries: [row], pager: Nasty.pager)
    }

    static func objectives(_ text: String) -> ObjectivesPage {
        let objective = ObjectivesPage.Objective(
            id: "availability",
            name: text,
            about: text,
            standing: Nasty.badge,
            facts: [Nasty.fact],
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

    static func environments(_ text: String) -> EnvironmentsPage {
        let service = EnvironmentsPage.Service(
            name: text,
            state: Nasty.badge,
            image: Nasty.link,
            desired: Nasty.digest,
            running: text,
            deployed: Nasty.time,
            deployment: text,
            rollback: Nasty.digest
        )
        let environment = EnvironmentsPage.Environment(
            id: "prod",
            name: text,
            facts: [Nasty.fact],
            services: [service]
        )
        return EnvironmentsPage(environments: [environment], pager: Nasty.pager)
    }
}
