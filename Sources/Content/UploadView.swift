// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
internal import Synchronization

/// The file of an upload as it grows, for who reads it before it is a blob. Nothing of it is verified.
///
/// It stays open when the upload is committed, and when it is cancelled.
package final class UploadView: Sendable {
    private let session: UploadSession
    private let file: OwnedDescriptor

    init(_ session: UploadSession, file: OwnedDescriptor) {
        self.session = session
        self.file = file
    }

    /// Exactly `count` bytes from `offset`, which must have been accepted: what is in memory is written first.
    ///
    /// Errors: what killed the session; `.truncated` when the file is shorter.
    package func read(at offset: Int64, count: Int) async throws(ContentError) -> ByteBuffer {
        session.handOverGathered()
        try await session.wait(for: .written)
        return try await session.environment.threads.read.run { [file] () throws(ContentError) in
            let buffer = try file.read(at: offset, count: count)
            guard buffer.readableBytes == count else {
                throw ContentError(.truncated, "an upload's file is shorter than what was written", value: file.path)
            }
            return buffer
        }
    }
}

extension UploadSession {
    /// nil when it has ended.
    package var view: UploadView? {
        state.withLock(\.file).map { UploadView(self, file: $0) }
    }
}
