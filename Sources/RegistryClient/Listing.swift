// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
package import OCI

extension RemoteRegistry {
    /// The repositories of a registry that match a pattern, as far as the caller may pull from them.
    ///
    /// - Parameter pattern: Which names.
    /// - Returns: In the order of their names.
    /// - Throws: `.network` for an answer that is no list.
    package func repositories(matching pattern: Glob) async throws(ClientError) -> [RepositoryName] {
        try await introduce(for: .catalog)
        var found: [RepositoryName] = []
        var next: String? = "/v2/_catalog?n=1000"
        while let target = next {
            let call = Call(target: target, purpose: "listing the repositories of \(origin)")
            let (answer, body) = try await fetch(call, .catalog, limit: ClientLimits.documentBytes)
            guard let names = (try? JSONValue(parsing: body))?["repositories"]?.elements else {
                throw ClientError(.network, "\(origin) answers with what is no list of repositories")
            }
            for element in names {
                guard let name = element.text.flatMap({ RepositoryName($0) }) else { continue }
                if pattern.matches(name.description) { found.append(name) }
            }
            let following = try answer.nextPage()
            guard following != target else { throw ClientError(.network, "\(origin) lists the same page for ever") }
            next = following
        }
        return found
    }

    /// The tags of a repository that were set last, with what they stand for.
    ///
    /// - Parameters:
    ///   - name: The repository.
    ///   - count: How many.
    /// - Returns: The latest first; without those that have gone meanwhile.
    /// - Throws: `.notFound`; `.network` for a registry that cannot say so.
    package func newestTags(of name: RepositoryName, count: Int) async throws(ClientError) -> [(
        tag: Tag, digest: Digest
    )] {
        let call = Call(
            target: "/v2/\(name)/tags/list?newest=\(count)",
            purpose: "asking for the newest tags of \(name)"
        )
        let (_, body) = try await fetch(call, .repository(name, .pull), limit: ClientLimits.documentBytes)
        guard let tags = (try? JSONValue(parsing: body))?["tags"]?.elements, tags.count <= count else {
            throw ClientError(.network, "\(origin) does not list the newest tags of \(name)")
        }
        let repository = RemoteRepository(name, at: self)
        var found: [(tag: Tag, digest: Digest)] = []
        for tag in tags.compactMap({ $0.text.flatMap { Tag($0) } }) {
            switch try await repository.stand(of: tag, known: nil) {
            case .absent: continue
            case .digest(let digest): found.append((tag, digest))
            case .manifest(let manifest): found.append((tag, manifest.digest))
            }
        }
        return found
    }
}
