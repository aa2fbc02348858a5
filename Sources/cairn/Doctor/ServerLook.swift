// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

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
            // Who may not ask for one of these may yet ask for the other one.
            do throws(ClientError) {
                server.damagedBlobs = try await ScrubClient(registry).status().damaged
            } catch {
                server.failure = error.reason
            }
            let samples = MetricSamples(try await health.metrics())
            server.metrics = ProductionServer.Metrics(samples, now: now)
        } catch {
            server.failure = error.reason
        }
        return server
    }
}
