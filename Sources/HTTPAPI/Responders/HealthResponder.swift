// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Content
import HTTPTypes
import NIOCore
import OCI
import Observability
import Replication
import Synchronization

/// Whether the registry should get traffic, and why not.
package final class Health: Sendable {
    private let draining = Atomic<Bool>(false)
    private let gauge: StorageGauge
    private let isCatalogWritable: @Sendable () -> Bool

    package init(gauge: StorageGauge, isCatalogWritable: @escaping @Sendable () -> Bool) {
        self.gauge = gauge
        self.isCatalogWritable = isCatalogWritable
    }

    /// From now on `/readyz` answers 503: the server finishes what it has and takes nothing new.
    package func beginDraining() {
        draining.store(true, ordering: .relaxed)
    }

    /// What keeps the registry from full service, in the words of `/readyz`; empty when nothing does.
    func problems() async -> [String] {
        var problems: [String] = []
        if draining.load(ordering: .relaxed) { problems.append("draining") }
        if !isCatalogWritable() { problems.append("catalog_unavailable") }
        do {
            if try await gauge.refresh() != .ok { problems.append("storage_full") }
        } catch {
            problems.append("storage_unreadable")
        }
        return problems
    }
}

/// `/livez`, `/readyz` and `/metrics`.
extension Responder {
    func live(_ exchange: Exchange) throws -> Answer {
        try exchange.require([.get, .head])
        return Answer(
            .ok,
            headers: [.contentType: "text/plain; charset=utf-8"],
            body: .bytes(ByteBuffer(string: "ok\n"))
        )
    }

    /// 200 `{"status":"ready"}`, or 503 `{"status":"degraded","problems":[…]}`.
    func ready(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        let problems = await health.problems()
        let phases = (try? await regions?.phases()) ?? []
        var json = JSONWriter()
        json.object { json in
            json.key("status")
            json.string(problems.isEmpty ? "ready" : "degraded")
            if !problems.isEmpty {
                json.key("problems")
                json.array { json in for problem in problems { json.string(problem) } }
            }
            // Told, not judged: a region whose peers are away serves what it has.
            guard !phases.isEmpty else { return }
            json.key("regions")
            json.object { json in json.members(phases) }
        }
        return Answer(
            problems.isEmpty ? .ok : .serviceUnavailable,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }

    func scrape(_ exchange: Exchange) throws -> Answer {
        try exchange.require([.get, .head])
        let format = ExpositionFormat(accept: exchange.headers[.accept])
        return Answer(
            .ok,
            headers: [.contentType: format.contentType, .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: metrics.registry.render(format)))
        )
    }
}
