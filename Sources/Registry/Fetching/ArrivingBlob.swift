// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
package import NIOCore
package import OCI
import Synchronization

/// A blob that is read while it is fetched. It keeps the fetch alive as long as it lives.
///
/// Bytes are given out before their digest is known, but never the last of them: those wait until it is. So whoever
/// gets all of a blob has the right one; if it proves wrong, the reading fails, and the answer with it.
package final class ArrivingBlob: Sendable {
    package let digest: Digest
    /// Bytes that the blob has, as its manifest or its source says. If that is wrong, the fetch fails.
    package let size: Int64
    private let boarding: Boarding
    private let holdback: Int64
    /// Opens it once it is here.
    private let open: @Sendable () async throws -> BlobFile
    /// The attempt that bytes were given of; 0 for none.
    private let attempt = Atomic(0)
    private let opened = Mutex<BlobFile?>(nil)

    init(
        _ digest: Digest,
        size: Int64,
        _ boarding: Boarding,
        holdback: Int64,
        open: @escaping @Sendable () async throws -> BlobFile
    ) {
        self.digest = digest
        self.size = size
        self.boarding = boarding
        self.holdback = max(1, holdback)
        self.open = open
    }

    deinit { boarding.leave() }

    /// Nobody will read on: the fetch ends, unless others want it. May be called at any time, by anyone.
    package func abandon() { boarding.leave() }

    /// Waits until some of it may be read, or all of it failed.
    func begin() async throws {
        guard size > holdback else { return _ = try await boarding.flight.result() }
        while true {
            if let outcome = boarding.flight.outcome { return _ = try outcome.get() }
            let stand = boarding.flight.arrival.stand
            if let stand, stand.count > 0 { return }
            try await boarding.flight.arrival.wait(attempt: stand?.attempt ?? 0, beyond: 0)
        }
    }

    /// Some bytes from an offset that lies within the blob, at most `most`. Waits until there are any.
    ///
    /// One task at a time may use it.
    /// - Throws: What ended the fetch; `CancellationError`.
    package func read(at offset: Int64, most: Int) async throws -> ByteBuffer {
        precondition(offset >= 0 && offset < size && most > 0, "a read beyond the end of the blob")
        let flight = boarding.flight
        while true {
            if let outcome = flight.outcome {
                try await checkAttempt()
                let file = try await file(of: outcome.get())
                return try await file.read(at: offset, count: Int(min(Int64(most), size - offset)))
            }
            let stand = flight.arrival.stand
            if let stand {
                try check(stand)
                let end = min(stand.count, size - holdback)
                if offset < end {
                    if let bytes = try await bytes(stand, at: offset, count: min(Int64(most), end - offset)) {
                        return bytes
                    }
                    try await flight.arrival.wait(attempt: stand.attempt, beyond: .max)
                    continue
                }
            }
            // What is held back comes with the end alone.
            let next = offset < size - holdback ? offset : Int64.max
            try await flight.arrival.wait(attempt: stand?.attempt ?? 0, beyond: next)
        }
    }

    /// Bytes of an attempt; nil where that has ended meanwhile and none of its bytes were given yet.
    private func bytes(_ stand: Arrival.Stand, at offset: Int64, count: Int64) async throws -> ByteBuffer? {
        do throws(ContentError) {
            let bytes = try await stand.view.read(at: offset, count: Int(count))
            attempt.store(stand.attempt, ordering: .relaxed)
            return bytes
        } catch {
            guard error.code == .sessionEnded || error.code == .digestMismatch,
                attempt.load(ordering: .relaxed) == 0
            else { throw error }
            return nil
        }
    }

    private func checkAttempt() async throws {
        if let stand = boarding.flight.arrival.stand { try check(stand) }
    }

    private func check(_ stand: Arrival.Stand) throws {
        let mine = attempt.load(ordering: .relaxed)
        guard mine == 0 || mine == stand.attempt else { throw FetchError(digest: digest, failures: []) }
    }

    private func file(of blob: FetchedBlob) async throws -> BlobFile {
        if let file = opened.withLock({ $0 }) { return file }
        let file = try await open()
        guard file.size == size else { throw FetchError(digest: digest, failures: []) }
        opened.withLock { $0 = file }
        return file
    }
}
