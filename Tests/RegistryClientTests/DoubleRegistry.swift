// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOHTTP1
import OCI
import RegistryClient
import Synchronization
import TestSupport

/// What a double that is a registry holds, and how it lies.
final class DoubleRegistry: Sendable {
    struct State: Sendable {
        var manifests: [String: (type: String, bytes: [UInt8])] = [:]
        var blobs: [String: [UInt8]] = [:]
        var documents: [String: [UInt8]] = [:]
        /// Asked first; nil lets the registry answer.
        var lie: (@Sendable (DoubleRequest, Int) -> DoubleReply?)?
        var count = 0
        var ignoresRanges = false
        var referrers: [String: [[UInt8]]] = [:]
        var hasReferrers = true
    }

    private let state = Mutex(State())
    let name: String

    init(_ name: String = "team/app") { self.name = name }

    func with<Result>(_ body: (DoubleServer) async throws -> Result) async throws -> Result {
        try await DoubleServer.with({ [self] in answer($0) }, body)
    }

    /// Reads or changes what the registry holds.
    func edit<Result>(_ change: (inout State) throws -> Result) rethrows -> Result where Result: Sendable {
        try state.withLock { try change(&$0) }
    }

    /// Lets the registry lie; the closure gets the request and how many there were before it.
    func lie(_ lie: @escaping @Sendable (DoubleRequest, Int) -> DoubleReply?) { state.withLock { $0.lie = lie } }

    func add(blob: [UInt8]) throws {
        let digest = try Sample.digest(blob).description
        state.withLock { $0.blobs[digest] = blob }
    }

    @discardableResult
    func add(manifest: [UInt8], type: String = Sample.imageType, tag: String? = nil) throws -> Digest {
        let digest = try Sample.digest(manifest)
        state.withLock { state in
            state.manifests[digest.description] = (type, manifest)
            if let tag { state.manifests[tag] = (type, manifest) }
        }
        return digest
    }

    /// An image whose layers have these sizes.
    @discardableResult
    func addImage(layers: [Int], seed: UInt64 = 1, tag: String? = nil) throws -> (digest: Digest, layers: [[UInt8]]) {
        let config = Array(#"{"architecture":"amd64","os":"linux"}"#.utf8)
        let layers = layers.enumerated().map { Sample.bytes($1, seed: seed &* 100 &+ UInt64($0)) }
        try add(blob: config)
        for layer in layers { try add(blob: layer) }
        let manifest = try Sample.image(config: config, layers: layers)
        return (try add(manifest: manifest, tag: tag), layers)
    }

    private func answer(_ request: DoubleRequest) -> DoubleReply {
        let (lie, count) = state.withLock { state in
            defer { state.count += 1 }
            return (state.lie, state.count)
        }
        if let reply = lie?(request, count) { return reply }
        if let document = state.withLock({ $0.documents[request.path] }) { return .answer(status: 200, body: document) }
        let prefix = "/v2/\(name)/"
        guard request.path.hasPrefix(prefix) else { return .status(404) }
        let parts = request.path.dropFirst(prefix.count).split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return .status(404) }
        switch (parts[0], request.method) {
        case ("manifests", .PUT): return put(request, parts[1])
        case ("manifests", _): return manifest(parts[1])
        case ("blobs", .GET), ("blobs", .HEAD): return blob(request, parts[1])
        case ("blobs", _): return upload(request)
        case ("referrers", _): return referrers(parts[1])
        default: return .status(404)
        }
    }

    private func manifest(_ reference: String) -> DoubleReply {
        guard let found = state.withLock({ $0.manifests[reference] }) else { return .status(404) }
        return .answer(status: 200, headers: [("Content-Type", found.type)], body: found.bytes)
    }

    /// With the conditions on tags that Cairn knows.
    private func put(_ request: DoubleRequest, _ reference: String) -> DoubleReply {
        guard let digest = try? Sample.digest(request.body) else { return .status(500) }
        let type = request["Content-Type"] ?? ""
        return state.withLock { state in
            let former = state.manifests[reference].flatMap { try? Sample.digest($0.bytes) }
            if request["If-None-Match"] == "*", former != nil { return .status(412) }
            if let match = request["If-Match"], match != former.map({ "\"\($0)\"" }) { return .status(412) }
            state.manifests[digest.description] = (type, request.body)
            state.manifests[reference] = (type, request.body)
            if let manifest = try? Manifest(parsing: request.body, contentType: nil), let subject = manifest.subject {
                state.referrers[subject.digest.description, default: []].append(request.body)
            }
            return .status(201)
        }
    }

    func blob(_ request: DoubleRequest, _ digest: String) -> DoubleReply {
        let (found, ignoresRanges) = state.withLock { ($0.blobs[digest], $0.ignoresRanges) }
        guard let blob = found else { return .status(404) }
        return Self.part(of: blob, request, ignoresRanges: ignoresRanges)
    }

