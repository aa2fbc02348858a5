// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
package import OCI
internal import Synchronization

/// The right of one request to write to a session. It ends with `release`, with `commit`, or when it is dropped; bytes
/// that were accepted are written in every case, so a client whose connection broke goes on at the offset.
///
/// One task at a time may use it: a request reads its body in order.
package final class UploadClaim: Sendable {
    package let session: UploadSession
    private let released = Atomic(false)

    init(session: UploadSession) {
        self.session = session
    }

    deinit {
        release()
    }

    package var offset: Int64 { session.offset }

    /// Says how many bytes are to come (a request's Content-Length), so that a full disk is refused before they are
    /// sent. Errors: `.noSpace` with figures, `.tooLarge`. The session lives on after either.
    package func reserve(_ bytes: Int64) async throws(ContentError) {
        try await session.reserve(bytes)
    }

    /// Takes a buffer, and waits only for back-pressure. Errors: of this or an earlier write, after which the session
    /// is dead; `.tooLarge`, after which it is not, and nothing of the buffer was taken.
    package func append(_ buffer: ByteBuffer) async throws(ContentError) {
        try await session.append(buffer)
    }

    /// Returns the offset once everything accepted is written. It is not durable yet: a restart may go back to the
    /// session's `durableOffset`.
    package func flush() async throws(ContentError) -> Int64 {
        session.handOverGathered()
        try await session.wait(for: .written)
        return session.offset
    }

    /// Makes the bytes the blob of that digest: verified, durable, named, and then recorded. Durable once it returns.
    ///
    /// `record` runs under the digest's lock, after the directory was made durable; its result is returned. The session
    /// has ended afterwards, whatever happens. Errors: `.digestMismatch`, `.noSpace`, `.io` and the like, with the file
    /// deleted; what `record` throws, with the file in its place as a harmless orphan.
    @discardableResult
    package func commit<T: Sendable>(
        expecting digest: Digest,
        record: () async throws -> T
    ) async throws -> T {
        defer { release() }
        return try await session.commit(expecting: digest, record: record)
    }

    /// Lets the next request have the session. Calling it twice does nothing.
    package func release() {
        if !released.exchange(true, ordering: .acquiringAndReleasing) { session.release() }
    }
}
