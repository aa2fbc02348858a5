// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Replication
import Testing

/// What regions compare themselves by.
@Suite struct RegionStateTests {
    private func row(_ key: String, _ value: String = "") -> StateRow { StateRow(kind: .tag, key: key, value: value) }

    private func hash(_ rows: [PlacedRow]) -> SetHash {
        var hash = SetHash()
        for row in rows { hash.add(row) }
        return hash
    }

    @Test func theHashOfASetDoesNotDependOnTheOrder() throws {
        let name = try RepositoryName(parsing: "team/app")
        let rows = (0..<50).map { PlacedRow(repository: name, row: row("v\($0)", "\($0)")) }
        #expect(hash(rows) == hash(rows.reversed()))
        #expect(hash(rows) != hash(rows.dropLast()))
        #expect(hash(rows).description.utf8.count == 64)
        #expect(SetHash().description == String(repeating: "0", count: 64))
    }

    /// A row is not taken for another one, whatever its parts are.
    @Test func everyPartOfARowCounts() throws {
        let (a, b) = (try RepositoryName(parsing: "a"), try RepositoryName(parsing: "b"))
        let rows = [
            PlacedRow(repository: a, row: row("v1", "x")), PlacedRow(repository: b, row: row("v1", "x")),
            PlacedRow(repository: a, row: row("v2", "x")), PlacedRow(repository: a, row: row("v1", "y")),
            PlacedRow(repository: nil, row: StateRow(kind: .register, key: "v1", value: "x")),
        ]
        #expect(Set(rows.map { hash([$0]).description }).count == rows.count)
        for row in rows { #expect(PlacedRow(fields: row.fields) == row) }
    }

    @Test(arguments: [[], ["a"], ["a", "tag", "v"], ["A!", "tag", "v", "x"], ["a", "file", "v", "x"]])
    func whatIsNoRowIsRefused(fields: [String]) {
        #expect(PlacedRow(fields: fields) == nil)
    }

    @Test func everyRepositoryHasABucket() throws {
        var buckets: Set<Int> = []
        for number in 0..<2_000 {
            let bucket = RegionStateReader.bucket(of: try RepositoryName(parsing: "team/app\(number)"))
            #expect((0..<RegionStateReader.buckets).contains(bucket))
            buckets.insert(bucket)
        }
        #expect(buckets.count > 1_000)
    }
}
