// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import RegistryClient
import TestSupport
import Transparency

/// A log in memory, which says whatever its entries are.
struct DoubleLog: Sendable {
    static let origin = "registry.example/log/home"

    var entries: [[UInt8]] = []
    let signer: NoteSigner
    private let origin: String

    init(origin: String = DoubleLog.origin, seed: UInt8 = 1) throws {
        self.origin = origin
        let key = try SigningKey(seed: [UInt8](repeating: seed, count: 32))
        signer = try NoteSigner(name: try KeyName(parsing: origin), key: key)
    }

    /// Adds an entry of no interest that many times.
    mutating func grow(by count: Int, _ mark: String = "x") {
        for _ in 0..<count { entries.append(Array("\(mark) \(entries.count)".utf8)) }
    }

    /// Adds the entry of a tag, and answers with its index.
    @discardableResult
    mutating func set(
        _ tag: String,
        _ digest: Digest,
        repository: String = "team/app",
        kind: String = "tag.set",
        origin: String? = nil
    ) -> Int {
        var writer = JSONWriter()
        writer.object { writer in
            for (key, value) in [("actor", "ci"), ("hlc", "1"), ("kind", kind), ("origin", origin ?? self.origin)] {
                writer.key(key)
                writer.string(value)
            }
            writer.key("repo")
            writer.string(repository)
            writer.key("v")
            writer.integer(1)
            writer.key("body")
            writer.object { writer in
                writer.key("tag")
                writer.string(tag)
                writer.key("digest")
                writer.string(digest.description)
            }
        }
        entries.append(writer.bytes)
        return entries.count - 1
    }

    var leaves: [TreeHash] { entries.map(MerkleTree.leafHash) }

    /// The signed checkpoint of the first entries.
    func note(size: Int? = nil) throws -> SignedNote {
        let size = size ?? entries.count
        let root = MerkleTree.root(of: leaves.prefix(size))
        let line = try NoteLine(parsing: origin)
        return try signer.note(try Checkpoint(origin: line, size: Int64(size), root: root))
    }

    func tile(_ path: TilePath) -> [TreeHash] {
        let leaves = leaves
        var span = 1
        for _ in 0..<path.content.level { span *= 256 }
        return (0..<path.width).compactMap { position in
            let start = (Int(path.index) * 256 + position) * span
            guard start + span <= leaves.count else { return nil }
            return MerkleTree.root(of: leaves[start..<(start + span)])
        }
    }

    func proof(of index: Int, size: Int? = nil) throws -> TransparencyProof {
        let size = size ?? entries.count
        let inclusion = try TileReader(size: Int64(size)) { tile($0) }.inclusionProof(of: Int64(index))
        return try TransparencyProof(
            extra: entries[index],
            index: Int64(index),
            hashes: inclusion.hashes,
            note: try note(size: size)
        )
    }

    /// Adds the entry of a tag, and lets a registry serve its proof for a reference.
    mutating func serve(
        on registry: DoubleRegistry,
        _ reference: String,
        setting tag: String,
        to digest: Digest,
        kind: String = "tag.set"
    ) throws {
        let index = set(tag, digest, kind: kind)
        try serve(on: registry, reference, index: index)
    }

    /// Lets a registry serve the tiles, and the proof of an entry for a reference.
    func serve(on registry: DoubleRegistry, _ reference: String, index: Int, size: Int? = nil) throws {
        let proof = Array(try proof(of: index, size: size).description.utf8)
        var tiles: [String: [UInt8]] = [:]
        for path in TileCoverage(.hashes, to: Int64(size ?? entries.count)) {
            tiles["/log/\(path)"] = Tile.bytes(of: tile(path))
        }
        registry.edit { [tiles] state in
            state.documents = tiles
            state.documents["/v2/\(registry.name)/_cairn/proof/\(reference)"] = proof
        }
    }
}