    /// Bytes as they are served for a request, with its range.
    static func part(of blob: [UInt8], _ request: DoubleRequest, ignoresRanges: Bool = false) -> DoubleReply {
        guard !ignoresRanges, let range = request.range else { return .answer(status: 200, body: blob) }
        let part = Array(blob[range.lowerBound..<min(range.upperBound + 1, blob.count)])
        let header = "bytes \(range.lowerBound)-\(range.lowerBound + part.count - 1)/\(blob.count)"
        return .answer(status: 206, headers: [("Content-Range", header)], body: part)
    }

    private func upload(_ request: DoubleRequest) -> DoubleReply {
        if request.method == .POST { return .status(202, [("Location", "/v2/\(name)/blobs/uploads/1?state=x")]) }
        guard let digest = try? Sample.digest(request.body).description else { return .status(500) }
        guard request.target.hasSuffix("digest=" + WebAddress.encoded(digest)) else { return .status(400) }
        state.withLock { $0.blobs[digest] = request.body }
        return .status(201)
    }

    private func referrers(_ digest: String) -> DoubleReply {
        let (list, isThere) = state.withLock { ($0.referrers[digest] ?? [], $0.hasReferrers) }
        guard isThere else { return .status(404) }
        guard let index = try? Sample.index(list) else { return .status(500) }
        return .answer(status: 200, headers: [("Content-Type", Sample.indexType)], body: index)
    }
}

extension DoubleRequest {
    /// The first and last byte of its range.
    var range: ClosedRange<Int>? {
        guard let text = self["Range"], text.hasPrefix("bytes=") else { return nil }
        let parts = text.dropFirst(6).split(separator: "-").compactMap { Int($0) }
        return parts.count == 2 && parts[0] <= parts[1] ? parts[0]...parts[1] : nil
    }
}

/// A client's side in tests: no pauses, and timeouts that a busy machine does not reach; a test of one sets it.
struct ClientFixture: Sendable {
    /// The pauses that were asked for, in milliseconds.
    final class Pauses: Sendable {
        let list = Mutex<[Int]>([])
        var all: [Int] { list.withLock { $0 } }
    }

    let pauses = Pauses()
    let credentials: CredentialSource
    var options = Transport.Options()

    init(_ credentials: Credentials? = nil, environment: [String: String] = [:]) throws {
        self.credentials = try CredentialSource(given: credentials, environment: environment)
        options.timeouts.connect = 30_000
        options.timeouts.answer = 30_000
        options.timeouts.idle = 30_000
        options.random = { _ in 0 }
        options.pause = { [pauses] milliseconds in pauses.list.withLock { $0.append(milliseconds) } }
    }

    func repository(
        _ server: DoubleServer,
        _ transport: Transport,
        name: String = "team/app"
    ) throws -> RemoteRepository {
        try RemoteRepository(
            origin: Origin(scheme: .http, host: "127.0.0.1", port: server.port),
            name: try RepositoryName(parsing: name),
            credentials: credentials,
            transport: transport
        )
    }

    /// Runs work at servers that have the same repository.
    func at<Result: Sendable>(
        _ servers: [DoubleServer],
        _ work: @Sendable @escaping (Regions) async throws(ClientError) -> Result
    ) async throws -> Result {
        try await Transport.with(options) { transport async throws(ClientError) in
            do {
                return try await work(try Regions(servers.map { try repository($0, transport) }))
            } catch {
                throw error as? ClientError ?? ClientError(.usage, "\(error)")
            }
        }
    }

    /// Pulls a reference to a directory.
    func pull(
        _ reference: String,
        from servers: [DoubleServer],
        to directory: TemporaryDirectory,
        pieces: BlobFetch.Pieces = BlobFetch.Pieces(),
        configure: (inout ImagePull.Options) -> Void = { _ in }
    ) async throws -> (report: ImagePull.Report, progress: PullProgress.Snapshot) {
        var options = ImagePull.Options(directory: directory.path + "/layout")
        options.pieces = pieces
        configure(&options)
        let (final, reference) = (options, try Reference(parsing: reference))
        return try await at(servers) { regions async throws(ClientError) in
            let root = try await ImagePull.resolve(reference, in: regions)
            let progress = PullProgress()
            let pull = ImagePull(regions: regions, options: final, progress: progress)
            let contents = try await pull.contents(of: root)
            return (try await pull.run(contents, name: reference.description), progress.snapshot)
        }
    }
}

/// The code with which a client failed; nil when it did not.
func failure(_ work: () async throws -> Void) async throws -> ClientError? {
    do {
        try await work()
        return nil
    } catch let error as ClientError {
        return error
    }
}

extension DoubleRegistry {
    /// Runs work with a client of the registry as a whole, and answers with the requests too.
    func ask<Result: Sendable>(
        _ work: @Sendable @escaping (RemoteRegistry) async throws(ClientError) -> Result
    ) async throws -> (result: Result, requests: [DoubleRequest]) {
        try await with { server in
            let client = try ClientFixture(Credentials(user: "user", password: "secret"))
            let result = try await Transport.with(client.options) { transport async throws(ClientError) in
                let origin = try Origin(parsing: server.authority, tls: .beyondLoopback)
                return try await work(
                    RemoteRegistry(origin: origin, credentials: client.credentials, transport: transport)
                )
            }
            return (result, server.requests)
        }
    }
}
