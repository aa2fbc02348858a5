// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Synchronization

/// What a check works with: a repository of its own, content of its own, and the way to the registry.
struct Session: Sendable {
    /// The repository that belongs to this check alone.
    let repository: String
    /// The first components of all repositories of this run.
    let prefix: String
    let transport: Transport
    let shared: SharedContent
    private let generator: SharedGenerator

    init(name: String, prefix: String, seed: UInt64, transport: Transport, shared: SharedContent) {
        self.prefix = prefix
        self.repository = "\(prefix)/\(name)"
        self.transport = transport
        self.shared = shared
        self.generator = SharedGenerator(Generator(seed: seed, name: name))
    }

    var locator: Locator { transport.locator }

    /// Another repository that belongs to this check alone.
    func repository(_ suffix: String) -> String {
        "\(repository)/\(suffix)"
    }

    /// Content that no other check and no other run has.
    func random(_ count: Int) -> [UInt8] {
        generator.withLock { $0.bytes(count) }
    }

    func word(_ count: Int = 8) -> String {
        generator.withLock { $0.word(count) }
    }

    /// A digest that nothing in the registry has.
    func unknownDigest(_ algorithm: Digest.Algorithm = .sha256) throws -> Digest {
        try Digest.of(random(32), algorithm: algorithm)
    }

    func send(
        _ method: String,
        _ target: String,
        headers: Headers = [:],
        body: Body = .none
    ) async throws -> Response {
        do {
            return try await transport.send(Request(method: method, target: target, headers: headers, body: body))
        } catch {
            throw error.asCheckFailure
        }
    }

    func get(_ target: String, headers: Headers = [:]) async throws -> Response {
        try await send("GET", target, headers: headers)
    }

    func head(_ target: String, headers: Headers = [:]) async throws -> Response {
        try await send("HEAD", target, headers: headers)
    }

    func delete(_ target: String) async throws -> Response {
        try await send("DELETE", target)
    }

    /// Runs a step that a check only builds on. Its failure says nothing about the check's own claim.
    @discardableResult
    func setUp<Result>(_ step: String, _ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let failure as CheckFailure {
            throw SetupFailure(step: step, cause: failure)
        }
    }

    /// Where an answer's `Location` leads.
    func location(of response: Response) throws -> String {
        locator.resolve(try response.expect(header: "Location"), against: response.request.target)
    }
}

/// A generator that the concurrent parts of one check may share.
private final class SharedGenerator: Sendable {
    private let generator: Mutex<Generator>

    init(_ generator: Generator) {
        self.generator = Mutex(generator)
    }

    func withLock<Result: Sendable>(_ body: (inout Generator) -> Result) -> Result {
        generator.withLock { body(&$0) }
    }
}
