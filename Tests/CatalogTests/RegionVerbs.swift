// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import OCI

/// Every verb that other regions' entries need, for the test of query plans.
enum RegionVerbs {
    private static let origin = "there"

    static func run(_ catalog: Catalog) async throws {
        _ = try await catalog.addPeer(origin: origin, region: "eu")
        try await catalog.setPositions(["cairn": 1], of: origin)
        let image = try SampleManifest.image(31, layers: [(Sample.digest(77), 7)], subject: Sample.digest(9))
        let index = try SampleManifest.index(32, [image])
        let leaves = try entries(image, index)
        let size = Int64(leaves.count)
        try await catalog.receive(leaves, from: 0, mirrored: size, of: origin)
        for manifests in [[], [image, index]] {
            let due = try leaves.enumerated().map { place, leaf in
                MergedEntry(
                    index: Int64(place),
                    change: try LoggedChange(parsing: leaf),
                    manifests: manifests.byDigest
                )
            }
            _ = try await catalog.merge(due, of: origin)
        }
        _ = try await catalog.dueEntries(of: origin, limit: 10)
        try await catalog.hearPeer(origin, size: size)
        try await catalog.revisit([0: leaves[0]], of: origin)
        for kind in StateRow.Kind.allCases {
            _ = try await catalog.stateRows(of: Sample.repository(), kind, after: nil, limit: 10)
        }
        _ = try await catalog.inboxBacklog(of: origin)
        for open in [true, false] {
            for conflict in try await catalog.conflicts(open: open, limit: 10) where open {
                _ = try await catalog.resolveConflict(conflict.id, .takeLoser, context: Sample.context)
            }
        }
        _ = try await catalog.conflictCounts()
        for lack in BlobLack.allCases { _ = try await catalog.missingBlobs(lack, after: nil, limit: 10) }
        _ = try await catalog.remoteBacklog()
        _ = try await catalog.expireTombstones(limit: 10)
        _ = try await catalog.peers()
        _ = try await catalog.peer(origin)
        _ = try await catalog.setPeer(origin, state: .retired, reason: "")
    }

    private static func entries(_ image: SampleManifest, _ index: SampleManifest) throws -> [[UInt8]] {
        let (picture, list) = ("\"digest\":\"\(image.digest)\"", "\"digest\":\"\(index.digest)\"")
        let (set, other) = (",\"tag\":\"merged\"", try Sample.digest(5))
        let conflict = """
            "tag":"merged","winner":"\(image.digest)","winnerTime":"1","winnerRegion":"eu","loser":"\(other)",\
            "loserTime":"2","loserRegion":"eu"
            """
        let changes: [(String, String, Int64)] = [
            ("manifest.put", picture + ",\"mediaType\":\"\(SampleManifest.imageType)\"", 100),
            ("manifest.put", list + ",\"mediaType\":\"\(SampleManifest.indexType)\"", 101),
            ("tag.set", picture + ",\"former\":null" + set, 102),
            ("tag.set", list + ",\"former\":\"\(other)\"" + set, 103),
            ("tag.set", picture + ",\"former\":\"\(other)\"" + set, 104),
            ("tag.delete", "\"former\":\"\(image.digest)\",\"tag\":\"gone\"", 105),
            ("manifest.trash", list, 106), ("manifest.trash", picture, 107), ("manifest.restore", list, 108),
            ("hold.set", picture + ",\"kind\":\"hold\",\"reason\":\"r\"", 109),
            ("hold.clear", "\"kind\":\"hold\",\"tag\":\"merged\"", 110),
            ("quarantine.set", picture + ",\"reason\":\"r\"", 111), ("quarantine.clear", picture, 112),
            ("conflict.resolve", conflict, 113), ("repo.create", "", 114),
        ]
        return changes.map { kind, body, time in
            let name = kind.hasPrefix("quarantine") ? nil : "team/app"
            let leaf = ReplayTests.leaf(kind, body, time: time << 16, repository: name)
            let text = String(decoding: leaf, as: UTF8.self)
            return Array(text.replacing("\"origin\":\"cairn\"", with: "\"origin\":\"\(origin)\"").utf8)
        }
    }
}
