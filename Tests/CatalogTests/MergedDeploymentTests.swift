// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// What runs somewhere by what one region was told is kept in all of them.
@Suite struct MergedDeploymentTests {
    private let (here, there): (MemoryRegion, MemoryRegion)
    private let images: [SampleManifest]
    private let name: RepositoryName
    private static let day: Int64 = 86_400
    private static let grace = 30 * day

    init() async throws {
        (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        images = try (1...3).map { try SampleManifest.image($0) }
        name = try Sample.repository()
        for (region, other) in [(here, there), (there, here)] {
            try await region.meet(other)
            try await region.catalog.linkConfig()
        }
        for image in images { _ = try await here.catalog.put(image) }
        try await there.mergeAll(of: here, manifests: images)
    }

    private func place(_ target: String) throws -> DeploymentPlace {
        DeploymentPlace(
            environment: try PlaceName(parsing: "prod"),
            target: try PlaceName(parsing: target),
            service: nil
        )
    }

    @discardableResult
    private func report(_ image: Int, on target: String = "web-1") async throws -> EventID? {
        let report = DeploymentReport(
            place: try place(target),
            repository: name,
            digest: images[image].digest,
            deployment: nil,
            expires: Self.day
        )
        let made = try await here.catalog.reportDeployment(report, grace: Self.grace, context: Sample.context)
        guard case .recorded(let event, _, _, _) = made else {
            Issue.record("\(made)")
            return nil
        }
        return event
    }

    private func running(_ region: MemoryRegion) async throws -> [Digest] {
        try await region.catalog.deployments(in: name, environment: nil, after: 0, limit: 10)
            .filter { $0.endedAt == nil }.map(\.digest)
    }

    private func protected(_ region: MemoryRegion) async throws -> Set<String> {
        let found = try await region.catalog.protections(
            of: name,
            previousImages: 3,
            now: region.clock.wallMilliseconds / 1_000
        )
        return Set(found.map { "\($0.subject)" })
    }

    private func texts(_ numbers: Int...) -> Set<String> { Set(numbers.map { "\(images[$0].digest)" }) }

    @Test func whatRunsIsProtectedInBoth() async throws {
        try await report(0)
        try await report(1)
        try await there.mergeAll(of: here, manifests: images)
        for region in [here, there] {
            let (now, kept) = (try await running(region), try await protected(region))
            #expect(now == [images[1].digest])
            #expect(kept == texts(0, 1), "what runs, and what ran before it")
        }
    }

    /// The log is told again often enough that the other region never takes a running image for a silent one.
    @Test func aReportThatIsRenewedStaysProtectedThere() async throws {
        #expect(try await report(0) != nil)
        var events = 0
        for _ in 0..<80 {
            here.clock.advance(seconds: Self.day / 2)
            there.clock.advance(seconds: Self.day / 2)
            if try await report(0) != nil {
                events += 1
                try await there.mergeAll(of: here, manifests: images)
            }
            let stale = try await there.catalog.deployments(in: name, environment: nil, after: 0, limit: 1)
            #expect(stale.allSatisfy { $0.staleAt > there.clock.wallMilliseconds / 1_000 })
        }
        #expect((5...6).contains(events), "\(events) events in 40 days")
        let kept = try await protected(there)
        #expect(kept == texts(0))
    }

    @Test func theLatestCountsInWhateverOrder() async throws {
        try await report(0)
        try await report(1)
        try await report(2, on: "web-2")
        _ = try await here.catalog.endDeployment(
            at: place("web-2"),
            in: name,
            digest: nil,
            ofAnyone: false,
            grace: Self.grace,
            context: Sample.context
        )
        try await here.seal()
        let reversed = Array((0..<here.log.count).reversed())
        _ = try await there.merge(reversed, of: here, manifests: images.byDigest)
        let (now, kept) = (try await running(there), try await protected(there))
        #expect(now == [images[1].digest])
        #expect(kept == texts(0, 1, 2), "what ran on web-2 stays for the way back")
    }

    /// An operator of another region says that it runs there no more.
    @Test func anotherRegionEndsIt() async throws {
        try await report(0)
        try await there.mergeAll(of: here, manifests: images)
        let ended = try await there.catalog.endDeployment(
            at: place("web-1"),
            in: name,
            digest: images[0].digest,
            ofAnyone: true,
            grace: Self.grace,
            context: Sample.context
        )
        guard case .ended = ended else {
            Issue.record("\(ended)")
            return
        }
        try await here.mergeAll(of: there, manifests: images)
        let left = [try await running(here), try await running(there)]
        #expect(left == [[], []])
        let reporters = try await there.catalog.deployments(in: name, environment: nil, after: 0, limit: 10)
        #expect(reporters.map(\.reporter).allSatisfy { $0.hasPrefix("a-") }, "by its name in the log alone")
    }
}
