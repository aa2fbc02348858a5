// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Synchronization
import Testing

/// No statement of a request walks a table: with a million rows it must cost what it costs with ten.
@Suite struct QueryPlanTests {
    /// Runs every verb that a request can reach, and returns the statements that ran.
    private static func statementsOfAllVerbs(_ fixture: CatalogFixture) async throws -> Set<String> {
        let catalog = try fixture.catalog
        let (name, other) = (try Sample.repository(), try Sample.repository("other"))
        fixture.statements.withLock { $0 = [] }
        try await catalog.createUpload("u", in: name, lifetime: 10, context: Sample.context)
        try await catalog.updateUpload("u", durableOffset: 1)
        _ = try await catalog.upload("u")
        _ = try await catalog.uploads(after: nil, limit: 10)
        _ = try await catalog.expireUploads(limit: 10)
        try await catalog.deleteUpload("u")
        try await catalog.linkConfig()
        let layer = try await catalog.link(10)
        try await catalog.link(10)
        for source in [name, nil] {
            _ = try await catalog.mount(
                layer,
                from: source,
                to: other,
                isReadable: { _ in true },
                context: Sample.context
            )
        }
        let image = try SampleManifest.image(1, layers: [(layer, 10)], subject: Sample.digest(9))
        _ = try await catalog.put(image, tags: ["a", "b"])
        _ = try await catalog.put(image, tags: ["a"])
        _ = try await catalog.put(SampleManifest.image(2), tags: ["a"])
        _ = try await catalog.put(SampleManifest.index(3, [image]), tags: ["i"])
        _ = try await catalog.get("a")
        _ = try await catalog.get(image.digest)
        _ = try await catalog.tags(in: name, after: Sample.tag("a"), limit: 10)
        _ = try await catalog.tags(in: name, after: Sample.tag("z"), limit: 10)
        _ = try await catalog.tagHistory(Sample.tag("a"), in: name, limit: 10)
        _ = try await catalog.repositories(after: nil, limit: 10)
        _ = try await catalog.repositoryExists(name)
        _ = try await catalog.referrers(of: Sample.digest(9), in: name, limit: 10)
        _ = try await catalog.referrers(
            of: Sample.digest(9),
            in: name,
            artifactType: Sample.mediaType("a/b"),
            limit: 10
        )
        fixture.clock.advance(seconds: 1_400)
        _ = try await catalog.touchBlob(layer, in: other)
        _ = try await catalog.holding(of: layer, in: other)
        _ = try await catalog.knows(layer, in: other)
        _ = try await catalog.announced(Sample.tag("new"), in: other)
        _ = try await catalog.untag("b")
        _ = try await catalog.delete(image.digest)
        _ = try await catalog.delete(SampleManifest.index(3, [image]).digest)
        _ = try await catalog.delete(image.digest)
        _ = try await catalog.deleteBlob(layer, in: name, context: Sample.context)
        try await catalog.markBlob(layer, health: .corrupt)
        try await catalog.link(10)
        try await recordsAndQuotas(catalog, layer)
        _ = try await catalog.blobRecord(layer)
        _ = try await catalog.blobRecords(after: nil, limit: 10)
        _ = try await catalog.manifestAudits(after: nil, limit: 10)
        try await RegionVerbs.run(catalog)
        try await BrowsingVerbs.run(catalog, image: image.digest)
        try await verbsOfMirrors(catalog, layer)
        try await Self.verbsOfCollection(fixture)
        try await Self.verbsOfTheScrub(catalog, layer)
        try await Self.verbsOfAvailability(catalog)
        try await catalog.housekeep()
        return fixture.statements.withLock { $0 }
    }

    private static func verbsOfMirrors(_ catalog: Catalog, _ layer: Digest) async throws {
        let (name, tag) = (try Sample.repository("docker.io/app"), try Sample.tag("a"))
        let image = try SampleManifest.image(41, layers: [(layer, 10)])
        for sample in [try SampleManifest.index(42, [image]), image] {
            _ = try await catalog.putMirrored(
                sample.manifest,
                digest: sample.digest,
                in: name,
                tag: tag,
                context: Sample.context
            )
        }
        _ = try await catalog.awaitedSize(of: layer, in: name)
        try await catalog.linkFetchedBlob(layer, size: 10, in: name)
    }

