// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import TestSupport
import Testing

@Suite("Addresses")
struct AddressTests {
    private static let hex = String(repeating: "a", count: 64)

    @Test func imagesAreReadInAllTheirParts() throws {
        let full = try ImageReference(parsing: "Registry.Example:5000/team/app:1.0@sha256:\(Self.hex)")
        #expect(full.host == "registry.example" && full.port == 5000 && full.name.description == "team/app")
        #expect(full.tag?.description == "1.0" && full.reference?.digest?.hex == Self.hex)
        #expect(full.description == "registry.example:5000/team/app:1.0@sha256:\(Self.hex)")
        let short = try ImageReference(parsing: "localhost/app:1")
        #expect(short.port == nil && short.reference?.tag?.description == "1" && short.repository == "localhost/app")
        let numeric = try ImageReference(parsing: "[::1]:5000/app:1")
        #expect(numeric.host == "[::1]" && numeric.authority == "[::1]:5000")
    }

    @Test(arguments: [
        "", "app:1", "/app:1", "host/app", "host/App:1", "host/app:", "host/app@sha256:12", "host:0/app:1",
        "host:65536/app:1", "ho st/app:1", "user@host/app:1", "host:port/app:1", "host//app:1", "https://host/app:1",
        "host/app:1@", "[::1/app:1", "-host/app:1", "host/app:1:2", "[zz::1]/app:1",
    ]) func otherTextsAreNoImages(text: String) throws {
        let error = #expect(throws: ClientError.self) { _ = try ImageReference(parsing: text) }
        #expect(error?.code == .usage)
    }

    @Test(
        arguments: [
            ("localhost:5000/a:1", .beyondLoopback, "http://localhost:5000"),
            ("127.0.0.1/a:1", .beyondLoopback, "http://127.0.0.1"),
            ("[::1]:5000/a:1", .beyondLoopback, "http://[::1]:5000"),
            ("127.0.0.1.example/a:1", .beyondLoopback, "https://127.0.0.1.example"),
            ("example.com/a:1", .beyondLoopback, "https://example.com"),
            ("example.com:8080/a:1", .nowhere, "http://example.com:8080"),
            ("localhost:5000/a:1", .everywhere, "https://localhost:5000"),
        ] as [(String, Origin.TLSUse, String)]
    ) func tlsIsLeftOutOnThisMachineAlone(text: String, tls: Origin.TLSUse, origin: String) throws {
        #expect(try ImageReference(parsing: text).origin(tls: tls).description == origin)
        let authority = text.prefix { $0 != "/" }
        #expect(try Origin(parsing: authority, tls: tls).description == origin)
    }

    @Test(arguments: [
        ("/b?c", "https://a.example/b?c"), ("b", "https://a.example/x/b"), ("?q=1", "https://a.example/x/y?q=1"),
        ("//other.example/z", "https://other.example/z"), ("http://other.example:81/z", "http://other.example:81/z"),
        ("https://OTHER.example:443", "https://other.example/"),
    ]) func referencesAreResolved(reference: String, expected: String) throws {
        let base = try WebAddress(parsing: "https://a.example/x/y?old=1")
        #expect(try base.resolving(reference).description == expected)
    }

    @Test(arguments: [
        "ftp://a.example/", "https://", "https://user:pw@a.example/", "https://a.example/#f", "https://a.example/ b",
        "https://a.example:99999/", "https://a.example/\u{e9}", "https://a.example\\@b.example/",
    ]) func otherTextsAreNoAddresses(text: String) throws {
        #expect(throws: ClientError.self) { _ = try WebAddress(parsing: text) }
    }

    @Test func aBaseHasNoPath() throws {
        #expect(try WebAddress(parsing: "https://a.example").baseOrigin().description == "https://a.example")
        #expect(throws: ClientError.self) { _ = try WebAddress(parsing: "https://a.example/v2/").baseOrigin() }
    }

    @Test func parametersAreEncoded() throws {
        let address = try WebAddress(parsing: "https://a.example/token?x=1").adding(
            "scope",
            "repository:a/b:pull,push&c"
        )
        #expect(address.target == "/token?x=1&scope=repository%3Aa%2Fb%3Apull%2Cpush%26c")
    }

    @Test func platformsAreRead() throws {
        #expect(try PlatformChoice(parsing: "linux/arm/v7") == .one(os: "linux", architecture: "arm", variant: "v7"))
        for text in ["", "linux", "linux/", "linux/arm/v7/x"] {
            #expect(throws: ClientError.self) { _ = try PlatformChoice(parsing: text) }
        }
    }
}
