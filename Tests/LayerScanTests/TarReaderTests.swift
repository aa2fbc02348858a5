// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import LayerArchive
import LayerSamples
import LayerScan
import Testing

@Suite struct TarReaderTests {
    struct Entry: Hashable {
        var path: String
        var content: String
    }

    static func entries(
        _ bytes: [UInt8],
        limits: LayerLimits = LayerLimits()
    ) -> (entries: [Entry], fault: LayerFault.Reason?) {
        var entries: [Entry] = []
        do {
            let archive = TarReader(try LayerReader(.bytes(bytes), limits: limits), limits: limits)
            while let entry = try archive.next() {
                var content: [UInt8] = []
                while true {
                    let piece = try archive.content()
                    if piece.isEmpty { break }
                    content += piece
                }
                #expect(content.count == entry.size)
                let path = String(decoding: entry.path, as: UTF8.self)
                entries.append(Entry(path: path, content: String(decoding: content, as: UTF8.self)))
            }
            return (entries, nil)
        } catch {
            return (entries, error.reason)
        }
    }

    @Test func entriesOfEverySortAreRead() {
        let long = String(repeating: "d/", count: 90) + "long"
        var tar = TarWriter()
        tar.add("a", Array("one".utf8))
        tar.add("dir/", [], flag: "5")
        tar.add("link", [], flag: "2", size: 700)
        tar.add("hard", [], flag: "1", size: 700)
        tar.add("old", Array(repeating: 0x78, count: 512), flag: "\u{0}")
        tar.add("olddir/", [], flag: "\u{0}", size: 700)
        tar.add("b", Array("two".utf8)) { TarWriter.put(Array("some/prefix".utf8), at: 345, in: &$0) }
        tar.add("././@LongLink", Array((long + "\u{0}").utf8), flag: "L")
        tar.add("././@LongLink", Array(long.utf8), flag: "K")
        tar.add("c", Array("three".utf8))
        tar.addRecords([("mtime", "1.5"), ("path", long + "/pax"), ("size", "4")])
        tar.add("d", Array("four".utf8), size: 0)
        tar.add("global", Array("20 comment=nothing!\n".utf8), flag: "g")
        tar.add("big", Array("five".utf8)) { block in
            TarWriter.put([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4], at: 124, in: &block)
        }
        let read = Self.entries(tar.ended)
        #expect(read.fault == nil)
        #expect(
            read.entries == [
                Entry(path: "a", content: "one"), Entry(path: "dir/", content: ""), Entry(path: "link", content: ""),
                Entry(path: "hard", content: ""), Entry(path: "old", content: String(repeating: "x", count: 512)),
                Entry(path: "olddir/", content: ""), Entry(path: "some/prefix/b", content: "two"),
                Entry(path: long, content: "three"), Entry(path: long + "/pax", content: "four"),
                Entry(path: "big", content: "five"),
            ]
        )
    }

    @Test func mapsOfSparseFilesAreSteppedOver() {
        var tar = TarWriter()
        let header = TarWriter.header("sparse", size: 6, flag: "S") { block in
            TarWriter.put(Array("ustar  \u{0}".utf8), at: 257, in: &block)
            block[482] = 1
        }
        var map = [UInt8](repeating: 0, count: 1_024)
        map[504] = 1
        tar.add("after", Array("next".utf8))
        let content = Array("stored".utf8) + [UInt8](repeating: 0, count: 506)
        let read = Self.entries(header + map + content + tar.ended)
        #expect(read.fault == nil)
        #expect(read.entries == [Entry(path: "sparse", content: "stored"), Entry(path: "after", content: "next")])
    }

    @Test func anArchiveMayEndWithoutItsMarks() {
        var tar = TarWriter()
        tar.add("a", Array("one".utf8))
        #expect(Self.entries(tar.bytes).fault == nil)
        #expect(Self.entries(tar.bytes + [UInt8](repeating: 0, count: 512)).fault == nil)
        #expect(Self.entries(Array(tar.bytes.prefix(515))).entries == [Entry(path: "a", content: "one")])
        #expect(Self.entries(Array(tar.bytes.prefix(515))).fault == nil)
        #expect(Self.entries([]).fault == nil)
        #expect(Self.entries(Array(tar.bytes.prefix(514))).fault == .truncated)
        #expect(Self.entries(Array(tar.bytes.prefix(511))).fault == .truncated)
        #expect(Self.entries(tar.bytes + tar.bytes.prefix(100)).fault == .truncated)
    }

    @Test func contradictionsAreDamage() {
        var tar = TarWriter()
        tar.add("a", Array("one".utf8))
        for index in [0, 124, 148, 156, 345] {
            var bad = tar.ended
            bad[index] ^= 1
            #expect(Self.entries(bad).fault == .damaged, "byte \(index)")
        }
        #expect(Self.entries([UInt8](repeating: 0, count: 512) + tar.ended).fault == .damaged)
        var negative = TarWriter()
        negative.add("a", []) { TarWriter.put([UInt8](repeating: 0xFF, count: 12), at: 124, in: &$0) }
        #expect(Self.entries(negative.ended).fault == .damaged)
        for record in ["5 a=b\n", "99 path=x\n", "x path=y\n", "8 pathy\n", "14 size=12345x\n", "0 path=x\n"] {
            var records = TarWriter()
            records.add("x", Array(record.utf8), flag: "x")
            records.add("a", [])
            #expect(Self.entries(records.ended).fault == .damaged, "\(record)")
        }
    }

    @Test func anEntryBeyondTheSizeIsNotReadFor() {
        var tar = TarWriter()
        tar.add("a", [], size: 0) { block in
            TarWriter.put([0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], at: 124, in: &block)
        }
        #expect(Self.entries(tar.ended).fault == .tooLarge)
    }

    @Test func namesAreBounded() {
        var fits = TarWriter()
        fits.add("long", [UInt8](repeating: 0x61, count: 4_096), flag: "L")
        fits.add("a", [])
        #expect(Self.entries(fits.ended).fault == nil)
        var long = TarWriter()
        long.add("long", [UInt8](repeating: 0x61, count: 4_097), flag: "L")
        long.add("a", [])
        #expect(Self.entries(long.ended).fault == .tooLarge)
        var huge = TarWriter()
        huge.add("long", [], flag: "L", size: 1 << 31)
        #expect(Self.entries(huge.bytes).fault == .tooLarge)
        var endless = TarWriter()
        for _ in 0..<100 { endless.add("long", Array("name".utf8), flag: "L") }
        endless.add("a", [])
        #expect(Self.entries(endless.ended).fault == .tooLarge)
    }

    @Test func entriesAreBounded() {
        var limits = LayerLimits()
        limits.entries = 2_000
        let header = TarWriter.header("a", size: 0, flag: "0")
        let many = Array(repeating: header, count: 2_001).flatMap { $0 }
        #expect(Self.entries(many, limits: limits).fault == .tooLarge)
        #expect(Self.entries(Array(many.dropLast(512)), limits: limits).fault == nil)
        let map = TarWriter.header("a", size: 0, flag: "S") { $0[482] = 1 }
        let endless = map + [UInt8](repeating: 1, count: 512 * 3_000)
        #expect(Self.entries(endless, limits: limits).fault == .tooLarge)
    }

    /// A packed million of headers is small.
    @Test func aMillionEntriesEnd() {
        let header = TarWriter.header("a", size: 0, flag: "0")
        var limits = LayerScanLimits()
        limits.layer.entries = 20_000
        let packed = Packing.zstd(Array(repeating: header, count: 50_000).flatMap { $0 })
        #expect(LayerScan.run(.bytes(packed), limits: limits).unscanned == .tooLarge)
    }

    /// Findings from before the damage are kept.
    @Test func whatWasReadBeforeDamageCounts() {
        var tar = TarWriter()
        tar.add("app/key", Array(Sample.all(1)[0].text.utf8))
        let result = LayerScan.run(.bytes(tar.bytes + [UInt8](repeating: 0x41, count: 512)))
        #expect(result.unscanned == .damaged)
        #expect(result.findings.map(\.kind) == [.rsaPrivateKey])
    }

    @Test func noiseEnds() {
        var random = Seeded(12)
        var tar = TarWriter()
        tar.addRecords([("path", "a/b")])
        tar.add("x", Array("content".utf8))
        tar.add("y", Array("name".utf8), flag: "L")
        tar.add("z", Array("content".utf8))
        for _ in 0..<2_000 {
            var bytes = tar.ended
            for _ in 0..<3 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let read = Self.entries(bytes)
            #expect(read.entries.count <= 2)
        }
    }
}
