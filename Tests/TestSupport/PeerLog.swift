// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
package import Transparency

/// The log of a peer, of which any size can be shown.
package struct PeerLog: Sendable {
    package let signer: NoteSigner
    package var entries: [[UInt8]]

    package init(entries count: Int, bytes: Int = 20, seed: UInt8 = 1, name: String = "peer.example/log") throws {
        signer = try NoteSigner(
            name: KeyName(parsing: name),
            key: SigningKey(seed: [UInt8](repeating: seed, count: 32))
        )
        entries = (0..<count).map { number in
            Array("entry \(number) ".utf8) + [UInt8](repeating: UInt8(number & 255), count: bytes)
        }
    }

    package var origin: String { signer.verifier.name.description }

    package func note(_ size: Int) throws -> [UInt8] {
        let checkpoint = try Checkpoint(
            origin: NoteLine(parsing: origin),
            size: Int64(size),
            root: MerkleTree.root(of: entries.prefix(size).map(MerkleTree.leafHash))
        )
        return Array(try signer.note(checkpoint).description.utf8)
    }

    package func bundle(_ path: TilePath) -> [[UInt8]] {
        let first = Int(path.index) << 8
        return Array(entries[first..<(first + path.width)])
    }
}
