// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Transparency

/// Expected values are those of the tests of the certificate-transparency project: the tree of eight entries.
@Suite("Merkle tree")
struct MerkleTreeTests {
    static let entries: [[UInt8]] = [
        [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
        [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        [0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ]

    /// The roots of the trees of one to eight entries.
    static let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test("has the published roots")
    func publishedRoots() throws {
        #expect(MerkleTree.emptyRoot.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var range = CompactRange()
        #expect(range.root == MerkleTree.emptyRoot)
        for (entry, root) in zip(Self.entries, Self.roots) {
            range.append(MerkleTree.leafHash(entry))
            #expect(range.root.hex == root)
            let size = Int(range.size)
            #expect(MerkleTree.root(of: Self.entries.prefix(size).map(MerkleTree.leafHash)).hex == root)
        }
    }

    @Test("is that of the definition at every size to 130, and at random ones")
    func definition() {
        let log = SampleLog(3_000)
        let definition = Definition(log.leaves)
        var generator = SeededGenerator(1)
        let sizes = Array(0...130) + (0..<20).map { _ in Int.random(in: 131...3_000, using: &generator) }
        for size in sizes {
            #expect(MerkleTree.root(of: log.leaves.prefix(size)) == definition.root(0..<size), "\(size)")
        }
    }

    @Test("goes on from the hashes that were kept")
    func restored() throws {
        let log = SampleLog(300)
        var whole = CompactRange()
        for leaf in log.leaves {
            whole.append(leaf)
            var restored = try #require(CompactRange(size: whole.size, hashes: whole.hashes))
            #expect(restored == whole)
            restored.append(leaf)
            #expect(restored.root == Definition.root(log.leaves.prefix(Int(whole.size)) + [leaf]))
        }
        #expect(CompactRange(size: 3, hashes: [whole.root]) == nil)
        #expect(CompactRange(size: 0, hashes: [whole.root]) == nil)
        #expect(CompactRange(size: -1, hashes: []) == nil)
        #expect(CompactRange(size: 0, hashes: []) == CompactRange())
    }

    @Test("takes a million entries", .timeLimit(.minutes(1)))
    func million() {
        let leaf = MerkleTree.leafHash([1, 2, 3])
        var range = CompactRange()
        for _ in 0..<1_000_000 { range.append(leaf) }
        #expect(range.size == 1_000_000)
        #expect(range.hashes.count == 1_000_000.nonzeroBitCount)
        // All leaves are equal, so that the subtrees are powers of one hash.
        var power = leaf
        for _ in 0..<19 { power = MerkleTree.nodeHash(power, power) }
        #expect(range.hashes.first == power)
    }
}

@Suite("Tree hashes")
struct TreeHashTests {
    @Test("write and read themselves")
    func forms() throws {
        let hash = MerkleTree.leafHash([1])
        #expect(TreeHash(base64: hash.base64) == hash)
        #expect(TreeHash(bytes: hash.bytes) == hash)
        #expect(hash.base64.utf8.count == 44)
        #expect(TreeHash(bytes: hash.bytes + [0]) == nil)
        for text in ["", hash.base64 + "=", String(hash.base64.dropLast()), hash.base64 + "\n", hash.hex] {
            #expect(TreeHash(base64: text) == nil)
        }
        // The last digit before the padding has two bits that are no part of the hash.
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let spellings = digits.filter { TreeHash(base64: hash.base64.dropLast(2) + "\($0)=") != nil }
        #expect(spellings.count == 16)
    }
}
