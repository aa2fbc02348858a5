// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
internal import Cryptography
package import OCI

/// A hash of a set: the sum of its elements' SHA-256, modulo 2^256. The order of the elements does not matter.
package struct SetHash: Sendable, Hashable, CustomStringConvertible {
    private var words: [UInt64] = [0, 0, 0, 0]

    package init() {}

    package mutating func add(_ row: PlacedRow) {
        let hash = SHA256Hash.of(Array(row.text.utf8)).bytes
        var carry: UInt64 = 0
        for word in 0..<4 {
            let addend = hash[(8 * word)..<(8 * word + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let (first, overflow) = words[word].addingReportingOverflow(addend)
            let (second, again) = first.addingReportingOverflow(carry)
            (words[word], carry) = (second, overflow || again ? 1 : 0)
        }
    }

    package var description: String {
        words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

/// A row of the state with the repository that it belongs to; nil for a quarantine.
package struct PlacedRow: Sendable, Hashable {
    package let repository: RepositoryName?
    package let row: StateRow

    package init(repository: RepositoryName?, row: StateRow) {
        self.repository = repository
        self.row = row
    }

    /// Its form between regions: the repository, which may be empty, kind, key and value.
    package var fields: [String] { [repository?.description ?? "", row.kind.rawValue, row.key, row.value] }

    /// nil for what is no row.
    package init?(fields: [String]) {
        guard fields.count == 4, let kind = StateRow.Kind(rawValue: fields[1]) else { return nil }
        if fields[0].isEmpty {
            repository = nil
        } else {
            guard let name = try? RepositoryName(parsing: fields[0]) else { return nil }
            repository = name
        }
        row = StateRow(kind: kind, key: fields[2], value: fields[3])
    }

    /// What it is about, without what it is.
    package var place: String { "\(repository?.description ?? "-") \(row.kind.rawValue) \(row.key)" }

    var text: String { "\(place) = \(row.value)" }
}

/// Reads what regions that have heard the same agree about, in buckets: all rows of a repository are in one.
package struct RegionStateReader: Sendable {
    package static let buckets = 4_096
    private static let page = 1_000

    private let catalog: Catalog

    package init(_ catalog: Catalog) { self.catalog = catalog }

    package static func bucket(of name: RepositoryName?) -> Int {
        let hash = SHA256Hash.of(Array((name?.description ?? "").utf8)).bytes
        return Int(hash[0]) << 4 | Int(hash[1] >> 4)
    }

    /// The hash of each bucket that has any row. Not of one moment: what is changed meanwhile may be in it or not.
    package func hashes() async throws -> [Int: SetHash] {
        var hashes: [Int: SetHash] = [:]
        try await forEachRow(inBucket: nil) { placed in
            hashes[Self.bucket(of: placed.repository), default: SetHash()].add(placed)
        }
        return hashes
    }

    /// The rows of a bucket, at most `ReplicationLimits.stateRows`.
    package func rows(in bucket: Int) async throws -> [PlacedRow] {
        var rows: [PlacedRow] = []
        try await forEachRow(inBucket: bucket) { placed in
            guard rows.count < ReplicationLimits.stateRows else {
                throw RegionError(.tooMany, "bucket \(bucket) has more than \(ReplicationLimits.stateRows) rows")
            }
            rows.append(placed)
        }
        return rows
    }

    /// What was pulled since a time, in seconds since 1970, and until when that is known.
    ///
    /// - Parameters:
    ///   - since: From then on.
    ///   - time: The time of the last one of the page before.
    ///   - id: Its id.
    /// - Returns: At most `ReplicationLimits.toldPulls`.
    /// - Throws: `CatalogError`.
    package func pulls(
        since: Int64,
        after time: Int64?,
        _ id: Int64
    ) async throws -> (until: Int64, pulls: [ToldPull]) {
        let until = try await catalog.pullTracking()?.until ?? 0
        let last = time.map { (time: $0, id: id) }
        return (until, try await catalog.pulls(since: since, after: last, limit: ReplicationLimits.toldPulls))
    }

    private func forEachRow(inBucket bucket: Int?, _ body: (PlacedRow) throws -> Void) async throws {
        if bucket == nil || bucket == Self.bucket(of: nil) { try await forEachRow(of: nil, body) }
        var last: RepositoryName?
        while true {
            let names = try await catalog.repositories(after: last, limit: Self.page)
            for name in names where bucket == nil || bucket == Self.bucket(of: name) {
                try await forEachRow(of: name, body)
            }
            guard let end = names.last else { return }
            last = end
        }
    }

    private func forEachRow(of name: RepositoryName?, _ body: (PlacedRow) throws -> Void) async throws {
        for kind in name == nil ? [.register] : StateRow.Kind.allCases {
            var last: StateRow?
            while true {
                try Task.checkCancellation()
                let rows = try await catalog.stateRows(of: name, kind, after: last, limit: Self.page)
                for row in rows { try body(PlacedRow(repository: name, row: row)) }
                guard let end = rows.last else { break }
                last = end
            }
        }
    }
}