    private static func recordsAndQuotas(_ catalog: Catalog, _ layer: Digest) async throws {
        let name = try Sample.repository()
        for order in [PageOrder.after(0), .before(nil)] {
            for principal in [nil, "someone"] {
                for repository in [nil, name] {
                    _ = try await catalog.audit(order, limit: 9, principal: principal, repository: repository)
                    _ = try await catalog.denials(order, limit: 9, principal: principal, repository: repository)
                }
            }
        }
        let note = DenialNote(
            context: Sample.context,
            action: "push",
            repository: name,
            subject: nil,
            rule: nil,
            reason: ""
        )
        try await catalog.recordDenials([CountedDenial(note: note, at: 1, count: 1)])
        try await catalog.recordChange(.robotCreated(name: "ci"), context: Sample.context)
        _ = try await catalog.usage(prefix: "team/")
        let quota = StorageQuota(prefix: "team/", bytes: 1 << 40)
        _ = try await catalog.excess(of: [quota], adding: 1, of: layer, to: name)
        try await Self.verbsOfTheLog(catalog)
        try await Self.verbsOfTrust(catalog, image: SampleManifest.image(2).digest)
        try await Self.verbsOfReplay(catalog)
        try await Self.verbsOfProtection(catalog, image: SampleManifest.image(2).digest)
        _ = try await catalog.mountableSize(layer, from: nil, isReadable: { _ in true })
        _ = try await catalog.put(
            SampleManifest.image(4),
            tags: ["b"],
            overwrites: [Sample.tag("b"): .exempted],
            quotas: [quota]
        )
    }

    private static func verbsOfTheLog(_ catalog: Catalog) async throws {
        let events = try await catalog.unsealedEvents(limit: 100, bytesLimit: .max)
        let root = [UInt8](repeating: 1, count: 32)
        try await catalog.seal(events.map(\.id), from: 0, root: root)
        try await catalog.keepNote([1], ofSize: Int64(events.count), root: root)
        _ = try await catalog.lastCheckpoints()
        _ = try await catalog.checkpoints(after: 0, limit: 10)
        _ = try await catalog.lastSealedIndex()
        _ = try await catalog.entries(from: 0, limit: 10, bytesLimit: .max)
        _ = try await catalog.index(of: events[0].id)
        _ = try await catalog.lastEntry(of: .tag(Sample.tag("b")), in: Sample.repository())
        _ = try await catalog.changes(of: Sample.tag("b"), in: Sample.repository(), before: nil, limit: 10)
        _ = try await catalog.keyRotation(to: "a key")
        let tree = WitnessedTree(size: 1, root: root)
        _ = try await catalog.witness(tree, after: nil, of: "a log")
        _ = try await catalog.witnessedTree(of: "a log")
    }

    private static func verbsOfReplay(_ catalog: Catalog) async throws {
        let image = try SampleManifest.image(7, subject: Sample.digest(9), artifactType: "application/x.y")
        let digest = "\"digest\":\"\(image.digest)\""
        try await catalog.link(0, size: 2)
        let leaves = [
            ReplayTests.leaf("repo.create", "", repository: "team/replayed"),
            ReplayTests.leaf("manifest.put", digest + ",\"mediaType\":\"\(SampleManifest.imageType)\""),
            ReplayTests.leaf("tag.set", digest + ",\"former\":null,\"tag\":\"replayed\""),
            ReplayTests.leaf("hold.set", digest + ",\"kind\":\"hold\",\"reason\":\"r\""),
            ReplayTests.leaf("hold.set", "\"kind\":\"hold\",\"reason\":\"r\",\"tag\":\"replayed\""),
            ReplayTests.leaf("hold.clear", digest + ",\"kind\":\"hold\""),
            ReplayTests.leaf("hold.clear", "\"kind\":\"hold\",\"tag\":\"replayed\""),
            ReplayTests.leaf("quarantine.set", digest + ",\"reason\":\"r\"", repository: nil),
            ReplayTests.leaf("manifest.trash", digest), ReplayTests.leaf("manifest.restore", digest),
            ReplayTests.leaf("manifest.trash", digest), ReplayTests.leaf("manifest.purge", digest),
        ]
        var entries = try leaves.map { try ReplayTests.entry($0, image) }
        try await catalog.recordChange(.robotCreated(name: "open"), context: Sample.context)
        for event in try await catalog.unsealedEvents(after: nil, limit: 10_000) {
            let change = try LoggedChange(parsing: event.leaf)
            entries.append(ReplayedEntry(leaf: event.leaf, change: change, event: event.id))
        }
        let next = try await (catalog.lastSealedIndex() ?? -1) + 1
        try await catalog.replay(entries, from: next)
        _ = try await catalog.recordAnew(limit: 10)
        let size = next + Int64(entries.count)
        try await catalog.endReplay(size: size, root: [UInt8](repeating: 2, count: 32), note: [1])
        _ = try await catalog.lastPlace()
        _ = try await catalog.unmetEntries(after: .start, limit: 10)
        _ = try await catalog.lostBlobs(limit: 10)
    }

