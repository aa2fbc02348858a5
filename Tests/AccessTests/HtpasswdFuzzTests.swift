// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Glibc
import Testing

/// Random files with a fixed seed: no crash, no hang, and what is accepted has the users that its lines name.
@Suite struct HtpasswdFuzzTests {
    private static let base = Array("alice:\(HtpasswdTests.vector)\nbob:\(HtpasswdTests.vector)\r\n#c\n".utf8)
    private static let pieces: [UInt8] = Array(":$\n\r#2aby0519./ \0\u{7F}".utf8) + [0xC3, 0xA9, 0xFF]

    /// The processor time of this thread, which the work of others does not lengthen.
    private static var threadTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    @Test(.timeLimit(.minutes(5))) func survivesChangedFiles() {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        var accepted = 0
        let start = Self.threadTime
        for round in 0..<200_000 {
            var bytes = Self.base
            let draw = next()
            switch round % 4 {
            case 0: bytes[Int(draw % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: draw >> 32)
            case 1: bytes[Int(draw % UInt64(bytes.count))] = Self.pieces[Int(draw >> 32) % Self.pieces.count]
            case 2: bytes.insert(Self.pieces[Int(draw >> 32) % Self.pieces.count], at: Int(draw % UInt64(bytes.count)))
            default: bytes.removeLast(Int(draw % UInt64(bytes.count)))
            }
            guard let file = try? Htpasswd(parsing: String(decoding: bytes, as: UTF8.self)) else { continue }
            accepted += 1
            if round % 4 == 3, file.count == 2 { #expect(file.hash(of: "bob") == HtpasswdTests.vector) }
            if file.count > 2 { Issue.record("a file of two users has \(file.count)") }
        }
        #expect(accepted > 1_000)
        #expect(Self.threadTime - start < .seconds(5))
    }
}
