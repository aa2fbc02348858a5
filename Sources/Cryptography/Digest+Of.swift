// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

extension Digest {
    /// The digest of bytes that are all in memory. For anything large hash as the bytes pass, with `DigestHasher`.
    package static func of(
        _ bytes: UnsafeRawBufferPointer,
        algorithm: Algorithm = .sha256
    ) throws(CryptographyError) -> Digest {
        var hasher = try DigestHasher(algorithm)
        try unsafe hasher.update(bytes)
        return try hasher.finalize()
    }

    /// The digest of a span of bytes.
    package static func of(_ bytes: RawSpan, algorithm: Algorithm = .sha256) throws(CryptographyError) -> Digest {
        var hasher = try DigestHasher(algorithm)
        try hasher.update(bytes)
        return try hasher.finalize()
    }

    /// The digest of an array of bytes.
    package static func of(_ bytes: [UInt8], algorithm: Algorithm = .sha256) throws(CryptographyError) -> Digest {
        // A byte has no padding, so every byte of the span is initialised.
        try unsafe of(bytes.span.bytes, algorithm: algorithm)
    }
}
