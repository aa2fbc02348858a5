// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// A page of a list of repositories.
package struct RepositoryListing: Sendable {
    package struct Entry: Sendable {
        package let name: RepositoryName
        package let tags: Int64
        /// Logical bytes.
        package let bytes: Int64
    }

    package let entries: [Entry]
    /// Where to go on; it tells nothing of the names that the caller may not know. nil at the end.
    package let next: Int64?
}

/// What a repository holds, as it is shown.
package struct RepositorySummary: Sendable {
    package let tags: Int64
    package let manifests: Int64
    /// Logical bytes: what quotas count.
    package let bytes: Int64
}

/// A tag in a list, with what it names. Times are seconds since 1970.
package struct TagEntry: Sendable {
    package let tag: Tag
    package let digest: Digest
    package let mediaType: MediaType
    package let artifactType: MediaType?
    package let bytes: Int64
    package let setAt: Int64
    package let lastPull: Int64?
}

/// An entry of the log, as people read it.
package struct LogLine: Sendable {
    package let index: Int64
    package let kind: String
    /// Milliseconds since 1970.
    package let milliseconds: Int64
    package let repository: String?
    package let subject: String?
    package let leaf: [UInt8]
}

/// Lists for people. Each costs what its page costs, whatever else there is.
extension Registry {
    /// A page of the repositories whose names begin with a prefix, of those that the caller may know.
    ///
    /// It ends after `limit` of them, or once so many names were looked at that it should: then it may be short, or
    /// even empty, and go on all the same.
    package func repositories(
        prefix: String,
        after place: Int64?,
        limit: Int,
        isVisible: (RepositoryName) -> Bool
    ) async throws -> RepositoryListing {
        try await translating {
            var entries: [RepositoryListing.Entry] = []
            var last = place
            var looked = 0
            // Most callers may know what comes first.
            var size = limit + 1
            while true {
                let page = try await catalog.repositories(prefix: prefix, after: last, limit: size)
                for found in page {
                    if entries.count == limit { return RepositoryListing(entries: entries, next: last) }
                    last = found.id
                    guard isVisible(found.name), let figures = try await catalog.figures(of: found.name) else {
                        continue
                    }
                    entries.append(
                        RepositoryListing.Entry(name: found.name, tags: figures.tags, bytes: figures.bytes)
                    )
                }
                guard page.count == size else { return RepositoryListing(entries: entries, next: nil) }
                looked += page.count
                size = RegistryLimits.browsedNames
                if looked >= RegistryLimits.browsedNamesPerPage {
                    return RepositoryListing(entries: entries, next: last)
                }
            }
        }
    }

    /// What a repository holds.
    ///
    /// - Throws: `RegistryError.nameUnknown`
    package func summary(of name: RepositoryName) async throws -> RepositorySummary {
        try await translating {
            guard let figures = try await catalog.figures(of: name) else { throw RegistryError.nameUnknown(name) }
            return RepositorySummary(tags: figures.tags, manifests: figures.manifests, bytes: figures.bytes)
        }
    }

    /// The tags of a repository that begin with a prefix, in byte order, after one.
    ///
    /// - Throws: `RegistryError.nameUnknown`
    package func tagEntries(
        in name: RepositoryName,
        prefix: String,
        after: Tag?,
        limit: Int
    ) async throws -> Page<TagEntry> {
        try await translating {
            let found = try await catalog.tagDetails(in: name, prefix: prefix, after: after, limit: limit + 1)
            guard let found else { throw RegistryError.nameUnknown(name) }
            return Page(elements: found.prefix(limit).map(TagEntry.init), hasMore: found.count > limit)
        }
    }

    /// Tags that name a manifest, at most as many.
    package func tags(of digest: Digest, in name: RepositoryName, limit: Int) async throws -> Page<Tag> {
        try await translating {
            let tags = try await catalog.tags(of: digest, in: name, limit: limit + 1)
            return Page(elements: Array(tags.prefix(limit)), hasMore: tags.count > limit)
        }
    }

    /// When a manifest came and when it was last pulled, in seconds since 1970; nil where that is not known.
    package func times(of digest: Digest, in name: RepositoryName) async throws -> (pushed: Int64?, pulled: Int64?) {
        try await translating {
            let times = try await catalog.times(of: digest, in: name)
            return (times?.pushedAt, times?.lastPull)
        }
    }

    /// What keeps an image, by its digest or by a tag; what is over is among it.
    package func pins(on subjects: [Reference], in name: RepositoryName) async throws -> [PinNote] {
        try await translating { try await catalog.pins(on: subjects, in: name).map(PinNote.init) }
    }

    /// Logical bytes of all repositories with a prefix; nil until the first push under its quota has added them up.
    package func knownUsage(prefix: String) -> Int64? { catalog.knownUsage(prefix: prefix) }

    /// Entries of the log before an index, the newest first; of those that a checkpoint covers.
    package func logLines(before index: Int64, limit: Int) async throws -> [LogLine] {
        guard index > 0 else { return [] }
        let first = max(0, index - Int64(limit))
        return try await translating {
            let entries = try await catalog.entries(
                from: first,
                limit: Int(index - first),
                bytesLimit: RegistryLimits.browsedLogBytes
            )
            return entries.reversed().map(LogLine.init)
        }
    }
}

extension TagEntry {
    fileprivate init(_ detail: TagDetail) {
        self.init(
            tag: detail.tag,
            digest: detail.digest,
            mediaType: detail.mediaType,
            artifactType: detail.artifactType,
            bytes: detail.bytes,
            setAt: detail.setAt,
            lastPull: detail.lastPull
        )
    }
}

extension LogLine {
    fileprivate init(_ entry: LogEntry) {
        self.init(
            index: entry.index ?? 0,
            kind: entry.kind,
            milliseconds: entry.timestamp.milliseconds,
            repository: entry.repository,
            subject: entry.subject,
            leaf: entry.leaf
        )
    }
}
