// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Transparency

/// A generator that gives the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: 0...255, using: &self) } }
}

/// The definitions of RFC 6962, section 2.1, word for word: what the quick ones are compared with. Roots of ranges are
/// kept, as tests ask for the same ones again and again.
final class Definition {
    private let leaves: [TreeHash]
    private var roots: [Range<Int>: TreeHash] = [:]

    init(_ leaves: some Sequence<TreeHash>) { self.leaves = Array(leaves) }

    static func root(_ leaves: some Sequence<TreeHash>) -> TreeHash {
        let definition = Definition(leaves)
        return definition.root(0..<definition.leaves.count)
    }

    private func split(_ range: Range<Int>) -> Int {
        var half = 1
        while half * 2 < range.count { half *= 2 }
        return range.lowerBound + half
    }

    /// MTH of the leaves in a range.
    func root(_ range: Range<Int>) -> TreeHash {
        if range.isEmpty { return MerkleTree.emptyRoot }
        if range.count == 1 { return leaves[range.lowerBound] }
        if let root = roots[range] { return root }
        let middle = split(range)
        let bytes = [1] + root(range.lowerBound..<middle).bytes + root(middle..<range.upperBound).bytes
        let root = TreeHash(SHA256Hash.of(bytes))
        roots[range] = root
        return root
    }

    /// PATH of the leaf at an index of the whole list, within a range.
    func inclusion(_ index: Int, _ range: Range<Int>) -> [TreeHash] {
        if range.count <= 1 { return [] }
        let middle = split(range)
        let (left, right) = (range.lowerBound..<middle, middle..<range.upperBound)
        return index < middle ? inclusion(index, left) + [root(right)] : inclusion(index, right) + [root(left)]
    }

    /// SUBPROOF of the leaves before an index of the whole list, within a range.
    func consistency(_ old: Int, _ range: Range<Int>, _ isWhole: Bool = true) -> [TreeHash] {
        if old == range.upperBound { return isWhole ? [] : [root(range)] }
        let middle = split(range)
        let (left, right) = (range.lowerBound..<middle, middle..<range.upperBound)
        if old <= middle { return consistency(old, left, isWhole) + [root(right)] }
        return consistency(old, right, false) + [root(left)]
    }
}

/// A log in memory.
struct SampleLog {
    let leaves: [TreeHash]

    /// The leaves of small numbers.
    init(_ count: Int) {
        leaves = (0..<count).map {
            MerkleTree.leafHash([UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)])
        }
    }

    /// The hashes of a tile, by the definition: roots of complete subtrees of 256^level leaves.
    func tile(_ path: TilePath) -> [TreeHash] {
        let span = 1 << (8 * path.content.level)
        let first = Int(path.index) * TilePath.fullWidth
        return (first..<(first + path.width)).map { MerkleTree.root(of: leaves[($0 * span)..<($0 * span + span)]) }
    }

    func reader(_ size: Int) -> TileReader { TileReader(size: Int64(size)) { path in tile(path) } }
}

/// Keys and notes with them.
enum Samples {
    static func key(_ number: UInt8) throws -> SigningKey {
        try SigningKey(seed: [UInt8](repeating: number, count: 32))
    }

    static func signer(_ name: String = "example.com/log", _ number: UInt8 = 1) throws -> NoteSigner {
        try NoteSigner(name: KeyName(parsing: name), key: key(number))
    }

    static func cosigner(_ number: UInt8) throws -> Cosigner {
        try Cosigner(name: KeyName(parsing: "witness.example/w\(number)"), key: key(100 + number))
    }

    static func checkpoint(_ log: SampleLog, _ size: Int, _ origin: String = "example.com/log") throws -> Checkpoint {
        try Checkpoint(
            origin: NoteLine(parsing: origin),
            size: Int64(size),
            root: MerkleTree.root(of: log.leaves.prefix(size))
        )
    }
}

/// The code of the error that a reader throws; nil if it throws none.
func code(_ body: () throws -> Any) -> TransparencyError.Code? {
    do { _ = try body() } catch { return (error as? TransparencyError)?.code }
    return nil
}

extension TreeHash {
    var hex: String { Digest(algorithm: .sha256, bytes: bytes)?.hex ?? "" }

    init?(hex: String) {
        guard let digest = Digest("sha256:\(hex)") else { return nil }
        self.init(bytes: digest.bytes)
    }
}
