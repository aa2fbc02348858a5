// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient

/// Asks a running server for what the checklist of production needs. What it does not answer is left out.
enum ServerLook {
    static func server(at registry: RemoteRegistry, now: Int64) async -> ProductionServer {
        var server = ProductionServer()
        let health = HealthClient(registry)
        do throws(ClientError) {
            server.problems = try await health.problems()
            // Without an answer to this there will be none to the rest, and each would be waited for.
            let overview = try await RegionClient(registry).overview()
            server.regions = overview.regions.map { region in
                ProductionServer.Region(name: region.name, state: region.state, secondsBehind: region.secondsBehind)
            }
            let status = try? JSONValue(parsing: Array(try await ScrubClient(registry).status().json.utf8))
            server.damagedBlobs = status?["damaged"]?.number
            server.metrics = metrics(MetricSamples(try await health.metrics()), now: now)
        } catch {
            server.failure = error.reason
        }
        return server
    }

    private static func metrics(_ samples: MetricSamples, now: Int64) -> ProductionServer.Metrics {
        let number = { (name: String, label: String) in samples.sum(name, with: label).map { Int64($0) } }
        return ProductionServer.Metrics(
            scrapes: number("cairn_http_requests_total", "route=\"metrics\"") ?? 0,
            uptime: number("process_start_time_seconds", "").map { max(0, now - $0) } ?? 0,
            openFiles: samples.sum("process_max_fds").map { UInt64(max(0, $0)) },
            logFindings: number("cairn_log_scrub_findings_total", "") ?? 0,
            auditFindings: number("cairn_gc_audit_findings", "") ?? 0
        )
    }
}
