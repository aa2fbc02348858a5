// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import NIOCore
import OCI
import Observability
import Registry
import Releases
import Trust

/// `/v2/<name>/_cairn/inspect/<tag or digest>`: all that is known of an image, for whoever asks at three in the
/// morning what it is, who built it of what, where it runs, and what ran before it.
extension Responder {
    /// Entries of the release record, tags with their history, and attachments that one answer has.
    private static let shownEntries = 50
    private static let shownTags = 10
    private static let shownChanges = 5
    private static let shownAttachments = 50
    private static let shownReports = 200

    /// It takes `pull`, and by a tag `pull-by-tag` too, which was asked for before.
    func inspect(_ exchange: Exchange, _ name: RepositoryName, _ reference: Reference) async throws -> Answer {
        try exchange.require([.get, .head])
        try require([.pull], in: name, exchange)
        let manifest = try await registry.manifest(reference, in: name)
        let digest = manifest.digest
        let (times, tags) = (
            try await registry.times(of: digest, in: name),
            try await readableTags(of: digest, in: name, limit: Self.shownTags, exchange)
        )
        var histories: [(Tag, [TagHistoryItem])] = []
        for tag in tags.elements {
            histories.append((tag, try await changes(of: tag, in: name)))
        }
        let (verdict, held) = (
            try await registry.verdict(on: digest, as: reference, in: name), try await cause(of: digest)
        )
        let evidence = try await registry.evidenceNote(of: digest, in: name)
        let attachments = try await registry.referrers(
            of: digest,
            in: name,
            artifactType: nil,
            after: nil,
            limit: Self.shownAttachments
        )
        let (reports, places) = (
            try await registry.deployments(of: digest, in: name, after: nil, limit: Self.shownReports),
            try await registry.places(of: digest, in: name)
        )
        let entries = try await registry.releases(of: digest, in: name, limit: Self.shownEntries)
        let builds = try await registry.builds(of: digest, in: name)

        var json = JSONWriter()
        json.object { json in
            json.members([("name", name.description), ("digest", manifest.digestText)])
            if case .tag(let tag) = reference { json.members([("tag", tag.description)]) }
            json.members([("media_type", manifest.mediaType.description)])
            json.integers([("size", Int64(manifest.bytes.readableBytes))])
            let moments = [("pushed_at", times.pushed), ("last_pull", times.pulled)]
            json.members(moments.compactMap { key, time in time.map { (key, Timestamp(seconds: $0).description) } })
            if let held { json.members([("quarantine", held)]) }
            json.key("allowed")
            json.bool(held == nil && verdict?.failures(of: [.pull]).isEmpty ?? true)
            json.key("tags")
            json.array { json in for (tag, changes) in histories { Self.write(tag, changes, to: &json) } }
            json.key("rules")
            json.array { json in for rule in verdict?.rules ?? [] { Self.write(rule, to: &json) } }
            Self.write(evidence, to: &json)
            json.key("attachments")
            json.array { json in for attachment in attachments.elements { Self.write(attachment, to: &json) } }
            let now = dates.seconds()
            json.key("runs")
            json.array { json in for report in reports.elements { Self.write(report, at: now, to: &json) } }
            json.key("desired")
            json.array { json in for place in places.elements { Self.write(place, to: &json) } }
            json.key("builds")
            json.array { json in for record in builds.elements { json.release(record) } }
            json.key("releases")
            json.array { json in for record in entries.elements { json.release(record) } }
            json.key("more")
            json.bool(
                entries.hasMore || attachments.hasMore || tags.hasMore || reports.hasMore || builds.hasMore
                    || places.hasMore || !evidence.isWhole
            )
        }
        return Self.json(.ok, json)
    }

    /// The latest changes of a tag; a log that has none of them shows none.
    private func changes(of tag: Tag, in name: RepositoryName) async throws -> [TagHistoryItem] {
        do {
            return try await registry.history(of: tag, in: name, before: nil, limit: Self.shownChanges)
        } catch RegistryError.manifestUnknown {
            return []
        }
    }

    private func cause(of digest: Digest) async throws -> String? {
        do {
            try await registry.refuseQuarantined(digest)
            return nil
        } catch RegistryError.quarantined(_, let cause, let reason) {
            return "\(cause): \(reason)"
        }
    }

    private static func write(_ tag: Tag, _ changes: [TagHistoryItem], to json: inout JSONWriter) {
        json.object { json in
            json.members([("tag", tag.description)])
            json.key("history")
            json.array { json in
                for change in changes {
                    json.object { json in
                        json.members([("time", JSONWriter.time(change.milliseconds)), ("kind", change.kind)])
                        let texts = [
                            ("digest", change.digest), ("former", change.former), ("principal", change.principal),
                        ]
                        json.members(texts.compactMap { key, text in text.map { (key, $0) } })
                    }
                }
            }
        }
    }

    private static func write(_ evidence: EvidenceNote, to json: inout JSONWriter) {
        json.key("provenance")
        json.array { json in
            for claim in evidence.provenance {
                json.object { json in
                    json.members([("builder", claim.builder), ("source", claim.source)])
                    if let revision = claim.revision { json.members([("revision", revision)]) }
                    guard let time = claim.builtAt else { return }
                    json.members([("built_at", Timestamp(seconds: time).description)])
                }
            }
        }
        guard let counts = evidence.counts else { return }
        json.key("vulnerabilities")
        json.object { json in
            for severity in Severity.allCases.reversed() where severity > .none {
                json.integers([(severity.description, Int64(counts[severity] ?? 0))])
            }
            json.list("scanners", evidence.scanners)
            guard let time = evidence.scannedAt else { return }
            json.members([("scanned_at", Timestamp(seconds: time).description)])
        }
    }

    private static func write(_ attachment: ReferrerEntry, to json: inout JSONWriter) {
        json.object { json in
            json.members([("digest", attachment.digest.description)])
            guard let type = attachment.artifactType else { return }
            json.members([("artifact_type", type.description)])
        }
    }

    private static func write(_ place: ImagePlace, to json: inout JSONWriter) {
        json.object { json in
            json.members([("env", place.environment.description)])
            if let service = place.service { json.members([("service", service.description)]) }
            guard let former = place.former else { return }
            json.members([("former", former.description)])
            json.key("proven")
            json.bool(place.isProven)
        }
    }
}
