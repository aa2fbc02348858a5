// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How the bytes of a layer are packed.
package enum LayerEncoding: Hashable, Sendable {
    case plain, gzip, zstd

    /// Tells the encoding from the first bytes, as those who unpack images do, whatever the media type says: RFC 1952,
    /// section 2.3.1, and RFC 8878, sections 3.1.1 and 3.1.2.
    package init(magic: ArraySlice<UInt8>) {
        if magic.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if magic.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) || Self.isSkippableFrame(magic) {
            self = .zstd
        } else {
            self = .plain
        }
    }

    private static func isSkippableFrame(_ magic: ArraySlice<UInt8>) -> Bool {
        guard let first = magic.first else { return false }
        return 0x50...0x5F ~= first && magic.dropFirst().starts(with: [0x2A, 0x4D, 0x18])
    }
}

/// What one call of a decoder did.
struct DecodingStep {
    var consumed = 0
    var produced = 0
}
