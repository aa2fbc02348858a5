// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import LayerArchive
import NIOCore
import NIOPosix
import RegistryClient
import TestSupport
import Testing

@Suite struct BlobPipeTests {
    private let piece = ByteBuffer(bytes: Sample.bytes(1 << 20))
    private let pieces = 12

    /// Brings more than the pipe holds, and returns once it is full.
    private func fill(_ pipe: BlobPipe) async -> Task<Void, Never> {
        let sending = Task { [piece, pieces] in
            for _ in 0..<pieces { await pipe.send(piece) }
            pipe.end()
        }
        while !pipe.isHeld { await Task.yield() }
        return sending
    }

    @Test func bytesComeInOrderToTheirEnd() async throws {
        let pipe = BlobPipe()
        let sending = await fill(pipe)
        let read = try await NIOThreadPool.singleton.runIfActive { () throws(LayerFault) -> [UInt8] in
            var read: [UInt8] = []
            while true {
                let bytes = try pipe.next()
                if bytes.isEmpty { return read }
                read += bytes
            }
        }
        await sending.value
        let expected = Array(repeating: Sample.bytes(1 << 20), count: pieces).flatMap { $0 }
        #expect(read == expected)
    }

    @Test(.timeLimit(.minutes(1)))
    func nobodyWaitsForAReaderThatIsGone() async {
        let pipe = BlobPipe()
        let sending = await fill(pipe)
        pipe.abandon()
        await sending.value
        #expect(!pipe.isHeld)
    }

    @Test func aBlobThatFailsIsNoEnd() async {
        let pipe = BlobPipe()
        await pipe.send(ByteBuffer(bytes: [1]))
        pipe.end(failed: true)
        let error = await #expect(throws: LayerFault.self) {
            try await NIOThreadPool.singleton.runIfActive {
                _ = try pipe.next()
                _ = try pipe.next()
            }
        }
        #expect(error?.reason == .unreadable)
    }
}
