// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Foundation
import Logging
import OCI
import Registry
import ServiceLifecycle
import Settings
import Yams

/// The section `releases` of the configuration file.
///
/// ```yaml
/// releases:
///   production: [prod, prod-eu]   # environments whose promotions count as the way to production
///   drift-after: 15m              # how long a target may run something else than it is to
/// ```
extension ReleaseSettings {
    static let section = "releases"
    private static let environmentsLimit = 20

    init(_ node: Node) throws(SectionError) {
        self.init()
        let fields = try YAMLFields<SectionError>(node, "the release record", keys: ["production", "drift-after"])
        if let list = fields.node("production") {
            guard let names = list.sequence, names.count <= Self.environmentsLimit else {
                throw fields.error("production", "is a list of at most \(Self.environmentsLimit) environments")
            }
            production = []
            for name in names {
                guard let environment = name.scalar.flatMap({ PlaceName($0.string) }) else {
                    throw fields.error("production", "has what is no name of an environment")
                }
                production.insert(environment)
            }
        }
        if let seconds = try fields.seconds("drift-after") { driftAfter = seconds }
    }
}

/// Shows the release record as metrics while the server runs.
struct ReleaseWatch: Service {
    private let gauges: ReleaseGauges

    init(registry: Registry, settings: ReleaseSettings, logger: Logger) {
        gauges = ReleaseGauges(registry, settings, logger: logger)
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await gauges.look(at: Int64(Date().timeIntervalSince1970 * 1_000)) {
                    Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000)
                }
                try await Task.sleep(for: RegistryLimits.releaseTick)
            }
        }
    }
}
