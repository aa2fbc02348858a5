// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import Maintenance
import OCI
import Registry
import Replication
import WebUI

/// How regions are followed, and how storage stands.
extension Responder {
    func regionsPage(_ exchange: Exchange) async throws -> Answer {
        let (found, summary) = (try await regions?.status() ?? [], try await regions?.summary())
        let after = try exchange.number("after") ?? 0
        let limit = HTTPLimits.pageRows
        let conflicts = try await regions?.conflicts(open: true, after: after, limit: limit + 1) ?? []
        let next = conflicts.count > limit ? conflicts[limit - 1].id : nil
        var facts: [Fact] = []
        if let summary {
            facts = [
                Fact("Blobs to be fetched", Self.count(summary.remoteBlobs)),
                Fact("Bytes to be fetched", Figures.bytes(summary.remoteBytes)),
                Fact("Open conflicts", Self.count(summary.conflictsOpen)),
            ]
        }
        let page = RegionsPage(
            origin: regions?.origin,
            facts: facts,
            regions: found.map { region($0) },
            conflicts: conflicts.prefix(limit).map { conflict($0) },
            pager: Pager(
                what: "conflicts",
                first: after == 0 ? nil : "/ui/regions#conflicts",
                next: next.map { "/ui/regions?after=\($0)#conflicts" }
            )
        )
        return html(page, exchange)
    }

    private func region(_ status: RegionStatus) -> RegionsPage.Region {
        let tone: Badge.Tone =
            switch status.phase {
            case "following": .good
            case "paused", "retired", "starting": .calm
            case "frozen": .bad
            default: .warn
            }
        let behind = max(0, status.log.shown - status.log.entries)
        var facts = [
            Fact("Log", status.origin), Fact("Entries here", Self.count(status.log.entries)),
            Fact("Entries behind", Self.count(behind)), Fact("Entries that count", Self.count(status.applied)),
            Fact("Waiting", Self.count(status.waiting)),
            Fact("Lag", Moment.span(UInt64(max(0, status.secondsBehind)))),
            Fact("Bytes behind", Figures.bytes(status.bytesBehind)),
            Fact("Has of ours", Self.count(status.confirmed)),
        ]
        if status.parked > 0 { facts.append(Fact("Too far ahead in time", Self.count(status.parked))) }
        if let time = status.log.verifiedAt { facts.append(Fact("Verified", moment(time))) }
        if let oldest = status.oldest { facts.append(Fact("Oldest that waits", Self.cut(oldest))) }
        return RegionsPage.Region(
            name: status.name,
            state: Badge(status.phase, tone),
            reason: status.reason.map(Self.cut),
            facts: facts
        )
    }

    private func conflict(_ conflict: RegionConflict) -> RegionsPage.Conflict {
        func side(_ side: RegionConflict.Side) -> RegionsPage.Side {
            RegionsPage.Side(
                digest: side.digest.map { Self.digestText($0, in: conflict.repository) },
                region: side.region,
                time: moment(side.time)
            )
        }
        return RegionsPage.Conflict(
            tag: LinkedText(
                "\(conflict.repository):\(conflict.tag)",
                href: PageAddress.image(conflict.repository, .tag(conflict.tag))
            ),
            winner: side(conflict.winner),
            loser: side(conflict.loser),
            opened: moment(conflict.opened)
        )
    }

    // MARK: Storage

    func storagePage(_ exchange: Exchange) async throws -> Answer {
        let problems = await health.problems()
        var sections = [
            StoragePage.Section(
                id: "service",
                name: "Service",
                state: problems.isEmpty ? Badge("ready", .good) : Badge("degraded", .bad),
                note: problems.isEmpty ? nil : problems.joined(separator: ", "),
                facts: []
            )
        ]
        if let collector { sections.append(collection(try await collector.status())) }
        if let scrubber { sections.append(scrub(try await scrubber.status())) }
        return html(StoragePage(sections: sections), exchange)
    }

    private func collection(_ status: CollectionStatus) -> StoragePage.Section {
        let names = [
            "stored_bytes": "Stored", "stored_blobs": "Blobs stored", "queued_links": "Links queued",
            "due_links": "Links due", "condemned_blobs": "Blobs condemned",
            "trashed_manifests": "Manifests in the trash",
            "due_manifests": "Manifests due", "oldest_seconds": "Oldest that waits",
        ]
        var facts = (status.storedFigures + status.backlogFigures).map { key, value in
            let text = key.hasSuffix("_bytes") ? Figures.bytes(value) : Self.count(value)
            let seconds = Moment.span(UInt64(max(0, value)))
            return Fact(names[key] ?? key, key.hasSuffix("_seconds") ? seconds : text)
        }
        facts += [
            Fact("Kept before it goes", Moment.span(UInt64(max(0, status.grace)))),
            Fact("Undo window", Moment.span(UInt64(max(0, status.undo)))),
            Fact("Freed since the start", Figures.bytes(status.total.freedBytes)),
            Fact("Turns since the start", Self.count(status.turns)),
        ]
        if let audit = status.audit {
            facts.append(Fact("Last audit", moment(audit.endedAt)))
            facts.append(Fact("Findings of the audit", Self.count(audit.findingCount)))
        }
        let state =
            status.options.isEnabled
            ? Badge(status.isRunning ? "collecting" : "waiting", .good) : Badge("switched off", .warn)
        return StoragePage.Section(
            id: "collection",
            name: "Collection",
            state: state,
            note: status.lastTurn?.failure.map(Self.cut),
            facts: facts,
            findings: status.audit?.findings.map(Self.cut) ?? []
        )
    }

    private func scrub(_ status: ScrubStatus) -> StoragePage.Section {
        var facts = [
            Fact("Found damaged, ever", Self.count(status.found)), Fact("Healed, ever", Self.count(status.healed)),
            Fact("Damaged now", Self.count(status.damaged.count)),
            Fact("Rate", "\(Figures.bytes(status.rate)) in a second"),
            Fact("Of late", "\(Figures.bytes(status.bytesPerSecond)) in a second"),
        ]
        if let oldest = status.oldestVerification { facts.append(Fact("Read longest ago", moment(oldest))) }
        if let last = status.lastPass?.finishedAt { facts.append(Fact("Last whole pass", moment(last))) }
        if let since = status.stalledSince { facts.append(Fact("A read hangs since", moment(since))) }
        let meter = status.pass.map { pass in
            let text = "\(Figures.bytes(pass.bytes)) of \(Figures.bytes(pass.totalBytes)) read in this pass"
            return Meter(share: pass.share, text: text, tone: .calm)
        }
        let state: Badge =
            if !status.damaged.isEmpty {
                Badge("damage", .bad)
            } else if status.problem != nil || status.stalledSince != nil {
                Badge("stalled", .warn)
            } else if status.settings.isEnabled {
                Badge(status.pass == nil ? "waiting" : "reading", .good)
            } else {
                Badge("switched off", .warn)
            }
        return StoragePage.Section(
            id: "scrub",
            name: "Scrub",
            state: state,
            note: status.problem.map(Self.cut),
            meter: meter,
            facts: facts,
            findings: status.damaged.prefix(ScrubLimits.namedDamaged).map(\.description)
        )
    }
}
