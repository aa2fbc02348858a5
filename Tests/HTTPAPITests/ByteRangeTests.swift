// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import Testing

@Suite struct ByteRangeTests {
    @Test(
        arguments: [
            (nil, 100, .whole), ("", 100, .whole), ("bytes=0-0", 1, .partial(0..<1)),
            ("bytes=0-0", 100, .partial(0..<1)), ("bytes=0-99", 100, .partial(0..<100)),
            ("bytes=0-100", 100, .partial(0..<100)), ("bytes=0-999999999999999999", 100, .partial(0..<100)),
            ("bytes=99-", 100, .partial(99..<100)), ("bytes=0-", 100, .partial(0..<100)),
            ("bytes=-1", 100, .partial(99..<100)), ("bytes=-100", 100, .partial(0..<100)),
            ("bytes=-999999999999999999", 100, .partial(0..<100)), ("bytes=500-1499", 10_000, .partial(500..<1500)),
            ("Bytes=0-1", 100, .partial(0..<2)), ("BYTES=0-1", 100, .partial(0..<2)),
            (" bytes=0-1", 100, .partial(0..<2)), ("bytes= 0-1 ", 100, .partial(0..<2)),
            ("bytes=007-008", 100, .partial(7..<9)), ("bytes=2000-5000", 2500, .partial(2000..<2500)),
            ("bytes=0-0", 1 << 60, .partial(0..<1)), ("bytes=-1", 1 << 60, .partial((1 << 60) - 1..<1 << 60)),
            ("bytes=100-", 100, .unsatisfiable), ("bytes=100-200", 100, .unsatisfiable),
            ("bytes=500-0", 10_000, .unsatisfiable), ("bytes=5000-10000", 100, .unsatisfiable),
            ("bytes=-0", 100, .unsatisfiable), ("bytes=-1", 0, .unsatisfiable), ("bytes=0-", 0, .unsatisfiable),
            ("bytes=999999999999999999-", 100, .unsatisfiable),
            ("bytes", 100, .whole), ("bytes=", 100, .whole), ("bytes=-", 100, .whole), ("bytes=--1", 100, .whole),
            ("bytes=1", 100, .whole), ("bytes=a-b", 100, .whole), ("bytes=1-b", 100, .whole),
            ("bytes=a-1", 100, .whole),
            ("bytes=0-1,2-3", 100, .whole), ("bytes=0-1,", 100, .whole), ("items=0-1", 100, .whole),
            ("bytes:0-1", 100, .whole), ("bytes =0-1", 100, .whole), ("bytes=0 - 1", 100, .whole),
            ("bytes=+1-2", 100, .whole), ("bytes=0x1-2", 100, .whole), ("bytes=1-2-3", 100, .whole),
            ("bytes=\u{661}-2", 100, .whole), ("bytes=1.0-2", 100, .whole), ("bytes=0-1\u{0}", 100, .whole),
            ("bytes=18446744073709551616-", 100, .whole), ("bytes=0-18446744073709551616", 100, .whole),
            ("bytes=-18446744073709551616", 100, .whole), ("bytes=9223372036854775807-", 100, .whole),
        ] as [(String?, Int64, ByteRange)]
    )
    func aRangeIsResolved(_ header: String?, _ length: Int64, _ range: ByteRange) {
        #expect(ByteRange(header: header, length: length) == range)
    }
}

@Suite struct ChunkRangeTests {
    @Test(arguments: [
        ("0-0", 0, 0), ("0-1023", 0, 1023), ("1024-2047", 1024, 2047), (" 1-2 ", 1, 2), ("\t1-2\t", 1, 2),
        ("bytes 0-9/10", 0, 9), ("bytes 0-9/*", 0, 9), ("BYTES 5-9", 5, 9), ("00-01", 0, 1),
        ("999999999999999998-999999999999999999", 999_999_999_999_999_998, 999_999_999_999_999_999),
    ])
    func aChunkIsRead(_ header: String, _ start: Int64, _ end: Int64) throws {
        let chunk = try #require(ChunkRange(parsing: header))
        #expect(chunk.start == start)
        #expect(chunk.end == end)
        #expect(chunk.count == end - start + 1)
    }

    @Test(arguments: [
        "", " ", "-", "0", "0-", "-1", "1-0", "a-b", "0-b", "0-1-2", "0--1", "+0-1", "0- 1", "0 -1", "0-1/2", "bytes",
        "bytes ", "bytes=0-1", "bytes 0-1-2", "bytes */10", "items 0-1", "0x0-0x1", "0-1,2-3", "\u{661}-\u{662}",
        "0-9223372036854775808", "0-1000000000000000000", "0-1\u{0}",
    ])
    func anotherFormIsNoChunk(_ header: String) {
        #expect(ChunkRange(parsing: header) == nil)
    }
}

@Suite struct DecimalNumberTests {
    @Test(arguments: [
        ("0", 0), ("7", 7), ("10", 10), ("007", 7), ("000000000000000000", 0),
        ("999999999999999999", 999_999_999_999_999_999),
    ])
    func digitsAreANumber(_ text: String, _ number: Int64) {
        #expect(DecimalNumber.parse(text) == number)
        #expect(DecimalNumber.parse(text[...]) == number)
    }

    @Test(arguments: [
        "", " ", "-1", "+1", "1 ", " 1", "1.0", "1e3", "0x1", "1_000", "1,0", "\u{661}", "\u{ff11}", "1\u{0}", "a",
        "1000000000000000000", "9223372036854775807", "18446744073709551616", String(repeating: "9", count: 4096),
    ])
    func anythingElseIsNot(_ text: String) {
        #expect(DecimalNumber.parse(text) == nil)
    }
}
