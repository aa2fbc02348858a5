// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ImageDiff
import LayerArchive
import LayerSamples
import Testing

/// Layers as archives, sound and not.
@Suite struct LayerTreeTests {
    static func code(_ bytes: [UInt8], limits: LayerLimits = LayerLimits()) -> ImageDiffError.Code? {
        do throws(ImageDiffError) {
            var tree = FileTree(isComplete: true)
            try tree.apply(LayerTree(bytes: bytes, limits: limits))
            return nil
        } catch {
            #expect(!error.reason.isEmpty)
            return error.code
        }
    }

    static func tree(_ bytes: [UInt8]) throws -> FileTree {
        var tree = FileTree(isComplete: true)
        try tree.apply(LayerTree(bytes: bytes))
        return tree
    }

    @Test func packingsAreTheSame() throws {
        var tar = TarWriter()
        for entry in [Made.file("a", "one"), .directory("d/"), .file("d/b", "two"), .link("l", to: "d")] {
            entry.add(to: &tar)
        }
        let plain = try Self.tree(tar.ended)
        #expect(plain.paths == ["a", "d", "d/b", "l"])
        for packing in Packing.allCases {
            let other = try Self.tree(packing.pack(tar.ended))
            #expect(differences(plain, other) == [])
        }
    }

    @Test func longNamesAndRecords() throws {
        let long = String(repeating: "d/", count: 90) + "long"
        var tar = TarWriter()
        tar.add("././@LongLink", Array((long + "\u{0}").utf8), flag: "L")
        tar.add("././@LongLink", Array(("x/" + long).utf8), flag: "K")
        tar.add("cut", [], flag: "2")
        tar.addRecords([("path", "pax"), ("linkpath", long), ("uid", "3000000"), ("gid", "7")])
        tar.add("cut", [], flag: "2") { TarWriter.put(Array("else".utf8), at: 157, in: &$0) }
        let layer = try LayerTree(bytes: tar.ended)
        var tree = FileTree(isComplete: true)
        try tree.apply(layer)
        let named = try #require(tree.entry(at: FilePath(parsing: Array(long.utf8))))
        #expect(named.kind == .link(Array(("x/" + long).utf8)))
        let pax = try #require(tree.entry(at: FilePath("pax")))
        #expect(pax.kind == .link(Array(long.utf8)) && pax.owner == 3_000_000 && pax.group == 7)
    }

    @Test func damageIsAnError() {
        var tar = TarWriter()
        tar.add("a", Array(repeating: 1, count: 1_000))
        #expect(Self.code(tar.ended) == nil)
        #expect(Self.code(Array(tar.bytes.prefix(700))) == .malformed, "truncated content")
        #expect(Self.code(Array(tar.bytes.prefix(300))) == .malformed, "truncated header")
        #expect(Self.code(Array(Packing.gzip(tar.ended).dropLast(9))) == .malformed, "truncated gzip")
        #expect(Self.code(Array(Packing.zstd(tar.ended).dropLast(9))) == .malformed, "truncated zstd")
        #expect(Self.code(Array(repeating: 0x41, count: 2_000)) == .malformed, "no archive")
        var negative = TarWriter()
        negative.add("a", []) { TarWriter.put([UInt8](repeating: 0xFF, count: 12), at: 124, in: &$0) }
        #expect(Self.code(negative.ended) == .malformed, "a size below zero")
        var owner = TarWriter()
        owner.add("a", []) { TarWriter.put(Array("nobody!".utf8), at: 108, in: &$0) }
        #expect(Self.code(owner.ended) == .malformed, "an owner that is no number")
        var zero = TarWriter()
        zero.addRecords([("path", "a\u{0}b")])
        zero.add("a", [])
        #expect(Self.code(zero.ended) == .malformed, "a zero in a path")
    }

    @Test func bounds() {
        var deep = TarWriter()
        deep.addRecords([("path", String(repeating: "a/", count: ImageDiffLimits.depth) + "b")])
        deep.add("a", [])
        #expect(Self.code(deep.ended) == .tooLarge)
        var fits = TarWriter()
        fits.addRecords([("path", String(repeating: "a/", count: ImageDiffLimits.depth - 1) + "b")])
        fits.add("a", [])
        #expect(Self.code(fits.ended) == nil)
        var limits = LayerLimits()
        limits.expansionFloor = 1 << 20
        let zeros = Packing.gzip(
            TarWriter.header("a", size: 8 << 20, flag: "0") + [UInt8](repeating: 0, count: 8 << 20)
        )
        #expect(Self.code(zeros, limits: limits) == .tooLarge, "a ratio")
        limits = LayerLimits()
        limits.entries = 2
        var many = TarWriter()
        for name in ["a", "b", "c"] { many.add(name, []) }
        #expect(Self.code(many.ended, limits: limits) == .tooLarge, "entries")
        var budget = NameBudget(names: 3, bytes: 100)
        var names = TarWriter()
        names.add("a/b/c", [])
        #expect(throws: Never.self) { _ = try LayerTree(reading: .bytes(names.ended), budget: &budget) }
        let error = #expect(throws: ImageDiffError.self) {
            _ = try LayerTree(reading: .bytes(names.ended), budget: &budget)
        }
        #expect(error?.code == .tooLarge, "names of all layers")
    }

    /// What lies between the pieces of a sparse file is not known, so it is never held to be the same.
    @Test func sparseFilesAreNeverTheSame() throws {
        func layer(_ flag: Character) -> [UInt8] {
            var tar = TarWriter()
            tar.add("a", Array("stored".utf8), flag: flag)
            return tar.ended
        }
        let sparse = try Self.tree(layer("S"))
        #expect(differences(sparse, sparse) == ["~ a content"])
        let dense = try Self.tree(layer("0"))
        #expect(differences(sparse, dense) == ["~ a content"])
        var records = TarWriter()
        records.addRecords([("GNU.sparse.major", "1"), ("GNU.sparse.name", "a")])
        records.add("x", Array("stored".utf8))
        let pax = try Self.tree(records.ended)
        #expect(differences(pax, dense) == ["~ a content"])
    }

    @Test func noiseEnds() {
        var tar = TarWriter()
        for entry in [
            Made.file("a/b", "x"), .hardLink("c", to: "a/b"), .link("l", to: "a"), .file("l/y", "z"), .whiteout("q/r"),
        ] {
            entry.add(to: &tar)
        }
        tar.addRecords([("path", "p/q"), ("linkpath", "a")])
        tar.add("x", [], flag: "2")
        var state: UInt64 = 7
        for _ in 0..<2_000 {
            var bytes = tar.ended
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
            }
            _ = Self.code(bytes)
        }
    }
}
