// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOCore
import TestSupport
import Testing
import X509

@Suite(.serialized, .timeLimit(.minutes(2))) struct TLSTests {
    @Test func http1IsServedOverTLS() async throws {
        let fixture = try TLSFixture()
        try await PeerServer.with(tls: fixture.context) { port in
            try await TLSClient(port: port, authority: fixture.authority).with { connection, negotiated in
                // The second goes over the same connection.
                let answers = [try await connection.get(), try await connection.get()]
                #expect(answers == Array(repeating: "http1TLS https 127.0.0.1 tls=true ", count: 2))
                #expect(negotiated() == "http/1.1")
            }
        }
    }

    @Test(arguments: [["h2"], ["h2", "http/1.1"], []])
    func http2IsServedOverTLS(_ protocols: [String]) async throws {
        let fixture = try TLSFixture()
        try await PeerServer.with(tls: fixture.context) { port in
            let client = TLSClient(port: port, authority: fixture.authority, protocols: protocols)
            try await client.with { connection, negotiated in
                let frames = HTTP2Frames(connection)
                try await frames.open()
                try await frames.get("/a", stream: 1)
                try await frames.get("/b", stream: 3)
                let bodies = try await frames.bodies(of: [1, 3])
                for body in bodies.values {
                    let words = String(decoding: body, as: UTF8.self).split(separator: " ")
                    #expect([words.first, words.dropFirst(2).first] == ["http2", "127.0.0.1"])
                }
                #expect(bodies.count == 2)
                #expect(negotiated() == (protocols.isEmpty ? nil : "h2"))
            }
        }
    }

    @Test func aClientWithoutALPNIsServed() async throws {
        let fixture = try TLSFixture()
        try await PeerServer.with(tls: fixture.context) { port in
            let client = TLSClient(port: port, authority: fixture.authority, protocols: [])
            let facts = try await client.get()
            #expect(facts == "http1TLS https 127.0.0.1 tls=true ")
        }
    }

    @Test func aLargeBlobIsTheSameOverTLS() async throws {
        let fixture = try TLSFixture()
        try await TestServer.with(tls: fixture.context) { server in
            let blob = Array(Sample.large(20 * 1024 * 1024).readableBytesView)
            let digest = try Sample.digest(blob)
            let client = TLSClient(port: server.port, authority: fixture.authority)
            try await client.with { connection, _ in
                try await connection.send(
                    "POST /v2/team/app/blobs/uploads/?digest=\(digest) HTTP/1.1\r\nHost: localhost\r\n"
                        + "Content-Length: \(blob.count)\r\nContent-Type: application/octet-stream\r\n\r\n"
                )
                try await connection.send(blob)
                let pushed = try await connection.receiveResponse()
                #expect(pushed.head.hasPrefix("HTTP/1.1 201 "), "\(pushed.head)")
                try await connection.send("GET /v2/team/app/blobs/\(digest) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let pulled = try await connection.receiveResponse()
                #expect(pulled.body == blob)
            }
        }
    }

    @Test func aClientOfAnotherAuthorityRefusesTheServer() async throws {
        let fixture = try TLSFixture()
        let other = try CertificateAuthority("other")
        try await PeerServer.with(tls: fixture.context) { port in
            await #expect(throws: (any Error).self) {
                try await TLSClient(port: port, authority: other).get()
            }
            let served = try await TLSClient(port: port, authority: fixture.authority).get()
            #expect(served.hasPrefix("http1TLS"), "the server goes on")
        }
    }

    @Test func plainHTTPIsToldWhatIsWrong() async throws {
        let fixture = try TLSFixture()
        try await PeerServer.with(tls: fixture.context) { port in
            let answer = try await RawConnection.with(port: port) { connection in
                try await connection.send("GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return await connection.receiveToEnd()
            }
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(answer.contains("\r\n\r\nThis port speaks HTTPS"))
            let nonsense = try await RawConnection.with(port: port) { connection in
                try await connection.send([1, 2, 3, 4, 5, 6, 7, 8])
                return await connection.receiveToEnd()
            }
            #expect(!nonsense.contains("HTTP"))
        }
    }

    /// With its closing alert a client says that it sends no more, not that it reads no more.
    @Test(arguments: [false, true])
    func aClientThatEndsItsSideGetsAllOfItsAnswer(overTLS: Bool) async throws {
        let fixture = try TLSFixture()
        try await PeerServer.with(tls: overTLS ? fixture.context : nil) { port in
            let ask = { (connection: RawConnection) in
                try await connection.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
                connection.finish()
                return try await connection.receiveResponse().body
            }
            let body: [UInt8]
            if overTLS {
                body = try await TLSClient(port: port, authority: fixture.authority).with { connection, _ in
                    try await ask(connection)
                }
            } else {
                body = try await RawConnection.with(port: port, ask)
            }
            #expect(body.count == PeerServer.large.readableBytes)
            #expect(body == Array(PeerServer.large.readableBytesView))
        }
    }

    @Test func cleartextPeersHaveAnAddressAndNoNames() async throws {
        try await PeerServer.with { port in
            let facts = try await RawConnection.with(port: port) { try await $0.get() }
            #expect(facts == "http1 http 127.0.0.1 tls=false ")
        }
    }
}

/// What is refused at load, and what a reload changes.
@Suite(.serialized, .timeLimit(.minutes(1))) struct TLSContextTests {
    @Test func anExpiredCertificateIsRefused() throws {
        let directory = try TemporaryDirectory()
        try CertificateAuthority("a").issue(endingIn: -60).write(to: directory)
        let error = #expect(throws: TLSError.self) { try TLSFixture.load(directory) }
        #expect(error?.file == directory.path + "/server.pem")
        #expect(error?.reason.hasPrefix("the certificate has expired at 20") == true)
    }

    @Test func theKeyOfAnotherCertificateIsRefused() throws {
        let directory = try TemporaryDirectory()
        let authority = try CertificateAuthority("a")
        try authority.issue().write(to: directory)
        try directory.write(Array(authority.issue().keyPEM.utf8), to: "server.key")
        let error = #expect(throws: TLSError.self) { try TLSFixture.load(directory) }
        #expect(error?.file == directory.path + "/server.key")
        #expect(error?.reason.contains("is not the key of the first certificate in ") == true)
    }

    @Test(arguments: ["server.pem", "server.key", "clients.pem"])
    func aFileThatIsMissingHalfOrNoPEMIsRefused(_ file: String) throws {
        let authority = try CertificateAuthority("a")
        let fixture = try TLSFixture(clientCA: authority)
        let whole = try fixture.directory.read(file)
        for bytes in [nil, [], Array(whole.dropLast(whole.count / 2)), whole.map { $0 ^ 1 }] {
            try? fixture.directory.remove(file)
            if let bytes { try fixture.directory.write(bytes, to: file) }
            let error = #expect(throws: TLSError.self) { try TLSFixture.load(fixture.directory, clientCA: true) }
            #expect(error?.file == fixture.directory.path + "/" + file)
        }
        #expect(throws: TLSError.self) { try fixture.context.reload() }
    }

    @Test func anEncryptedKeyIsRefusedByName() throws {
        let directory = try TemporaryDirectory()
        try CertificateAuthority("a").issue().write(to: directory)
        let key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
        try directory.write(Array(key.utf8), to: "server.key")
        let error = #expect(throws: TLSError.self) { try TLSFixture.load(directory) }
        #expect(error?.reason.contains("encrypted") == true)
    }

    @Test func aReloadIsForNewConnectionsOnly() async throws {
        let fixture = try TLSFixture()
        let successor = try CertificateAuthority("successor")
        try await PeerServer.with(tls: fixture.context) { port in
            let before = TLSClient(port: port, authority: fixture.authority)
            let after = TLSClient(port: port, authority: successor)
            try await before.with { open, _ in
                #expect(try await open.get().hasPrefix("http1TLS"))
                #expect(try !fixture.context.reloadIfChanged(), "nothing has changed")
                try successor.issue().write(to: fixture.directory)
                #expect(try fixture.context.reloadIfChanged())
                #expect(try !fixture.context.reloadIfChanged(), "once")
                #expect(try await after.get().hasPrefix("http1TLS"))
                await #expect(throws: (any Error).self) { try await before.get() }
                #expect(try await open.get().hasPrefix("http1TLS"), "an open connection goes on")
            }
        }
    }

    @Test func aHalfWrittenFileKeepsTheOldCertificate() async throws {
        let fixture = try TLSFixture()
        let successor = try CertificateAuthority("successor")
        let issued = try successor.issue()
        let half = Array(issued.certificatePEM.utf8.prefix(issued.certificatePEM.utf8.count / 2))
        try await PeerServer.with(tls: fixture.context) { port in
            try fixture.directory.write(half, to: "server.pem")
            #expect(throws: TLSError.self) { try fixture.context.reloadIfChanged() }
            #expect(try !fixture.context.reloadIfChanged(), "the same files are complained of once")
            #expect(throws: TLSError.self) { try fixture.context.reload() }
            let old = TLSClient(port: port, authority: fixture.authority)
            #expect(try await old.get().hasPrefix("http1TLS"))

            // The certificate is whole, but the key is the old one's still.
            try fixture.directory.write(Array(issued.certificatePEM.utf8), to: "server.pem")
            #expect(throws: TLSError.self) { try fixture.context.reloadIfChanged() }
            #expect(try await old.get().hasPrefix("http1TLS"))

            try fixture.directory.write(Array(issued.keyPEM.utf8), to: "server.key")
            #expect(try fixture.context.reloadIfChanged())
            #expect(try await TLSClient(port: port, authority: successor).get().hasPrefix("http1TLS"))
        }
    }
}

/// Certificates that clients show.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ClientCertificateTests {
    @Test func theNamesOfAClientCertificateReachTheResponder() async throws {
        let clients = try CertificateAuthority("clients")
        let fixture = try TLSFixture(clientCA: clients)
        let credentials = try clients.issue([
            .dnsName("EU-West.example"), .rfc822Name("a@example"),
            .uniformResourceIdentifier("spiffe://example/ci/Builder"), .dnsName("nul\u{0}.example"),
        ])
        try await PeerServer.with(tls: fixture.context) { port in
            var client = TLSClient(port: port, authority: fixture.authority, credentials: credentials)
            let names = "eu-west.example,spiffe://example/ci/Builder"
            #expect(try await client.get() == "http1TLS https 127.0.0.1 tls=true \(names)")
            client.protocols = ["h2"]
            try await client.with { connection, _ in
                let frames = HTTP2Frames(connection)
                try await frames.open()
                try await frames.get("/", stream: 1)
                let body = try await frames.bodies(of: [1])[1] ?? []
                #expect(String(decoding: body, as: UTF8.self).hasSuffix("tls=true \(names)"))
            }
        }
    }

    @Test func aClientNeedsNoCertificate() async throws {
        let fixture = try TLSFixture(clientCA: try CertificateAuthority("clients"))
        try await PeerServer.with(tls: fixture.context) { port in
            let facts = try await TLSClient(port: port, authority: fixture.authority).get()
            #expect(facts == "http1TLS https 127.0.0.1 tls=true ")
        }
    }

    @Test func aCertificateOfAnotherAuthorityIsRefused() async throws {
        let fixture = try TLSFixture(clientCA: try CertificateAuthority("clients"))
        let stranger = try CertificateAuthority("clients").issue([.dnsName("eu-west.example")])
        try await PeerServer.with(tls: fixture.context) { port in
            let client = TLSClient(port: port, authority: fixture.authority, credentials: stranger)
            await #expect(throws: (any Error).self) { try await client.get() }
        }
    }

    @Test func anExpiredClientCertificateIsRefused() async throws {
        let clients = try CertificateAuthority("clients")
        let fixture = try TLSFixture(clientCA: clients)
        let expired = try clients.issue(endingIn: -60)
        try await PeerServer.with(tls: fixture.context) { port in
            let client = TLSClient(port: port, authority: fixture.authority, credentials: expired)
            await #expect(throws: (any Error).self) { try await client.get() }
        }
    }

    @Test func withoutAClientCANamesAreNotBelieved() async throws {
        let fixture = try TLSFixture()
        let credentials = try CertificateAuthority("anyone").issue([.dnsName("eu-west.example")])
        try await PeerServer.with(tls: fixture.context) { port in
            let client = TLSClient(port: port, authority: fixture.authority, credentials: credentials)
            let facts = try await client.get()
            #expect(facts == "http1TLS https 127.0.0.1 tls=true ")
        }
    }
}

