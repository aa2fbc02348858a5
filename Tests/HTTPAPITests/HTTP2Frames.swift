// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import TestSupport

/// As much of an HTTP/2 client as it takes to ask for paths and gather bodies (RFC 9113).
final class HTTP2Frames {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let data: UInt8 = 0
    private static let settings: UInt8 = 4
    private static let windowUpdate: UInt8 = 8

    private let connection: RawConnection

    init(_ connection: RawConnection) {
        self.connection = connection
    }

    /// Sends the preface, the settings that allow large answers, and the window for all streams.
    func open() async throws {
        let initialWindow: [UInt8] = [0, 4, 0x7f, 0xff, 0xff, 0xff]
        try await connection.send(
            Self.preface + Self.frame(Self.settings, flags: 0, stream: 0, initialWindow)
                + Self.frame(Self.windowUpdate, flags: 0, stream: 0, [0x7f, 0, 0, 0])
        )
    }

    static func frame(_ type: UInt8, flags: UInt8, stream: Int, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        let length = [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff)]
        return length + [type, flags, 0, 0, 0, UInt8(stream)] + payload
    }

    /// A request without a body. Fields are literals without indexing (RFC 7541, section 6.2.2); a path of 127 bytes or
    /// more has a length of two bytes.
    func get(_ path: String, stream: Int) async throws {
        let count = path.utf8.count
        let length = count < 127 ? [UInt8(count)] : [127, UInt8(count - 127)]
        let fields = [0x82, 0x86, 0x01, 1, UInt8(ascii: "a"), 0x04] + length + Array(path.utf8)
        try await connection.send(Self.frame(1, flags: 0x5, stream: stream, fields))
    }

    /// The bodies of streams, each to its end.
    func bodies(of streams: [Int]) async throws -> [Int: [UInt8]] {
        var bodies: [Int: [UInt8]] = [:]
        var open = Set(streams)
        while !open.isEmpty {
            let (type, flags, stream, payload) = try await next()
            if type == Self.data { bodies[stream, default: []] += payload }
            if type <= 1 && flags & 1 != 0 { open.remove(stream) }
            if type == 3 || type == 7 { throw Refused(type: type) }
        }
        return bodies
    }

    func next() async throws -> (type: UInt8, flags: UInt8, stream: Int, payload: [UInt8]) {
        let head = try await connection.receive(9)
        let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        return (head[3], head[4], Int(head[8]), try await connection.receive(count))
    }

    struct Refused: Error {
        let type: UInt8
    }
}
