// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Catalog
import Content
import Foundation
import HTTPAPI
import OCI
import Observability
import Registry
import Releases
import TestSupport
import Yams

/// A server with access control: nobody may do anything but the robot `ci`, who may do what it is granted, and what
/// rules say, where there are any.
struct GuardedServer {
    let store: TestStore
    private let port: Int
    private let authorization: String

    /// Runs a test with a server, and shuts it down whatever happens. Grants are written as `pull:team/*`, and the
    /// `access` mapping as in the configuration file.
    static func with(
        _ grants: [String],
        access mapping: String? = nil,
        _ body: (GuardedServer) async throws -> Void
    ) async throws {
        try await TestStore.with { store in
            _ = try await store.registry.recover()
            let passwords = PasswordChecker(threadCount: 1, monotonic: { 0 })
            do {
                let (policy, authorization) = try robotPolicy(grants, mapping, in: store.directory)
                let access = AccessControl(policy: policy, passwords: passwords, now: { now }, monotonic: { 0 })
                try await run(on: store, access, authorization, body)
                await passwords.shutDown()
            } catch {
                await passwords.shutDown()
                throw error
            }
        }
    }

    private static let now: Int64 = 1_700_000_000

    private static func configuration(_ mapping: String?) throws -> AccessConfiguration {
        guard let mapping, let node = try Yams.compose(yaml: mapping) else { return AccessConfiguration() }
        return try AccessConfiguration(node, directory: "/etc/cairn")
    }

    private static func robotPolicy(
        _ grants: [String],
        _ mapping: String?,
        in directory: TemporaryDirectory
    ) throws -> (AccessPolicy, String) {
        let file = RobotsFile(path: directory.path + "/robots.json")
        let secret = try file.create(
            name: "ci",
            grants: try grants.map { try Grant(parsing: $0) },
            expires: nil,
            now: now
        )
        let policy = AccessPolicy(
            configuration: try configuration(mapping),
            htpasswd: .empty,
            robots: try file.load(),
            issuers: [],
            tokens: TokenIssuer(
                keys: try TokenKeys(random: SecureRandom.bytes(32), now: now),
                service: AccessConfiguration.defaultService,
                seconds: 600,
                now: { now }
            ),
            revision: 1
        )
        return (policy, "Basic " + Data("robot+ci:\(secret)".utf8).base64EncodedString())
    }

    private static func run(
        on store: TestStore,
        _ access: AccessControl,
        _ authorization: String,
        _ body: (GuardedServer) async throws -> Void
    ) async throws {
        let (catalog, clock) = (store.catalog, store.clock)
        let responder = Responder(
            registry: store.registry,
            access: access,
            health: Health(gauge: store.content.gauge, isCatalogWritable: { catalog.isWritable }),
            metrics: HTTPMetrics(registry: PrometheusRegistry()),
            accessLog: nil,
            logger: TestStore.silent,
            requestIDs: RequestIDs(seed: TestServer.requestIDSeed),
            dates: DateHeader(seconds: { clock.wallSeconds })
        )
        try await TestServer.serving(responder) { port, _ in
            try await body(GuardedServer(store: store, port: port, authorization: authorization))
        }
    }

    /// The whole answer, its head first: to nobody known, or to the robot.
    func send(
        _ path: String,
        _ method: String = "GET",
        asRobot: Bool = false,
        text: String? = nil
    ) async throws -> String {
        var request = "\(method) \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        if asRobot { request += "Authorization: \(authorization)\r\n" }
        if let text { request += "Content-Length: \(text.utf8.count)\r\n" }
        request += "\r\n" + (text ?? "")
        return try await RawConnection.with(port: port) { [request] connection in
            try await connection.send(request)
            return await connection.receiveToEnd()
        }
    }

    /// Says that an image is to run in a service of an environment.
    func promote(_ digest: Digest, of name: String, to environment: String, service: String? = nil) async throws {
        let promotion = PromotionReport(
            environment: try PlaceName(parsing: environment),
            service: try service.map { try PlaceName(parsing: $0) }
        )
        _ = try await store.registry.promote(
            digest,
            promotion,
            in: Sample.repository(name),
            caller: TestStore.caller
        )
    }
}