    private static func verbsOfTheScrub(_ catalog: Catalog, _ layer: Digest) async throws {
        for name in [nil, try Sample.repository()] {
            _ = try await catalog.scrubCandidates(after: nil, in: name, limit: 10)
        }
        try await catalog.beginScrubPass(over: BlobTotals())
        var progress = ScrubProgress()
        (progress.verified, progress.after) = ([layer], layer)
        try await catalog.recordScrub(progress)
        _ = try await catalog.scrubRecord()
        _ = try await catalog.oldestVerification(after: layer)
        try await catalog.endScrubPass()
        _ = try await catalog.damagedBlobs(limit: 10)
        try await catalog.markBlob(layer, health: .corrupt)
        try await catalog.markBlob(layer, health: .ok)
        let image = try SampleManifest.image(2)
        for health in [BlobHealth.corrupt, .ok] { try await catalog.markBlob(image.digest, health: health) }
        try await catalog.markBlob(image.digest, health: .corrupt)
        _ = try await catalog.put(image, tags: ["a"])
        _ = try await catalog.manifestCopies(of: image.digest, after: nil, limit: 10)
        try await catalog.replaceCopies([1], of: image.digest, by: [])
    }

    private static func verbsOfAvailability(_ catalog: Catalog) async throws {
        _ = try await catalog.beginRun()
        try await catalog.addAvailability([
            AvailabilityRow(minute: 1, region: "eu", source: "probe", good: 1, total: 1)
        ])
        _ = try await catalog.availability(after: nil, limit: 10)
        for environment in [nil, "prod"] {
            let place = try environment.map { try PlaceName(parsing: $0) }
            _ = try await catalog.startMaintenance(of: place, seconds: 60, reason: "r", context: Sample.context)
            _ = try await catalog.maintenance(endingAfter: 0, limit: 10)
            _ = try await catalog.endMaintenance(of: place, id: nil, context: Sample.context)
        }
        try await catalog.trimAvailability(before: 100)
        try await catalog.endRun()
    }

    private static func verbsOfTrust(_ catalog: Catalog, image: Digest) async throws {
        let name = try Sample.repository()
        let inputs = try await catalog.trustInputs(of: image, in: name, limit: 10, bytesLimit: .max)
        _ = try await catalog.keepVerdict([1], on: image, tag: "", in: name, generation: inputs?.generation ?? 0)
        _ = try await catalog.verdict(on: image, tag: "", in: name)
        _ = try await catalog.setQuarantine(image, reason: "a test", context: Sample.context)
        _ = try await catalog.quarantineHolds()
        _ = try await catalog.quarantines()
        _ = try await catalog.quarantine(of: image)
        _ = try await catalog.clearQuarantine(image, reason: "a test", context: Sample.context)
        try await catalog.enqueueScan(of: image, in: name)
        for scan in try await catalog.queuedScans(limit: 10) { try await catalog.endScan(scan) }
        try await catalog.keepLayerScan([1], of: image, scanner: 1)
        _ = try await catalog.layerScan(of: image, scanner: 1)
    }

    private static func verbsOfCollection(_ fixture: CatalogFixture) async throws {
        let catalog = try fixture.catalog
        fixture.clock.advance(seconds: Sample.undo + 1)
        _ = try await catalog.purgeManifests(limit: 10, context: Sample.context)
        fixture.clock.advance(seconds: Sample.lease + 1)
        _ = try await catalog.collectLinks(limit: 10)
        let condemned = try await catalog.condemnedBlobs(after: nil, limit: 10).map(\.digest)
        _ = try await catalog.stillCondemned(condemned)
        _ = try await catalog.deleteCondemned(condemned)
        _ = try await catalog.digestsWithoutRow(among: [Sample.digest(77)])
        _ = try await catalog.condemnFiles([(digest: Sample.digest(77), size: 1)])
        _ = try await catalog.secondsUntilCollectable()
        _ = try await catalog.collectionBacklog()
        _ = try await catalog.retentionPolicySince()
        _ = try await catalog.storedBytes()
        _ = try await catalog.storageCategories(after: nil)
        _ = try await catalog.auditManifests(after: nil)
        _ = try await catalog.auditBlobs(after: nil)
        _ = try await catalog.auditLinks(of: Sample.repository(), after: nil)
        _ = try await catalog.auditedRepositories(after: nil)
        _ = try await catalog.account(of: Sample.repository())
    }

