// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import OCI

/// A push of immutable tags that another region, where the repository's home is, has to make.
package struct HomePush: Sendable {
    package let repository: RepositoryName
    package let digest: Digest
    package let tags: [Tag]
    /// The `Content-Type` that the client gave.
    package let mediaType: String?
    package let bytes: [UInt8]
    /// Those of the client that the home has to know: conditions, and the request's id.
    package let headers: [(name: String, value: String)]

    package init(
        repository: RepositoryName,
        digest: Digest,
        tags: [Tag],
        mediaType: String?,
        bytes: [UInt8],
        headers: [(name: String, value: String)]
    ) {
        self.repository = repository
        self.digest = digest
        self.tags = tags
        self.mediaType = mediaType
        self.bytes = bytes
        self.headers = headers
    }
}

/// What the home says of a push.
package enum HomeAnswer: Sendable {
    case done
    /// The answer that the client is to get.
    case refused(status: Int, body: [UInt8])
}

/// In which region immutable tags of one repository are created.
package struct RepositoryHome: Sendable {
    package let repository: RepositoryName
    /// How the region is called here, or its log; nil where nobody has said.
    package let region: String?
    package let log: String?
    /// How often it was handed over.
    package let epoch: Int64
    package let isHere: Bool
}

/// What became of the wish to have the homes of repositories elsewhere.
package struct HomesReport: Sendable {
    package var changed = 0
    package var unchanged = 0
    /// At most `ReplicationLimits.homesRefused`.
    package var refused: [(repository: RepositoryName, reason: String)] = []
}

/// In which region the immutable tags of a repository are created.
package final class RepositoryHomes: Sendable {
    /// Hands a push to a region by its name.
    package typealias Send = @Sendable (_ push: HomePush, _ region: String) async throws -> HomeAnswer

    /// Rises whenever entries of another region count here.
    package let arrivals = RisingMark()
    private let catalog: Catalog
    private let send: Send

    package init(_ catalog: Catalog, send: @escaping Send) {
        self.catalog = catalog
        self.send = send
    }

    package func noteArrival() { arrivals.raise(to: arrivals.value + 1) }

    /// Lets the home make a push.
    ///
    /// - Parameters:
    ///   - push: The push; its image is stored here, so that the home can fetch it.
    ///   - log: The home's log.
    /// - Returns: What the home says.
    /// - Throws: Why it does not say anything.
    package func hand(_ push: HomePush, to log: String) async throws -> HomeAnswer {
        guard let region = try await catalog.peer(log)?.region else {
            throw CatalogError(.unavailable, "no region with the log '\(log)' is followed here")
        }
        return try await send(push, region)
    }

    /// Waits until `isReached`, looking again whenever entries of other regions have come, for as long as `limit`.
    ///
    /// - Parameters:
    ///   - limit: How long at most.
    ///   - isReached: What is waited for.
    /// - Returns: Whether it is so.
    /// - Throws: What `isReached` throws.
    package func wait(atMost limit: Duration, until isReached: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + limit
        while true {
            let mark = arrivals.value
            if try await isReached() { return true }
            guard ContinuousClock.now < end else { return false }
            guard await arrivals.wait(over: mark, { try await Task.sleep(until: end, clock: .continuous) }) else {
                return try await isReached()
            }
            // Much comes at once: one look at it is enough.
            try await Task.sleep(for: ReplicationLimits.homeLookPause)
        }
    }

    /// The homes of repositories, by their regions' names.
    ///
    /// - Parameters:
    ///   - pattern: Which repositories.
    ///   - last: The name of the last one of the page before.
    ///   - limit: At most so many.
    /// - Returns: In the order of their names.
    /// - Throws: `CatalogError`.
    package func list(_ pattern: Glob, after last: String, limit: Int) async throws -> [RepositoryHome] {
        let names = try await names()
        var (found, after): ([RepositoryHome], String) = ([], last)
        while found.count < limit {
            let page = try await catalog.homes(after: after, limit: CatalogLimits.pageRows)
            guard let end = page.last else { break }
            for home in page where pattern.matches(home.repository.description) {
                found.append(
                    RepositoryHome(
                        repository: home.repository,
                        region: home.origin.map { names[$0] ?? $0 },
                        log: home.origin,
                        epoch: home.epoch,
                        isHere: home.origin == catalog.settings.origin
                    )
                )
            }
            after = end.repository.description
        }
        return Array(found.prefix(limit))
    }

    /// Gives the repositories that match a pattern a home. A pattern that is a name creates the repository.
    ///
    /// - Parameters:
    ///   - pattern: Which repositories.
    ///   - region: The name of a region, or of a log; nil for this registry.
    ///   - isTakeover: Whether it is taken from a home elsewhere that does not give it.
    ///   - context: Who.
    /// - Returns: What became of it; nil where there is no such region.
    /// - Throws: `CatalogError`.
    package func set(
        _ pattern: Glob,
        to region: String?,
        isTakeover: Bool,
        context: Catalog.Context
    ) async throws -> HomesReport? {
        let own = catalog.settings.origin
        let peers = try await catalog.peers().filter { $0.state != .retired }
        let target =
            region.map { name in
                name == own ? own : peers.first { $0.region == name || $0.origin == name }?.origin
            } ?? own
        guard let target else { return nil }
        var report = HomesReport()
        func set(_ name: RepositoryName) async throws {
            switch try await catalog.setHome(of: name, to: target, isTakeover: isTakeover, context: context) {
            case .changed: report.changed += 1
            case .unchanged: report.unchanged += 1
            case .refused(let standing):
                guard report.refused.count < ReplicationLimits.homesRefused else { return }
                report.refused.append((name, standing.reason ?? ""))
            }
        }
        if let name = RepositoryName(pattern.description) {
            try await set(name)
            return report
        }
        var after = ""
        while true {
            let page = try await catalog.homes(after: after, limit: CatalogLimits.pageRows)
            guard let end = page.last else { return report }
            for home in page where pattern.matches(home.repository.description) { try await set(home.repository) }
            after = end.repository.description
        }
    }

    private func names() async throws -> [String: String] {
        Dictionary(try await catalog.peers().map { ($0.origin, $0.region) }, uniquingKeysWith: { first, _ in first })
    }
}
