// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// A SHA-256 hash (FIPS 180-4): 32 bytes, kept inline without heap memory, and made at once from short input.
///
/// For content, which has a digest with its algorithm's name, see `Digest`; for streams, `DigestHasher`. This is for
/// structures of millions of hashes. The order is that of the bytes.
package struct SHA256Hash: Hashable, Sendable, Comparable {
    /// The number of bytes of a hash.
    package static let byteCount = 32

    /// The bytes, eight a word, the first byte the highest.
    private let word0: UInt64
    private let word1: UInt64
    private let word2: UInt64
    private let word3: UInt64

    /// Takes the bytes of a finished hash; nil unless there are 32.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var position = bytes.startIndex
        func word() -> UInt64 {
            var word: UInt64 = 0
            for _ in 0..<8 {
                word = word << 8 | UInt64(bytes[position])
                bytes.formIndex(after: &position)
            }
            return word
        }
        (word0, word1, word2, word3) = (word(), word(), word(), word())
    }

    /// Reads the 32 bytes at an offset, which the buffer has.
    private init(_ buffer: UnsafeRawBufferPointer, at offset: Int) {
        word0 = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        word1 = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        word2 = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self))
        word3 = unsafe UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self))
    }

    /// Reads hashes that stand one after another; nil for a number of bytes that is no multiple of 32.
    package static func all(in bytes: [UInt8]) -> [SHA256Hash]? {
        guard bytes.count.isMultiple(of: byteCount) else { return nil }
        // Safety: every offset has 32 bytes after it, as their number is a multiple of 32.
        return unsafe bytes.withUnsafeBytes { buffer in
            stride(from: 0, to: buffer.count, by: byteCount).map { unsafe SHA256Hash(buffer, at: $0) }
        }
    }

    /// The bytes of the hash.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// Adds the bytes of the hash to others.
    package func append(to bytes: inout [UInt8]) {
        let words = (word0.bigEndian, word1.bigEndian, word2.bigEndian, word3.bigEndian)
        // The words of a tuple of equal types lie side by side: 32 bytes, each initialised.
        unsafe withUnsafeBytes(of: words) { unsafe bytes.append(contentsOf: $0) }
    }

    package static func < (left: SHA256Hash, right: SHA256Hash) -> Bool {
        (left.word0, left.word1, left.word2, left.word3) < (right.word0, right.word1, right.word2, right.word3)
    }
}

extension SHA256Hash {
    /// The hash of bytes.
    ///
    /// The process ends where OpenSSL has no memory or no SHA-256, as it does where Swift has no memory: no input can
    /// bring that about.
    package static func of(_ bytes: [UInt8]) -> SHA256Hash {
        unsafe bytes.withUnsafeBytes { buffer in unsafe hash(buffer, UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    /// The hash of one byte and the bytes after it, which are not copied.
    package static func of(_ first: UInt8, _ bytes: [UInt8]) -> SHA256Hash {
        unsafe withUnsafeBytes(of: first) { head in
            unsafe bytes.withUnsafeBytes { buffer in unsafe hash(head, buffer) }
        }
    }

    /// The hash of one byte and two hashes after it: 65 bytes that never touch the heap.
    package static func of(_ first: UInt8, _ left: SHA256Hash, _ right: SHA256Hash) -> SHA256Hash {
        let words = (
            left.word0.bigEndian, left.word1.bigEndian, left.word2.bigEndian, left.word3.bigEndian,
            right.word0.bigEndian, right.word1.bigEndian, right.word2.bigEndian, right.word3.bigEndian
        )
        // The words of a tuple of equal types lie side by side: 64 bytes, each initialised.
        return unsafe withUnsafeBytes(of: first) { head in
            unsafe withUnsafeBytes(of: words) { buffer in unsafe hash(head, buffer) }
        }
    }

    private static func hash(_ head: UnsafeRawBufferPointer, _ tail: UnsafeRawBufferPointer) -> SHA256Hash {
        let context = unsafe EVP_MD_CTX_new()
        defer { unsafe EVP_MD_CTX_free(context) }
        // Safety: the buffers live through the calls, which read the counts given; 32 bytes are written to an output
        // of 32, the size of a SHA-256 hash.
        return unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { output in
            let hashed =
                unsafe EVP_DigestInit_ex2(context, Method.sha256.pointer, nil) == 1
                && EVP_DigestUpdate(context, head.baseAddress, head.count) == 1
                && EVP_DigestUpdate(context, tail.baseAddress, tail.count) == 1
                && EVP_DigestFinal_ex(context, output.baseAddress, nil) == 1
            precondition(hashed, "OpenSSL computes SHA-256")
            return unsafe SHA256Hash(UnsafeRawBufferPointer(output), at: 0)
        }
    }

    /// The fetched implementation, kept for the life of the process.
    @safe
    private struct Method: @unchecked Sendable {
        // Safety: an EVP_MD is immutable once fetched and may be shared between threads (EVP_MD_fetch(3)); it is
        // never freed. Nil makes the initialisation of a context fail.
        let pointer: OpaquePointer?

        static let sha256 = unsafe Method(pointer: EVP_MD_fetch(nil, "SHA2-256", nil))
    }
}