/// Connections of one address.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ConnectionLimitTests {
    @Test(arguments: [false, true])
    func theFourthConnectionIsClosedAndAFreedOneIsTaken(overTLS: Bool) async throws {
        let fixture = try TLSFixture()
        let limits = ConnectionLimits(perAddress: 3)
        try await PeerServer.with(tls: overTLS ? fixture.context : nil, limits: limits) { port in
            let connect = { (body: (RawConnection) async throws -> Void) in
                guard overTLS else { return try await RawConnection.with(port: port, body) }
                try await TLSClient(port: port, authority: fixture.authority).with { connection, _ in
                    try await body(connection)
                }
            }
            try await connect { first in
                _ = try await first.get()
                try await connect { second in
                    _ = try await second.get()
                    try await connect { third in
                        _ = try await third.get()
                        await #expect(throws: (any Error).self) {
                            try await connect { _ = try await $0.get() }
                        }
                        _ = try await third.get()
                        limits.update(perAddress: 4)
                        try await connect { _ = try await $0.get() }
                        limits.update(perAddress: 3)
                    }
                }
                // The server learns a moment later that the others are closed.
                var served = false
                while !served { served = (try? await connect { _ = try await $0.get() }) != nil }
                _ = try await first.get()
            }
        }
        #expect(limits.addresses == 0, "nothing is counted once all is closed")
    }
}
