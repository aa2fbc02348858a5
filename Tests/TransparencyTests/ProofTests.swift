// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing
import Transparency

@Suite("Proofs")
struct ProofTests {
    struct Inclusion: Sendable {
        let index: Int64
        let size: Int64
        let hashes: [String]
    }

    struct Consistency: Sendable {
        let old: Int64
        let new: Int64
        let hashes: [String]
    }

    /// Those of the tests of the certificate-transparency project, over the tree of `MerkleTreeTests`.
    static let publishedInclusions = [
        Inclusion(index: 0, size: 1, hashes: []),
        Inclusion(
            index: 0,
            size: 8,
            hashes: [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        ),
        Inclusion(
            index: 5,
            size: 8,
            hashes: [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        ),
        Inclusion(
            index: 2,
            size: 3,
            hashes: ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]
        ),
        Inclusion(
            index: 1,
            size: 5,
            hashes: [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ]
        ),
    ]

    static let publishedConsistencies = [
        Consistency(old: 1, new: 1, hashes: []),
        Consistency(
            old: 1,
            new: 8,
            hashes: [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        ),
        Consistency(
            old: 6,
            new: 8,
            hashes: [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        ),
        Consistency(
            old: 2,
            new: 5,
            hashes: [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ]
        ),
    ]

    private static func publishedReader(_ size: Int64) -> TileReader {
        TileReader(size: size) { path in MerkleTreeTests.entries.prefix(path.width).map(MerkleTree.leafHash) }
    }

    @Test("of inclusion are the published ones", arguments: publishedInclusions)
    func inclusion(_ sample: Inclusion) throws {
        let proof = try Self.publishedReader(sample.size).inclusionProof(of: sample.index)
        #expect(proof.hashes.map(\.hex) == sample.hashes)
        let root = try #require(TreeHash(hex: MerkleTreeTests.roots[Int(sample.size) - 1]))
        let leaf = MerkleTree.leafHash(MerkleTreeTests.entries[Int(sample.index)])
        #expect(proof.isValid(leafHash: leaf, root: root))
    }

    @Test("of consistency are the published ones", arguments: publishedConsistencies)
    func consistency(_ sample: Consistency) throws {
        let proof = try Self.publishedReader(sample.new).consistencyProof(from: sample.old)
        #expect(proof.hashes.map(\.hex) == sample.hashes)
        let old = try #require(TreeHash(hex: MerkleTreeTests.roots[Int(sample.old) - 1]))
        let new = try #require(TreeHash(hex: MerkleTreeTests.roots[Int(sample.new) - 1]))
        #expect(proof.isValid(oldRoot: old, newRoot: new))
    }

    @Test("are those of the definition, and verify, at every size to 130")
    func definition() throws {
        let log = SampleLog(130)
        let definition = Definition(log.leaves)
        let roots = (0...130).map { definition.root(0..<$0) }
        for size in 1...130 {
            let reader = log.reader(size)
            for index in 0..<size {
                let proof = try reader.inclusionProof(of: Int64(index))
                let same = proof.hashes == definition.inclusion(index, 0..<size)
                #expect(same && proof.isValid(leafHash: log.leaves[index], root: roots[size]), "\(index) of \(size)")
            }
            for old in 1...size {
                let proof = try reader.consistencyProof(from: Int64(old))
                let same = proof.hashes == definition.consistency(old, 0..<size)
                #expect(same && proof.isValid(oldRoot: roots[old], newRoot: roots[size]), "\(old) to \(size)")
            }
        }
    }

    @Test("are those of the definition at random sizes over several tiles")
    func random() throws {
        let log = SampleLog(70_000)
        let definition = Definition(log.leaves)
        var generator = SeededGenerator(2)
        for size in [256, 257, 65_535, 65_536, 65_537, 70_000]
            + (0..<4).map({ _ in Int.random(in: 131...70_000, using: &generator) })
        {
            let leaves = log.leaves.prefix(size)
            let root = definition.root(0..<size)
            let reader = log.reader(size)
            let index = Int.random(in: 0..<size, using: &generator)
            let old = Int.random(in: 1...size, using: &generator)
            let inclusion = try reader.inclusionProof(of: Int64(index))
            #expect(inclusion.hashes == definition.inclusion(index, 0..<size), "\(index) of \(size)")
            #expect(inclusion.isValid(leafHash: log.leaves[index], root: root))
            let consistency = try reader.consistencyProof(from: Int64(old))
            #expect(consistency.hashes == definition.consistency(old, 0..<size), "\(old) to \(size)")
            #expect(consistency.isValid(oldRoot: MerkleTree.root(of: leaves.prefix(old)), newRoot: root))
        }
    }

    /// Each way of changing one thing.
    private func variations(_ hashes: [TreeHash]) -> [[TreeHash]] {
        var all = [hashes + [MerkleTree.emptyRoot], Array(hashes.dropLast()), Array(hashes.dropFirst())]
        all.append(hashes.reversed())
        for position in hashes.indices {
            for bit in [0, 100, 255] {
                var bytes = hashes[position].bytes
                bytes[bit / 8] ^= 1 << (bit % 8)
                var changed = hashes
                changed[position] = TreeHash(bytes: bytes) ?? changed[position]
                all.append(changed)
            }
        }
        return all.filter { $0 != hashes }
    }

    @Test("of inclusion are refused with any change")
    func changedInclusion() throws {
        let log = SampleLog(24)
        for size in 1...24 {
            let root = Definition.root(log.leaves.prefix(size))
            for index in 0..<size {
                let leaf = log.leaves[index]
                let hashes = try log.reader(size).inclusionProof(of: Int64(index)).hashes
                for changed in variations(hashes) {
                    let proof = try InclusionProof(index: Int64(index), size: Int64(size), hashes: changed)
                    #expect(!proof.isValid(leafHash: leaf, root: root))
                }
                for other in 0..<size where other != index {
                    let proof = try InclusionProof(index: Int64(other), size: Int64(size), hashes: hashes)
                    #expect(!proof.isValid(leafHash: leaf, root: root), "\(index) as \(other) of \(size)")
                }
                let proof = try InclusionProof(index: Int64(index), size: Int64(size), hashes: hashes)
                #expect(!proof.isValid(leafHash: root, root: leaf) || size == 1)
            }
        }
    }

    @Test("of consistency are refused with any change")
    func changedConsistency() throws {
        let log = SampleLog(24)
        let roots = (0...24).map { Definition.root(log.leaves.prefix($0)) }
        for new in 1...24 {
            for old in 1...new {
                let hashes = try log.reader(new).consistencyProof(from: Int64(old)).hashes
                for changed in variations(hashes) {
                    let proof = try ConsistencyProof(oldSize: Int64(old), newSize: Int64(new), hashes: changed)
                    #expect(!proof.isValid(oldRoot: roots[old], newRoot: roots[new]), "\(old) to \(new)")
                }
                let proof = try ConsistencyProof(oldSize: Int64(old), newSize: Int64(new), hashes: hashes)
                // A tree of twice the size is one level higher.
                let higher = try ConsistencyProof(oldSize: Int64(old), newSize: Int64(2 * new), hashes: hashes)
                #expect(!higher.isValid(oldRoot: roots[old], newRoot: roots[new]), "\(old) to \(new)")
                for other in 0...24 {
                    #expect(other == old || !proof.isValid(oldRoot: roots[other], newRoot: roots[new]))
                    #expect(other == new || !proof.isValid(oldRoot: roots[old], newRoot: roots[other]))
                }
            }
        }
    }

    @Test("from nothing and between equal sizes have no hash")
    func edges() throws {
        let log = SampleLog(9)
        let (some, root) = (log.leaves[0], MerkleTree.root(of: log.leaves))
        let fromNothing = try log.reader(9).consistencyProof(from: 0)
        #expect(fromNothing.hashes.isEmpty)
        #expect(fromNothing.isValid(oldRoot: MerkleTree.emptyRoot, newRoot: root))
        #expect(!fromNothing.isValid(oldRoot: some, newRoot: root))
        #expect(
            try !ConsistencyProof(oldSize: 0, newSize: 9, hashes: [some]).isValid(
                oldRoot: MerkleTree.emptyRoot,
                newRoot: root
            )
        )
        #expect(try ConsistencyProof(oldSize: 9, newSize: 9, hashes: []).isValid(oldRoot: root, newRoot: root))
        #expect(try !ConsistencyProof(oldSize: 9, newSize: 9, hashes: []).isValid(oldRoot: some, newRoot: root))
        #expect(try !ConsistencyProof(oldSize: 9, newSize: 9, hashes: [some]).isValid(oldRoot: root, newRoot: root))
        #expect(try !ConsistencyProof(oldSize: 3, newSize: 9, hashes: []).isValid(oldRoot: root, newRoot: root))
    }

    @Test("are bounded")
    func bounds() throws {
        let hash = MerkleTree.emptyRoot
        #expect(
            code { try InclusionProof(index: 0, size: .max, hashes: .init(repeating: hash, count: 64)) }
                == .invalidProof
        )
        #expect(code { try InclusionProof(index: 5, size: 5, hashes: []) } == .outOfRange)
        #expect(code { try InclusionProof(index: -1, size: 5, hashes: []) } == .outOfRange)
        #expect(code { try InclusionProof(index: 0, size: 0, hashes: []) } == .outOfRange)
        #expect(
            code { try ConsistencyProof(oldSize: 1, newSize: .max, hashes: .init(repeating: hash, count: 65)) }
                == .invalidProof
        )
        #expect(code { try ConsistencyProof(oldSize: 6, newSize: 5, hashes: []) } == .outOfRange)
        #expect(code { try ConsistencyProof(oldSize: -1, newSize: 5, hashes: []) } == .outOfRange)
        // The largest trees are gone through without overflow.
        for index in [0, 1, Int64.max - 1, Int64.max / 2] {
            let proof = try InclusionProof(index: index, size: .max, hashes: .init(repeating: hash, count: 63))
            _ = proof.root(leafHash: hash)
        }
        let proof = try ConsistencyProof(oldSize: .max - 1, newSize: .max, hashes: .init(repeating: hash, count: 64))
        #expect(!proof.isValid(oldRoot: hash, newRoot: hash))
    }
}
