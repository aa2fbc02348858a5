// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import NIOCore
import OCI
import Registry
import Trust
import WebUI

/// An image: what it is, whether it may be pulled, where it runs.
extension Responder {
    /// By a tag or by its digest. What the trust policy keeps back is not shown either: only why.
    func imagePage(_ exchange: Exchange, _ name: RepositoryName, _ reference: Reference) async throws -> Answer {
        try require([.pull], in: name, exchange)
        let served = try await registry.manifest(reference, in: name)
        let manifest = try Manifest(parsing: Array(served.bytes.readableBytesView), contentType: served.mediaType)
        let standing = try await standing(of: served, as: reference, in: name, exchange)
        let times = try await registry.times(of: served.digest, in: name)
        var page = ImagePage(
            repository: LinkedText(name.description, href: PageAddress.repository(name)),
            name: Self.title(name, reference),
            digest: served.digestText,
            standing: standing.badge,
            facts: [Fact("Kind", Self.kind(served.mediaType, manifest.artifactType))],
            trust: try await trustView(of: served.digest, in: name, standing.verdict),
            deploymentPager: Pager(what: "places", first: nil, next: nil)
        )
        page.held = standing.held
        if let pushed = times.pushed { page.facts.append(Fact("Pushed", moment(pushed))) }
        if let pulled = times.pulled { page.facts.append(Fact("Last pull", moment(pulled))) }
        if let subject = manifest.subject {
            page.facts.append(Fact("Attached to", Self.digestText(subject.digest, in: name)))
        }
        if standing.isAdmitted {
            if let config = try await registry.configuration(of: manifest, in: name) {
                if let platform = config.platform { page.facts.append(Fact("Platform", Self.cut(platform))) }
                if let created = config.created {
                    page.facts.append(Fact("Made at, by its own word", Self.cut(created)))
                }
            }
            page.manifest = Self.view(of: manifest, in: name)
        }
        try await addPlaces(to: &page, served.digest, reference, name, exchange)
        return html(page, exchange)
    }

    private static func title(_ name: RepositoryName, _ reference: Reference) -> String {
        switch reference {
        case .tag(let tag): "\(name):\(tag)"
        case .digest(let digest): "\(name)@\(digest.description.prefix(19))…"
        }
    }

    /// Whether an image may be pulled, in a word, and what that follows from.
    private struct Standing {
        var badge: Badge
        var verdict: TrustVerdict?
        var held: String?
        var isAdmitted: Bool
    }

    private func standing(
        of served: ServedManifest,
        as reference: Reference,
        in name: RepositoryName,
        _ exchange: Exchange
    ) async throws -> Standing {
        let verdict = try await registry.verdict(on: served.digest, as: reference, in: name)
        do {
            let warnings = try await registry.admit(served.digest, as: reference, in: name, caller: exchange.caller)
            let badge: Badge =
                if verdict == nil {
                    Badge("no policy", .calm)
                } else if !warnings.isEmpty {
                    Badge("warnings", .warn)
                } else {
                    Badge("may be pulled", .good)
                }
            return Standing(badge: badge, verdict: verdict, isAdmitted: true)
        } catch RegistryError.quarantined(_, let cause, let reason) {
            let held = "In quarantine for \(cause): \(Self.cut(reason))"
            return Standing(badge: Badge("quarantined", .bad), verdict: verdict, held: held, isAdmitted: false)
        } catch RegistryError.untrusted(_, let failures) {
            let held = failures.map { "\($0.requirement): \($0.reason)" }.joined(separator: "; ")
            return Standing(badge: Badge("refused", .bad), verdict: verdict, held: Self.cut(held), isAdmitted: false)
        }
    }

    // MARK: Around the image

    private func addPlaces(
        to page: inout ImagePage,
        _ digest: Digest,
        _ reference: Reference,
        _ name: RepositoryName,
        _ exchange: Exchange
    ) async throws {
        let (before, place) = (exchange.query["before"], try exchange.number("place"))
        let path = PageAddress.image(name, reference)
        let tags = try await readableTags(of: digest, in: name, limit: HTTPLimits.pageRows, exchange)
        page.tags = tags.elements.map { LinkedText($0.description, href: PageAddress.image(name, .tag($0))) }
        page.hasMoreTags = tags.hasMore
        var subjects: [Reference] = [.digest(digest)]
        if case .tag = reference { subjects.append(reference) }
        page.pins = try await registry.pins(on: subjects, in: name).map { pin(of: $0) }
        let found = try await registry.deployments(of: digest, in: name, after: place, limit: HTTPLimits.pageRows)
        page.deployments = found.elements.map { deployment(of: $0) }
        let next = found.hasMore ? found.elements.last?.id : nil
        page.deploymentPager = Pager(
            what: "places",
            first: place == nil ? nil : PageAddress.with([("before", before)], path) + "#runs",
            next: next.map { PageAddress.with([("before", before), ("place", String($0))], path) + "#runs" }
        )
        page.links = links(to: reference, in: name, exchange)
        if case .tag(let tag) = reference {
            page.history = try await historyView(of: tag, in: name, before: before, place: place)
        }
    }

