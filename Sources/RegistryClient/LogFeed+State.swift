// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The last pull of a manifest in another region.
package struct FeedPull: Sendable {
    package let id: Int64
    package let repository: RepositoryName
    package let digest: Digest
    /// Seconds since 1970.
    package let at: Int64
}

/// Asks another region what it is made of, for a comparison.
extension LogFeed {
    /// How many entries its log has, and how many of each log count there.
    package func positions() async throws(ClientError) -> (size: Int64, applied: [String: Int64]) {
        let document = try await state("/positions")
        guard let size = document["size"]?.number, let members = document["applied"]?.members else {
            throw unreadable
        }
        return (size, Dictionary(members.map { ($0.key, $0.value.number ?? 0) }) { first, _ in first })
    }

    /// A hash for each bucket of its state that has any row.
    package func stateHashes() async throws(ClientError) -> [Int: String] {
        guard let members = try await state("")["buckets"]?.members else { throw unreadable }
        var hashes: [Int: String] = [:]
        for member in members {
            guard let bucket = Int(member.key), let hash = member.value.text else { throw unreadable }
            hashes[bucket] = hash
        }
        return hashes
    }

    /// The rows of a bucket: repository, which may be empty, kind, key and value.
    package func stateRows(_ bucket: Int) async throws(ClientError) -> [[String]] {
        guard let rows = try await state("/\(bucket)")["rows"]?.elements else { throw unreadable }
        return rows.map { $0.elements?.map { $0.text ?? "" } ?? [] }
    }

    /// What was pulled there since a time, in seconds since 1970, after a place of an earlier page.
    ///
    /// - Parameters:
    ///   - since: From then on.
    ///   - last: The time and the number of the last one of the page before.
    /// - Returns: Until when that is known, and a page of pulls in the order of their times.
    /// - Throws: `ClientError`.
    package func pulls(
        since: Int64,
        after last: (time: Int64, id: Int64)?
    ) async throws(ClientError) -> (until: Int64, pulls: [FeedPull]) {
        let place = last.map { "&after_at=\($0.time)&after=\($0.id)" } ?? ""
        let document = try await state("/pulls?since=\(since)\(place)")
        guard let until = document["until"]?.number, let elements = document["pulls"]?.elements else {
            throw unreadable
        }
        var pulls: [FeedPull] = []
        for element in elements {
            guard let id = element["id"]?.number, let at = element["at"]?.number,
                let repository = element["repository"]?.text.flatMap({ RepositoryName($0) }),
                let digest = element["digest"]?.text.flatMap({ Digest($0) })
            else { throw unreadable }
            pulls.append(FeedPull(id: id, repository: repository, digest: digest, at: at))
        }
        return (until, pulls)
    }

    private var unreadable: ClientError {
        ClientError(.network, "\(registry.origin) tells its state by what is none")
    }

    private func state(_ rest: String) async throws(ClientError) -> JSONValue {
        let call = RemoteRegistry.Call(target: "/api/v1/state\(rest)", purpose: "asking what is there")
        let body = try await registry.fetch(call, .log, limit: ClientLimits.stateBytes).body
        guard let document = try? JSONValue(parsing: body) else { throw unreadable }
        return document
    }
}