    private static func verbsOfProtection(_ catalog: Catalog, image: Digest) async throws {
        let name = try Sample.repository()
        let subjects: [Reference] = [.digest(image), .tag(try Sample.tag("i"))]
        for kind in [PinKind.pin, .lock] {
            for subject in subjects {
                let until: Int64? = kind == .lock ? 1_900_000_000 : nil
                _ = try await catalog.setPin(
                    kind,
                    on: subject,
                    in: name,
                    until: until,
                    reason: "r",
                    context: Sample.context
                )
            }
        }
        _ = try await catalog.delete(image)
        let place = try DeploymentFixture.place("web-1", service: "shop")
        for digest in [image, try SampleManifest.image(4).digest] {
            _ = try await catalog.reportDeployment(
                DeploymentReport(place: place, repository: name, digest: digest, deployment: nil, expires: 60),
                grace: 60,
                context: Sample.context
            )
        }
        for repository in [nil, name] {
            _ = try await catalog.pins(in: repository, after: 0, limit: 10)
            for environment in [nil, place.environment] {
                _ = try await catalog.deployments(in: repository, environment: environment, after: 0, limit: 10)
            }
        }
        _ = try await catalog.protections(of: name, previousImages: 3, now: 1_700_000_000)
        _ = try await catalog.write { transaction in
            try transaction.isProtected(
                Sample.digest(9),
                tags: [Sample.tag("a")],
                in: Sample.repository(),
                previousImages: 3,
                now: 1_700_000_000
            )
        }
        _ = try await catalog.removePin(.pin, from: subjects[0], in: name, context: Sample.context)
        _ = try await catalog.endDeployment(
            at: place,
            in: name,
            digest: nil,
            ofAnyone: false,
            grace: 0,
            context: Sample.context
        )
        try await ReleaseVerbs.run(catalog, place)
        _ = try await catalog.expireDeployments(limit: 10)
        _ = try await catalog.staleDeployments(now: 1_700_000_000)
        try await catalog.recordPulls([PulledManifest(repository: name, digest: image, at: 1)])
        _ = try await catalog.lastPull(of: image, in: name)
    }

    @Test func noVerbScansATable() async throws {
        let fixture = try CatalogFixture()
        let statements = try await QueryPlanTests.statementsOfAllVerbs(fixture)
            .filter { statement in !statement.contains("sqlite_master") }
            .filter { statement in
                ["SELECT", "INSERT", "UPDATE", "DELETE"].contains { statement.hasPrefix($0) }
            }
        #expect(statements.count > 50)
        for statement in statements.sorted() {
            let plan = try plan(of: statement, fixture)
            let scans = plan.filter { isScan($0, in: statement) }
            #expect(scans.isEmpty, "\(statement)")
        }
    }

    /// What a search goes through besides, such as all reports of an image, no plan shows as a scan.
    @Test func theReleaseRecordIsAskedByTheIndexThatFits() async throws {
        let fixture = try CatalogFixture()
        let statements = try await QueryPlanTests.statementsOfAllVerbs(fixture)
        for (part, index) in [
            ("SELECT 1 FROM release WHERE repo_id", "release_place"),
            ("SELECT at FROM release WHERE", "release_place"),
            ("SELECT at, id FROM release WHERE", "release_place"),
            ("SELECT phase, digest, target, at FROM release", "release_deployment"),
            ("WHERE x.repo_id = ? AND x.env = ? AND x.id < ?", "release_repo_env"),
            ("SELECT env FROM desired", "desired_live"),
            ("SELECT DISTINCT repo_id, digest FROM desired", "desired_live"),
        ] {
            let found = statements.filter { $0.contains(part) }
            #expect(!found.isEmpty, "\(part)")
            for statement in found {
                let plan = try plan(of: statement, fixture)
                #expect(plan.contains { $0.contains("INDEX \(index) ") }, "\(statement): \(plan)")
                #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(statement): \(plan)")
            }
        }
    }

