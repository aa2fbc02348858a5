// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
internal import NIOHTTP1
package import OCI

extension RemoteRepository {
    /// How many bytes a blob has there, by the head of the answer; nil where the repository has none.
    ///
    /// - Throws: As `RemoteRegistry.send`; `.integrity` for an answer without a length.
    package func size(ofBlob digest: Digest) async throws(ClientError) -> Int64? {
        let call = Call(
            method: .HEAD,
            target: target("blobs/\(digest)"),
            purpose: "asking for the blob \(digest) of \(name)",
            attempts: 1
        )
        do {
            let answer = try await send(call)
            if let length = answer.length { return length }
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
        throw ClientError(.integrity, "\(origin) does not say how large \(digest) is")
    }

    /// Hands over the bytes of a blob from an offset on, in one attempt: nothing is checked but the offset. Whoever
    /// knows the size and the digest stops what is too much, and checks what came.
    ///
    /// - Throws: `ClientError`, also for a body that is cut short or slower than `Transport.Timeouts` allow; what
    ///   `receive` throws.
    package func stream(
        _ digest: Digest,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        let call = Call(
            target: target("blobs/\(digest)"),
            headers: offset > 0 ? [("Range", "bytes=\(offset)-")] : [],
            accepted: [200, 206],
            purpose: "fetching the blob \(digest) of \(name)",
            attempts: 1
        )
        let answer = try await send(call)
        var toSkip: Int64 = 0
        if answer.status == 206 {
            guard answer["Content-Range"]?.hasPrefix("bytes \(offset)-") == true else {
                throw ClientError(.integrity, "\(origin) serves another part of \(digest) than from \(offset) on")
            }
        } else {
            toSkip = offset
        }
        var failure: (any Error)?
        do {
            try await answer.forEachPiece { piece throws(ClientError) in
                var piece = piece
                let skipped = min(toSkip, Int64(piece.readableBytes))
                piece.moveReaderIndex(forwardBy: Int(skipped))
                toSkip -= skipped
                guard piece.readableBytes > 0 else { return }
                do { try await receive(piece) } catch {
                    failure = error
                    throw ClientError.cancelled
                }
            }
        } catch {
            throw failure ?? error
        }
    }
}
