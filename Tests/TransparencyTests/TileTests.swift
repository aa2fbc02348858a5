// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing
import Transparency

@Suite("Tiles")
struct TileTests {
    @Test(
        "have the paths of the specification",
        arguments: [
            (TilePath(.hashes(level: 0), index: 0), "tile/0/000"),
            (TilePath(.hashes(level: 3), index: 999, width: 1), "tile/3/999.p/1"),
            (TilePath(.hashes(level: 0), index: 1_234_067), "tile/0/x001/x234/067"),
            (TilePath(.hashes(level: 0), index: 1_234_067, width: 5), "tile/0/x001/x234/067.p/5"),
            (TilePath(.entries, index: 1_000, width: 255), "tile/entries/x001/000.p/255"),
            (TilePath(.entries, index: 273), "tile/entries/273"),
        ]
    )
    func paths(path: TilePath?, text: String) throws {
        let path = try #require(path)
        #expect(path.description == text)
        #expect(try TilePath(parsing: text) == path)
    }

    @Test(
        "have no other path",
        arguments: [
            "", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile/0/0", "tile/0/00",
            "tile/0/0000",
            "tile/0/1000", "tile/0/x000/001", "tile/0/001/001", "tile/0/x001/x001", "tile/0/001.p", "tile/0/001.p/",
            "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001.p/-1", "tile/0/001.p/+1",
            "tile/0/001/1",
            "tile/00/001", "tile/+0/001", "tile/-1/001", "tile/8/000", "tile/64/000", "tile/x/000", "tile/entry/000",
            "tile/0/+01", "tile/0/-01", "tile/0/x-01/000", "tile/0/X001/000", "tile/0/../000", "tile/0/001.p/1/2",
            "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/7/128", "tile/entries/00\u{661}", "tile/0/ 00",
            "tile/0/001.P/1",
        ]
    )
    func refusedPaths(text: String) {
        #expect(code { try TilePath(parsing: text) } == .invalidTile)
    }

    @Test("end where 2^63 - 1 entries do")
    func largest() {
        #expect(TilePath(.hashes(level: 0), index: 1 << 55 - 1, width: 255) != nil)
        #expect(TilePath(.hashes(level: 0), index: 1 << 55 - 1, width: 256) == nil)
        #expect(TilePath(.hashes(level: 0), index: 1 << 55, width: 1) == nil)
        #expect(TilePath(.hashes(level: 7), index: 0, width: 127) != nil)
        #expect(TilePath(.hashes(level: 7), index: 0, width: 128) == nil)
        #expect(TilePath(.hashes(level: 8), index: 0, width: 1) == nil)
        #expect(TilePath(.entries, index: -1) == nil)
        #expect(TilePath(.entries, index: 0, width: 0) == nil)
        #expect(TilePath(.entries, index: 0, width: 257) == nil)
    }

    @Test("of a tree are as many as the specification has it")
    func coverage() {
        func paths(_ size: Int64) -> [String] { TileCoverage(to: size).map(\.description) }
        #expect(paths(0) == [])
        #expect(paths(1) == ["tile/0/000.p/1"])
        #expect(paths(255) == ["tile/0/000.p/255"])
        #expect(paths(256) == ["tile/0/000", "tile/1/000.p/1"])
        #expect(paths(257) == ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"])
        let almost = paths(65_535)
        #expect(almost.count == 257)
        #expect(almost.suffix(3) == ["tile/0/254", "tile/0/255.p/255", "tile/1/000.p/255"])
        let even = paths(65_536)
        #expect(even.count == 258)
        #expect(even.suffix(3) == ["tile/0/255", "tile/1/000", "tile/2/000.p/1"])
        let odd = paths(70_000)
        #expect(odd.count == 273 + 1 + 1 + 1 + 1)
        #expect(odd.suffix(5) == ["tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"])
        #expect(
            TileCoverage(.entries, to: 513).map(\.description) == [
                "tile/entries/000", "tile/entries/001", "tile/entries/002.p/1",
            ]
        )
        // A sequence without an array: the first of very many.
        #expect(TileCoverage(from: .max - 1, to: .max).map(\.width) == [255])
        #expect(TileCoverage(to: .max).first { _ in true }?.isPartial == false)
    }

    @Test("between two sizes are those that one has and the other has not")
    func between() {
        let sizes: [Int64] = [
            0, 1, 2, 255, 256, 257, 511, 512, 513, 65_280, 65_535, 65_536, 65_537, 65_792, 70_000, 131_072,
        ]
        for old in sizes {
            for new in sizes {
                let difference = Set(TileCoverage(to: new)).subtracting(TileCoverage(to: old))
                let found = Array(TileCoverage(from: old, to: new))
                #expect(Set(found) == (old < new ? difference : []), "\(old) to \(new)")
                #expect(Set(found).count == found.count)
            }
        }
    }

    @Test("write and read their hashes")
    func hashes() throws {
        let log = SampleLog(256)
        for width in [1, 2, 255, 256] {
            let hashes = Array(log.leaves.prefix(width))
            let bytes = Tile.bytes(of: hashes)
            #expect(bytes == hashes.flatMap(\.bytes))
            #expect(try Tile.hashes(from: bytes, width: width) == hashes)
            #expect(Tile.root(of: hashes) == Definition.root(hashes))
            #expect(code { try Tile.hashes(from: bytes + [0], width: width) } == .invalidTile)
            #expect(code { try Tile.hashes(from: Array(bytes.dropLast()), width: width) } == .invalidTile)
            #expect(code { try Tile.hashes(from: bytes, width: width - 1) } == .invalidTile)
        }
        #expect(Tile.bytes(of: log.leaves).count == Tile.fullByteCount)
        #expect(code { try Tile.hashes(from: [], width: 0) } == .invalidTile)
    }

    @Test("of entries write and read them")
    func bundles() throws {
        let entries: [[UInt8]] = [[], [1], [UInt8](repeating: 2, count: 256), [UInt8](repeating: 3, count: 65_535)]
        let bytes = try EntryBundle.bytes(of: entries)
        #expect(bytes.prefix(5) == [0, 0, 0, 1, 1])
        #expect(bytes.count == 4 * 2 + 1 + 256 + 65_535)
        #expect(try EntryBundle.entries(from: bytes, width: 4) == entries)
        for width in [0, 3, 5] { #expect(code { try EntryBundle.entries(from: bytes, width: width) } == .invalidEntry) }
        for length in [0, 1, 2, 3, 4, 6, 262, bytes.count - 1] {
            let cut = Array(bytes.prefix(length))
            #expect(code { try EntryBundle.entries(from: cut, width: 4) } == .invalidEntry, "\(length)")
        }
        #expect(code { try EntryBundle.entries(from: bytes + [0], width: 4) } == .invalidEntry)
        #expect(code { try EntryBundle.bytes(of: [[UInt8](repeating: 3, count: 65_536)]) } == .invalidEntry)
        #expect(code { try EntryBundle.bytes(of: [[UInt8]]()) } == .invalidEntry)
        #expect(code { try EntryBundle.bytes(of: [[UInt8]](repeating: [], count: 257)) } == .invalidEntry)
        #expect(code { try EntryBundle.entries(from: [UInt8](repeating: 0, count: 514), width: 257) } == .invalidEntry)
    }
}

