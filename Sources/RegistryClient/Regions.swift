// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI
internal import Synchronization

/// The places that have the same repository, in the order in which they are asked.
///
/// One that fails is left for the next, and all work that comes after begins there.
package final class Regions: Sendable {
    package let repositories: [RemoteRepository]
    private let preferred = Mutex(0)

    /// - Throws: `.usage` for none, or more than `ClientLimits.regions`.
    package init(_ repositories: [RemoteRepository]) throws(ClientError) {
        guard (1...ClientLimits.regions).contains(repositories.count) else {
            throw ClientError(.usage, "a pull has 1 to \(ClientLimits.regions) regions")
        }
        self.repositories = repositories
    }

    /// The image's own host after the regions named before it, each once.
    package convenience init(
        of image: ImageReference,
        before: [Origin],
        tls: Origin.TLSUse,
        credentials: CredentialSource,
        transport: Transport
    ) throws(ClientError) {
        var origins: [Origin] = []
        for origin in before + [image.origin(tls: tls)] where !origins.contains(origin) {
            origins.append(origin)
        }
        var repositories: [RemoteRepository] = []
        for origin in origins {
            repositories.append(
                try RemoteRepository(origin: origin, name: image.name, credentials: credentials, transport: transport)
            )
        }
        try self.init(repositories)
    }

    var name: RepositoryName { repositories[0].name }

    /// All of them, for messages.
    var places: String { repositories.map(\.origin.description).joined(separator: ", ") }

    /// Where work begins.
    var start: Int { preferred.withLock { $0 } }

    /// The one to ask after one that failed.
    func next(after index: Int) -> Int {
        let next = (index + 1) % repositories.count
        preferred.withLock { if $0 == index { $0 = next } }
        return next
    }

    /// Asks one after the other until one answers.
    ///
    /// - Throws: `.integrity`, `.keptBack` and `.storage` at once; else what the first one failed with
    /// that was not `.notFound`.
    package func first<Result: Sendable>(
        _ work: @Sendable (RemoteRepository) async throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        let start = start
        var failure: ClientError?
        for step in repositories.indices {
            let index = (start + step) % repositories.count
            do {
                return try await work(repositories[index])
            } catch {
                guard !error.isFinal else { throw error }
                if failure == nil || failure?.code == .notFound { failure = error }
                if error.code == .network { _ = next(after: index) }
            }
        }
        throw failure ?? ClientError(.network, "no region answers")
    }
}
