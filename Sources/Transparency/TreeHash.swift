// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
internal import OCI

/// The hash of a leaf, a node or a whole tree: 32 bytes without heap memory, written in base64.
package struct TreeHash: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The number of bytes of a hash.
    package static let byteCount = SHA256Hash.byteCount

    package let value: SHA256Hash

    package init(_ value: SHA256Hash) { self.value = value }

    /// Nil unless there are 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard let value = SHA256Hash(bytes: bytes) else { return nil }
        self.init(value)
    }

    /// Nil for anything but the canonical base64 of 32 bytes.
    package init?(base64 text: some StringProtocol) {
        guard text.utf8.count == 44, let bytes = Base64.decode(String(text)) else { return nil }
        self.init(bytes: bytes)
    }

    package var bytes: [UInt8] { value.bytes }

    /// Adds the bytes of the hash to others.
    package func append(to bytes: inout [UInt8]) { value.append(to: &bytes) }

    package var base64: String { Base64.encode(bytes) }
    package var description: String { base64 }

    package static func < (left: TreeHash, right: TreeHash) -> Bool { left.value < right.value }
}
