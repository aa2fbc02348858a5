// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Journal
import OCI
import Testing
import Transparency

@Suite struct TreeEdgeTests {
    private static func leaf(_ number: Int) -> [UInt8] { Array("entry \(number)".utf8) }

    /// In whatever portions entries come, the root is the tree's, and every tile that the tree has was written when it
    /// came to be, with the bytes that the specification gives it.
    @Test(arguments: [(1, 1_000), (7, 1_500), (255, 3_000), (256, 3_000), (257, 3_000), (1_000, 66_000)])
    func writesEveryTile(portion: Int, until end: Int) throws {
        var edge = TreeEdge()
        var all: [TreeHash] = []
        var disk: [TilePath: [UInt8]] = [:]
        for number in stride(from: 0, to: end, by: portion) {
            let leaves = (number..<(number + portion)).map(Self.leaf)
            let before = edge.size
            let files = try edge.append(leaves)
            all += leaves.map(MerkleTree.leafHash)
            for file in files {
                #expect(disk[file.path] == nil, "written twice: \(file.path)")
                disk[file.path] = file.bytes
            }
            let written = Set(files.map(\.path))
            for content in [TileCoverage.Content.hashes, .entries] {
                for path in TileCoverage(content, from: before, to: edge.size) {
                    #expect(written.contains(path), "\(path) is missing from \(before) to \(edge.size)")
                }
            }
            if number % (portion * 50) == 0 || edge.size >= end {
                #expect(edge.root == MerkleTree.root(of: all))
                #expect(try TreeReader(disk, edge.size).root() == edge.root)
            }
        }
    }

    private func TreeReader(_ disk: [TilePath: [UInt8]], _ size: Int64) -> TileReader {
        TileReader(size: size) { path in
            try Tile.hashes(from: disk[path] ?? [], width: path.width)
        }
    }

    /// An edge that was read from partial tiles grows as the one that wrote them.
    @Test(arguments: [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_800])
    func goesOnFromTiles(size: Int) throws {
        var edge = TreeEdge()
        var disk: [TilePath: [UInt8]] = [:]
        for file in try edge.append((0..<size).map(Self.leaf)) { disk[file.path] = file.bytes }
        let read = try TreeEdge(
            size: Int64(size),
            hashes: { try Tile.hashes(from: disk[$0] ?? [], width: $0.width) },
            entries: { try EntryBundle.entries(from: disk[$0] ?? [], width: $0.width) }
        )
        #expect(read.root == edge.root && read.entries == edge.entries && read.size == edge.size)
        var continued = read
        let more = (size..<(size + 300)).map(Self.leaf)
        let first = try continued.append(more)
        let second = try edge.append(more)
        #expect(first == second && continued.root == edge.root)
    }
}