@Suite("Tile reader")
struct TileReaderTests {
    @Test(
        "gives the root, the compact range and every leaf",
        arguments: [0, 1, 2, 255, 256, 257, 511, 4_097, 65_536, 70_000]
    )
    func roots(size: Int) throws {
        let log = SampleLog(size)
        let reader = log.reader(size)
        var range = CompactRange()
        for leaf in log.leaves { range.append(leaf) }
        #expect(try reader.compactRange() == range)
        #expect(try reader.root() == range.root)
        for index in [0, size / 2, size - 1] where size > 0 {
            #expect(try reader.leafHash(Int64(index)) == log.leaves[index])
        }
        #expect(code { try reader.leafHash(Int64(size)) } == .outOfRange)
        #expect(code { try reader.leafHash(-1) } == .outOfRange)
        #expect(code { try reader.inclusionProof(of: Int64(size)) } == .outOfRange)
        #expect(code { try reader.consistencyProof(from: Int64(size) + 1) } == .outOfRange)
        #expect(code { try reader.consistencyProof(from: -1) } == .outOfRange)
    }

    @Test("reads the tiles that it named, each once, and only tiles of the tree")
    func named() throws {
        let log = SampleLog(70_000)
        var generator = SeededGenerator(3)
        for size in [1, 255, 256, 257, 65_536, 70_000] {
            let tiles = Set(TileCoverage(to: Int64(size)))
            let index = Int64.random(in: 0..<Int64(size), using: &generator)
            for question in [
                TileReader.Question.root, .leaf(index), .inclusion(index), .consistency(from: index),
                .consistency(from: 0),
            ] {
                var read: [TilePath] = []
                try withoutActuallyEscaping({ (path: TilePath) in
                    read.append(path)
                    return log.tile(path)
                }) { closure in
                    let reader = TileReader(size: Int64(size), read: closure)
                    switch question {
                    case .root: _ = try reader.root()
                    case .leaf(let index): _ = try reader.leafHash(index)
                    case .inclusion(let index): _ = try reader.inclusionProof(of: index)
                    case .consistency(let old): _ = try reader.consistencyProof(from: old)
                    }
                }
                #expect(read == TileReader.tiles(for: question, size: Int64(size)), "\(question) of \(size)")
                #expect(tiles.isSuperset(of: read))
            }
        }
        #expect(TileReader.tiles(for: .inclusion(5), size: 5) == [])
        #expect(TileReader.tiles(for: .leaf(-1), size: 5) == [])
        #expect(TileReader.tiles(for: .consistency(from: 6), size: 5) == [])
        // Of the largest tree too.
        #expect(TileReader.tiles(for: .inclusion(.max / 3), size: .max).count < 64)
    }

    @Test("refuses a tile of the wrong width, and lets errors through")
    func wrongTiles() {
        struct Missing: Error {}
        let log = SampleLog(300)
        let short = TileReader(size: 300) { log.tile($0).dropLast() }
        #expect(code { try short.root() } == .invalidTile)
        #expect(code { try short.leafHash(0) } == .invalidTile)
        let long = TileReader(size: 300) { log.tile($0) + [MerkleTree.emptyRoot] }
        #expect(code { try long.leafHash(0) } == .invalidTile)
        let missing = TileReader(size: 300) { _ in throw Missing() }
        #expect(throws: Missing.self) { try missing.root() }
    }
}