    private func links(to reference: Reference, in name: RepositoryName, _ exchange: Exchange) -> [LinkedText] {
        var links: [LinkedText] = []
        if registry.journal != nil {
            links.append(LinkedText("Proof from the log", href: "\(PageAddress.image(name, reference))/proof"))
        }
        if registry.retention != nil, exchange.identity?.principal.kind != .anonymous {
            let href = PageAddress.explanation(of: reference, in: name)
            links.append(LinkedText("Why it stays or goes", href: href))
        }
        return links
    }

    private func pin(of note: PinNote) -> ImagePage.Pin {
        ImagePage.Pin(
            kind: note.kind.rawValue,
            subject: note.subject.description,
            reason: Self.cut(note.reason),
            actor: note.actor,
            since: moment(note.since),
            until: note.until.map { moment($0) }
        )
    }

    private func deployment(of note: Deployment.Note) -> ImagePage.Deployment {
        let state = Self.state(of: note, at: dates.seconds())
        let tone: Badge.Tone =
            switch state {
            case "ended": .calm
            case "stale": .warn
            default: .good
            }
        return ImagePage.Deployment(
            environment: note.place.environment.description,
            service: note.place.service?.description ?? "",
            target: note.place.target.description,
            state: Badge(state, tone),
            reporter: note.reporter,
            reported: moment(note.reportedAt)
        )
    }

    /// The changes of a tag; a log that has none of them shows none.
    private func historyView(
        of tag: Tag,
        in name: RepositoryName,
        before: String?,
        place: Int64?
    ) async throws -> HistoryView? {
        let limit = HTTPLimits.pageRows
        let items: [TagHistoryItem]
        do {
            items = try await registry.history(of: tag, in: name, before: before, limit: limit + 1)
        } catch RegistryError.manifestUnknown {
            return nil
        }
        let path = PageAddress.image(name, .tag(tag))
        let position = ("place", place.map(String.init))
        let next = items.count > limit ? items[limit - 1].event : nil
        return HistoryView(
            rows: items.prefix(limit).map { item in
                HistoryView.Row(
                    time: moment(item.milliseconds / 1_000),
                    what: Self.badge(of: item.kind),
                    digest: (item.digest ?? item.former).flatMap { Digest($0) }.map { Self.digestText($0, in: name) },
                    who: item.principal ?? "another region",
                    why: item.reason.map(Self.cut),
                    index: item.index.map(Self.count) ?? "not sealed"
                )
            },
            pager: Pager(
                what: "the history",
                first: before == nil ? nil : PageAddress.with([position], path) + "#history",
                next: next.map { PageAddress.with([("before", $0), position], path) + "#history" }
            )
        )
    }

    /// The log has what happened to a tag beside its values, too.
    private static func badge(of kind: String) -> Badge {
        switch kind {
        case "tag.set": Badge("set", .good)
        case "tag.delete": Badge("deleted", .bad)
        case "hold.set": Badge("pinned", .calm)
        case "hold.clear": Badge("pin lifted", .calm)
        default: Badge(cut(kind), .calm)
        }
    }

    // MARK: The manifest

    private static func view(of manifest: Manifest, in name: RepositoryName) -> ManifestView {
        let config = manifest.config.map { [("configuration", $0)] } ?? []
        let parts =
            config
            + manifest.layers.enumerated().map { ("layer \($0 + 1)", $1) }
            + manifest.manifests.map { (role(of: $0), $0) }
        let annotations = manifest.annotations.sorted { $0.key < $1.key }
        return ManifestView(
            parts: parts.prefix(HTTPLimits.shownParts).map { role, part in
                let isManifest = manifest.kind == .index
                return ManifestView.Part(
                    role: role,
                    digest: isManifest ? digestText(part.digest, in: name) : DigestText(part.digest.description),
                    type: part.artifactType?.description ?? part.mediaType.description,
                    size: Figures.bytes(part.size)
                )
            },
            more: rest(parts.count, HTTPLimits.shownParts),
            annotations: annotations.prefix(HTTPLimits.shownAnnotations).map { key, value in
                ManifestView.Annotation(name: cut(key), value: LinkedText(foreign: cut(value)))
            },
            moreAnnotations: rest(annotations.count, HTTPLimits.shownAnnotations)
        )
    }

    /// How many there are beyond those that are shown; nil where all are.
    static func rest(_ count: Int, _ shown: Int) -> Int? { count > shown ? count - shown : nil }

    private static func role(of part: Descriptor) -> String {
        guard let platform = part.platform else { return "manifest" }
        let variant = platform.variant.map { "/\($0)" } ?? ""
        return cut("\(platform.os)/\(platform.architecture)\(variant)")
    }
}