    private func plan(of statement: String, _ fixture: CatalogFixture) throws -> [String] {
        try fixture.raw { database in
            let explain = try database.makeStatement(sql: "EXPLAIN QUERY PLAN \(statement)")
            explain.setUncheckedArguments(StatementArguments())
            return try Row.fetchAll(explain).map { $0["detail"] }
        }
    }

    /// A scan is allowed where its length is bounded by LIMIT in key order, or it reads a bounded result.
    private func isScan(_ step: String, in statement: String) -> Bool {
        guard step.hasPrefix("SCAN") else {
            return step.contains("AUTOMATIC") || walksARepository(step, in: statement)
        }
        let bounded = [
            "SCAN CONSTANT ROW", "SCAN page", "SCAN bounded", "SCAN (subquery",
            // What a recursion has still to look at, and tables that people fill by hand.
            "SCAN below", "SCAN above", "SCAN held", "SCAN quarantine", "SCAN peer",
            // Only what was not sealed yet stands in this index, and only what waits in this table.
            "SCAN event USING INDEX event_unsealed", "SCAN event USING COVERING INDEX event_unsealed",
            "SCAN scan_queue",
            // Only what was found damaged stands in this index.
            "SCAN blob USING COVERING INDEX blob_sick",
            // A minute's bookings, and counts that end at a bound.
            "SCAN stored",
            // Only what is damaged stands in this index.
            "SCAN blob USING INDEX blob_sick",
        ]
        if bounded.contains(where: step.hasPrefix) { return false }
        // One step from the end of the table, and the first rows of a queue.
        if step.hasPrefix("SCAN checkpoint"), statement.contains("ORDER BY size DESC LIMIT 1") { return false }
        return !statement.contains("ORDER BY id DESC LIMIT 1") && !statement.contains("ORDER BY id LIMIT ?")
    }

    /// A search by the repository alone walks all that the repository has, as the check of a foreign key did before
    /// its index had all columns. It is fine where one row is enough, and for a repository that is new.
    private func walksARepository(_ step: String, in statement: String) -> Bool {
        guard step.hasPrefix("SEARCH"), step.hasSuffix("(repo_id=?)") else { return false }
        // What housekeeping has not folded yet: a minute's changes.
        if step.contains("INDEX usage_delta_repo ") { return false }
        // A count that ends at a LIMIT.
        if statement.hasPrefix("SELECT COUNT(*) FROM (SELECT 1 FROM"), statement.hasSuffix("LIMIT ?) AS bounded") {
            return false
        }
        return !statement.contains("EXISTS (SELECT 1 FROM") && !statement.hasPrefix("INSERT INTO repo(")
    }

    /// The check above can fail: it knows a scan when it sees one.
    @Test func aScanIsSeen() throws {
        let fixture = try CatalogFixture()
        for statement in [
            "SELECT digest FROM blob WHERE size = ?", "SELECT name FROM tag WHERE repo_id = ? AND hlc = ?",
        ] {
            let plan = try plan(of: statement, fixture)
            #expect(plan.contains { isScan($0, in: statement) })
        }
    }

    /// Deleting a parent row makes the engine look for its children: that must go by an index as well.
    @Test func everyForeignKeyHasAnIndexOnItsChild() throws {
        let fixture = try CatalogFixture()
        try fixture.raw { database in
            let tables = try String.fetchAll(
                database,
                sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for table in tables {
                let keys = try Row.fetchAll(
                    database,
                    sql: "SELECT * FROM pragma_foreign_key_list(?)",
                    arguments: [table]
                )
                for (_, columns) in Dictionary(grouping: keys, by: { $0["id"] as Int }) {
                    let names = columns.sorted { ($0["seq"] as Int) < ($1["seq"] as Int) }.map { $0["from"] as String }
                    let condition = names.map { "\($0) = 1" }.joined(separator: " AND ")
                    let plan = try Row.fetchAll(
                        database,
                        sql: "EXPLAIN QUERY PLAN SELECT 1 FROM \(table) WHERE \(condition)"
                    ).map { $0["detail"] as String }
                    #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(table)(\(names))")
                }
            }
        }
    }
}
