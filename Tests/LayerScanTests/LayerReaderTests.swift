// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import LayerArchive
import LayerSamples
import LayerScan
import Testing

/// What comes out of packed layers, and what does not.
@Suite struct LayerReaderTests {
    /// All that comes out, and how it ended.
    static func read(
        _ bytes: [UInt8],
        limits: LayerLimits = LayerLimits(),
        pieceBytes: Int = 128 << 10,
        outputBytes: Int = 64 << 10
    ) -> (bytes: [UInt8], fault: LayerFault.Reason?) {
        var all: [UInt8] = []
        do {
            let layer = try LayerReader(.bytes(bytes), limits: limits, pieceBytes: pieceBytes)
            var buffer = [UInt8](repeating: 0, count: outputBytes)
            while true {
                let count = try layer.read(into: &buffer)
                all += buffer.prefix(count)
                if count < buffer.count { return (all, nil) }
            }
        } catch {
            return (all, error.reason)
        }
    }

    static let content: [UInt8] = {
        var random = Seeded(1)
        return PlantedSecretTests.filler(150_000) + random.bytes(50_000) + PlantedSecretTests.filler(100_000)
    }()

    @Test(arguments: Packing.allCases, [4, 5, 1_000, 131_072])
    func whatWasPackedComesOut(packing: Packing, pieceBytes: Int) {
        let packed = packing.pack(Self.content)
        for outputBytes in [1_000, 300_000, 300_001] {
            let read = Self.read(packed, pieceBytes: pieceBytes, outputBytes: outputBytes)
            #expect(read.fault == nil && read.bytes == Self.content)
        }
        #expect(Self.read(packing.pack([])).bytes == [] && Self.read(packing.pack([])).fault == nil)
    }

    @Test(arguments: [Packing.gzip, .zstd], [4, 131_072])
    func membersAndFramesFollowOneAnother(packing: Packing, pieceBytes: Int) {
        let halves = [Array(Self.content[..<1_000]), Array(Self.content[1_000...])]
        var packed = packing.pack(halves[0]) + packing.pack([]) + packing.pack(halves[1])
        if packing == .zstd { packed = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3] + packed }
        if packing == .gzip { packed += [0, 0, 0, 0, 0] }
        let read = Self.read(packed, pieceBytes: pieceBytes)
        #expect(read.fault == nil && read.bytes == Self.content)
    }

    @Test(arguments: [Packing.gzip, .zstd])
    func everyCutIsNoticed(packing: Packing) {
        let packed = packing.pack(Array(Self.content[..<3_000]))
        for length in stride(from: 4, to: packed.count, by: 7) {
            #expect(Self.read(Array(packed[..<length])).fault == .truncated, "cut after \(length) bytes")
        }
        #expect(Self.read(Array(packed.dropLast())).fault == .truncated)
        let second = packed + packed.prefix(packed.count - 1)
        #expect(Self.read(second).fault == .truncated)
    }

    @Test(arguments: [Packing.gzip, .zstd])
    func everyFlippedByteOfTheContentIsNoticed(packing: Packing) {
        let packed = packing.pack(Array(Self.content[149_000..<152_000]))
        for index in stride(from: 20, to: packed.count, by: 11) {
            var bad = packed
            bad[index] ^= 0x40
            let read = Self.read(bad)
            #expect(read.fault != nil, "byte \(index)")
        }
    }

    @Test func whatFollowsIsNotIgnored() {
        #expect(Self.read(Packing.gzip(Self.content) + Array("more".utf8)).fault == .damaged)
        #expect(Self.read(Packing.gzip(Self.content) + [0, 0] + Packing.gzip(Self.content)).fault == .damaged)
        #expect(Self.read(Packing.zstd(Self.content) + Array("more".utf8)).fault == .damaged)
    }

    /// Zeros pack to a thousandth and less.
    @Test(arguments: [Packing.gzip, .zstd])
    func bombsEndAtTheRatio(packing: Packing) {
        let zeros = packing.pack([UInt8](repeating: 0, count: 16 << 20))
        var limits = LayerLimits()
        limits.expansionFloor = 1 << 20
        let read = Self.read(zeros, limits: limits)
        #expect(read.fault == .tooLarge)
        #expect(read.bytes.count <= max(1 << 20, zeros.count * 200))
        #expect(Self.read(zeros).fault == nil, "small layers may be of zeros")
    }

    @Test(arguments: Packing.allCases)
    func bombsEndAtTheSize(packing: Packing) {
        var limits = LayerLimits()
        limits.expandedBytes = 100_000
        let read = Self.read(packing.pack(Self.content), limits: limits)
        #expect(read.fault == .tooLarge && read.bytes.count <= 100_000)
        limits.expandedBytes = Int64(Self.content.count)
        #expect(Self.read(packing.pack(Self.content), limits: limits).fault == nil)
    }

    @Test func windowsAreBounded() {
        #expect(Self.read(Packing.zstd(Self.content, windowLog: 27)).fault == nil)
        #expect(Self.read(Packing.zstd(Self.content, windowLog: 28)).fault == .unsupported)
    }

    @Test func noiseEnds() {
        var random = Seeded(99)
        for magic: [UInt8] in [[0x1F, 0x8B, 8, 0], [0x28, 0xB5, 0x2F, 0xFD], [0x50, 0x2A, 0x4D, 0x18]] {
            for _ in 0..<300 {
                let result = LayerScan.run(.bytes(magic + random.bytes(200)))
                #expect(result.unscanned != nil)
            }
        }
    }
}
