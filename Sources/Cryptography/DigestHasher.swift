// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL
package import OCI

/// An incremental SHA-256 or SHA-512 over OpenSSL's EVP interface, which uses the processor's SHA instructions.
///
/// One owner at a time: the value cannot be copied, and its context is freed with it. It may move between threads.
///
/// OpenSSL has no public way to save a half-finished context, so a hasher lives as long as its upload does.
@safe
package struct DigestHasher: ~Copyable, @unchecked Sendable {
    // Safety: the context is created in init, used only through this value (which is not copyable, so by one thread
    // at a time: every use is mutating or consuming) and freed exactly once, in deinit. OpenSSL ties no context to a
    // thread.
    private let context: OpaquePointer

    package let algorithm: Digest.Algorithm

    /// Errors: `.unavailable` when OpenSSL refuses the algorithm, `.failed` when it has no memory.
    package init(_ algorithm: Digest.Algorithm) throws(CryptographyError) {
        guard let method = MessageDigest.shared(algorithm) else {
            throw CryptographyError(code: .unavailable, reason: "OpenSSL offers no \(algorithm.name)")
        }
        guard let context = unsafe EVP_MD_CTX_new() else {
            throw .current(.failed, "EVP_MD_CTX_new")
        }
        guard unsafe EVP_DigestInit_ex2(context, method.pointer, nil) == 1 else {
            unsafe EVP_MD_CTX_free(context)
            throw .current(.unavailable, "EVP_DigestInit_ex2 for \(algorithm.name)")
        }
        unsafe self.context = context
        self.algorithm = algorithm
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CryptographyError) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        guard unsafe EVP_DigestUpdate(context, base, bytes.count) == 1 else {
            throw .current(.failed, "EVP_DigestUpdate")
        }
    }

    package mutating func update(_ bytes: RawSpan) throws(CryptographyError) {
        let updated = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, buffer.count > 0 else { return true }
            return unsafe EVP_DigestUpdate(context, base, buffer.count) == 1
        }
        guard updated else { throw .current(.failed, "EVP_DigestUpdate") }
    }

    /// Ends the hash. The hasher is used up, so that no byte can follow.
    package consuming func finalize() throws(CryptographyError) -> Digest {
        var output = [UInt8](repeating: 0, count: algorithm.byteCount)
        var written: UInt32 = 0
        let finished = unsafe output.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, &written) == 1
        }
        guard finished, Int(written) == output.count, let digest = Digest(algorithm: algorithm, bytes: output) else {
            throw .current(.failed, "EVP_DigestFinal_ex for \(algorithm.name)")
        }
        return digest
    }
}

/// The fetched implementation of an algorithm. Fetching searches OpenSSL's providers, which costs more than hashing a
/// small manifest, so each algorithm is fetched once and kept for the life of the process.
@safe
private struct MessageDigest: @unchecked Sendable {
    // Safety: an EVP_MD is immutable once fetched and may be shared between threads (EVP_MD_fetch(3)); it is never
    // freed.
    let pointer: OpaquePointer

    private static let sha256 = unsafe EVP_MD_fetch(nil, "SHA2-256", nil).map { unsafe MessageDigest(pointer: $0) }
    private static let sha512 = unsafe EVP_MD_fetch(nil, "SHA2-512", nil).map { unsafe MessageDigest(pointer: $0) }

    static func shared(_ algorithm: Digest.Algorithm) -> MessageDigest? {
        switch algorithm {
        case .sha256: sha256
        case .sha512: sha512
        }
    }
}
