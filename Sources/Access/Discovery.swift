// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import OCI

/// Fetches what an issuer publishes: its discovery document (OpenID Connect Discovery 1.0, section 4) and its keys.
///
/// No redirect is followed, so that an issuer cannot make the registry ask others; nothing large or slow is waited for.
struct Discovery: Sendable {
    /// Bytes of a document: 1 MiB.
    static let bytesLimit = 1 << 20
    /// Seconds that a document may take, from connecting to its last byte.
    static let timeout: Int64 = 5
    private static let path = "/.well-known/openid-configuration"

    let configuration: IssuerConfiguration

    /// - Throws: `.invalidIssuer` with what went wrong.
    func keys() async throws(AccessError) -> KeySet {
        let url: String
        if let configured = configuration.jwks { url = configured } else { url = try await keysURL() }
        return try await KeySet(parsing: get(url))
    }

    private func keysURL() async throws(AccessError) -> String {
        let issuer = configuration.issuer
        let body = try await get((issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + Self.path)
        guard let document = try? JSONValue(parsing: body) else {
            throw AccessError(.invalidIssuer, "the discovery document of \(issuer) is no JSON")
        }
        guard document["issuer"]?.text == issuer else {
            throw AccessError(.invalidIssuer, "the discovery document of \(issuer) is of another issuer")
        }
        guard let url = document["jwks_uri"]?.text, isAllowed(url) else {
            throw AccessError(.invalidIssuer, "the discovery document of \(issuer) has no jwks_uri with https")
        }
        return url
    }

    /// Keys come over TLS, except from an issuer on this machine that is configured without it.
    private func isAllowed(_ url: String) -> Bool {
        if url.hasPrefix("https://") { return true }
        let scheme = "http://"
        guard configuration.issuer.hasPrefix(scheme) else { return false }
        let host = configuration.issuer.dropFirst(scheme.count).prefix { $0 != "/" }
        return url.hasPrefix("\(scheme)\(host)/")
    }

    private func get(_ url: String) async throws(AccessError) -> [UInt8] {
        do {
            return try await HTTPClient.withHTTPClient(configuration: clientConfiguration()) { client in
                try await Self.withinTime { try await Self.get(url, client) }
            }
        } catch let error as AccessError {
            throw error
        } catch {
            throw AccessError(.invalidIssuer, "GET \(ParsingError.quotable(url)) failed: \(error)")
        }
    }

    private static func get(_ url: String, _ client: HTTPClient) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Accept", value: "application/json")
        let response = try await client.execute(request, timeout: .seconds(timeout))
        guard response.status == .ok else {
            throw AccessError(.invalidIssuer, "GET \(ParsingError.quotable(url)) was answered \(response.status.code)")
        }
        do {
            return Array(buffer: try await response.body.collect(upTo: bytesLimit))
        } catch is NIOTooManyBytesError {
            throw AccessError(.invalidIssuer, "GET \(ParsingError.quotable(url)) was answered over \(bytesLimit) bytes")
        }
    }

    /// The client bounds the time until the answer begins; this bounds that until it ends.
    private static func withinTime(_ work: @escaping @Sendable () async throws -> [UInt8]) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: .seconds(timeout))
                throw AccessError(.invalidIssuer, "the issuer took over \(timeout) seconds to answer")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }

    private func clientConfiguration() -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let file = configuration.caFile { tls.trustRoots = .file(file) }
        var client = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(Self.timeout), read: .seconds(Self.timeout))
        )
        client.httpVersion = .http1Only
        return client
    }
}
