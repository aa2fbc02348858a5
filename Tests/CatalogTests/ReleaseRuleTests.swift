// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Releases
import Testing

/// What entries of the release record decide: which images are good to go back to, and what is to run.
@Suite struct ReleaseRuleTests: ReleaseTelling {
    let deployments: DeploymentFixture
    let name: RepositoryName

    init() async throws {
        deployments = try await DeploymentFixture(images: 5)
        name = try Sample.repository()
    }

    /// What an instance says is of the instance alone.
    @Test func anInstanceDecidesNothingForAll() async throws {
        try await step(.healthy, 0, "d1")
        _ = try await promote(1)
        try await step(.started, 2, "d2", on: "web-1")
        try await step(.healthy, 2, "d2", on: "web-1")
        try await step(.failed, 0, "d1", on: "web-1")
        try await step(.rolledBack, 0, "d1", on: "web-1")
        let here = try await desired()
        #expect(here?.digest == images[1])
        #expect(here?.rollback == [images[0]])
    }

    @Test func anImageThatIsDeletedIsNoneToGoBackTo() async throws {
        try await step(.healthy, 0, "d1")
        try await step(.healthy, 1, "d2")
        _ = try await promote(2)
        var here = try await desired()
        #expect(here?.rollback == [images[1], images[0]])
        _ = try await catalog.delete(images[1])
        here = try await desired()
        #expect(here?.rollback == [images[0]])
        let protected = try await catalog.protections(of: name, previousImages: 2, now: deployments.now)
        #expect(!protected.contains { $0.subject == .digest(images[1]) })
    }

    /// Of a service the last 20 are remembered.
    @Test func theImagesThatWereHealthyLastAreRemembered() async throws {
        try await step(.healthy, 0, "d1")
        try deployments.fixture.raw { database in
            try database.execute(
                sql: """
                    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40)
                    INSERT INTO outcome(repo_id, env, service, digest, good_hlc)
                    SELECT id, 'prod', 'web', CAST('digest ' || i AS BLOB), i FROM n, repo
                    """
            )
        }
        try await step(.healthy, 1, "d2")
        #expect(try deployments.fixture.count("SELECT COUNT(*) FROM outcome") == 20)
        #expect(try deployments.fixture.count("SELECT MIN(good_hlc) FROM outcome") == 23, "the oldest are gone")
        _ = try await promote(2)
        let here = try await desired()
        #expect(here?.rollback == [images[1], images[0]])
    }

    /// A clock that went back says nothing later: the stamp of an entry does.
    @Test func whatWasSaidLastCountsWhateverTheClockSays() async throws {
        try await step(.healthy, 0, "d1")
        #expect(try await isProven(0))
        deployments.fixture.clock.setWall(milliseconds: 1_000)
        try await step(.failed, 0, "d1")
        #expect(try await !isProven(0))
        _ = try await promote(1)
        let here = try await desired()
        #expect(here?.digest == images[1] && here?.rollback == [])
    }

    private func isProven(_ image: Int) async throws -> Bool {
        try await catalog.wasHealthy(images[image], in: Self.name("prod"), of: name, service: Self.name("web"))
    }
}
