// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Registry
import WebUI

/// The list of repositories, and of the tags of one.
extension Responder {
    func repositoriesPage(_ exchange: Exchange) async throws -> Answer {
        let identity = exchange.identity
        let prefix = exchange.query["prefix"] ?? ""
        let after = try exchange.number("after")
        let found = try await registry.repositories(prefix: prefix, after: after, limit: HTTPLimits.pageRows) { name in
            identity?.decide(.pull, name).allowed ?? true
        }
        func page(_ after: Int64?) -> String {
            PageAddress.with([("prefix", prefix), ("after", after.map(String.init))], PageResource.prefix)
        }
        let content = RepositoriesPage(
            prefix: prefix,
            rows: found.entries.map { entry in
                RepositoriesPage.Row(
                    name: entry.name.description,
                    href: PageAddress.repository(entry.name),
                    tags: Self.count(entry.tags),
                    size: Figures.bytes(entry.bytes)
                )
            },
            isAnonymous: identity?.principal.kind == .anonymous,
            pager: Pager(
                what: "repositories",
                first: after == nil ? nil : page(nil),
                next: found.next.map { page($0) }
            )
        )
        return html(content, exchange)
    }

    func repositoryPage(_ exchange: Exchange, _ name: RepositoryName) async throws -> Answer {
        let prefix = exchange.query["prefix"] ?? ""
        var after: Tag?
        if let text = exchange.query["after"], !text.isEmpty {
            do { after = try Tag(parsing: text) } catch { throw RequestError.badTag(error) }
        }
        let found = try await registry.tagEntries(in: name, prefix: prefix, after: after, limit: HTTPLimits.pageRows)
        let summary = try await registry.summary(of: name)
        let path = PageAddress.repository(name)
        func page(_ after: Tag?) -> String {
            PageAddress.with([("prefix", prefix), ("after", after?.description)], path)
        }
        let next = found.hasMore ? found.elements.last.map { page($0.tag) } : nil
        let content = RepositoryPage(
            name: name.description,
            path: path,
            figures: [
                Fact("Tags", Self.count(summary.tags)), Fact("Manifests", Self.count(summary.manifests)),
                Fact("Size", Figures.bytes(summary.bytes)),
            ],
            quotas: exchange.identity?.quotas(for: name).map { quota($0) } ?? [],
            prefix: prefix,
            rows: found.elements.filter { exchange.mayRead($0.tag, in: name) }.map { row(of: $0, in: name) },
            pager: Pager(what: "tags", first: after == nil ? nil : page(nil), next: next)
        )
        return html(content, exchange)
    }

    private func row(of entry: TagEntry, in name: RepositoryName) -> RepositoryPage.Row {
        RepositoryPage.Row(
            tag: entry.tag.description,
            href: PageAddress.image(name, .tag(entry.tag)),
            digest: Self.digestText(entry.digest, in: name),
            kind: Self.kind(entry.mediaType, entry.artifactType),
            size: Figures.bytes(entry.bytes),
            set: moment(entry.setAt),
            pulled: entry.lastPull.map { moment($0) }
        )
    }

    /// What is used is shown where a push has added it up before: nothing is added up for a page.
    private func quota(_ quota: Quota) -> RepositoryPage.Quota {
        let name = quota.prefix.isEmpty ? "Quota of everything" : "Quota of \(quota.prefix)"
        let limit = Figures.bytes(quota.bytes)
        guard let used = registry.knownUsage(prefix: quota.prefix) else {
            return RepositoryPage.Quota(name: name, text: "\(limit); its use is known after the next push", meter: nil)
        }
        let share = quota.bytes > 0 ? Double(used) / Double(quota.bytes) : 1
        let text = "\(Figures.bytes(used)) of \(limit)"
        let tone: Badge.Tone = share >= 1 ? .bad : share > 0.9 ? .warn : .calm
        return RepositoryPage.Quota(
            name: name,
            text: text,
            meter: Meter(share: share, text: "\(text) used", tone: tone)
        )
    }

    static func digestText(_ digest: Digest, in name: RepositoryName) -> DigestText {
        DigestText(digest.description, href: PageAddress.image(name, .digest(digest)))
    }

    /// What a manifest is, in a word.
    static func kind(_ type: MediaType, _ artifactType: MediaType?) -> String {
        if type == .imageIndex || type == .dockerManifestList { return "index" }
        guard let artifactType, artifactType != .imageConfig, artifactType != .dockerConfig else { return "image" }
        return artifactType.description
    }
}
