// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import OCI
import Observability
import Replication

/// `GET /api/v1/regions`: how far the logs of other regions are here, for those who may `audit` or `admin`.
extension Responder {
    func regions(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        var json = JSONWriter()
        json.object { json in
            json.key("regions")
            json.array { json in
                for follower in followers { Self.write(follower, to: &json) }
            }
        }
        return Self.json(.ok, json)
    }

    private static func write(_ follower: LogFollower, to json: inout JSONWriter) {
        let status = follower.status
        json.object { json in
            json.members([("region", follower.name), ("state", status.phase.rawValue)])
            if let reason = status.reason { json.members([("reason", reason)]) }
            json.integers([("entries", status.entries), ("shown", status.shown)])
            json.integers([("behind", max(0, status.shown - status.entries))])
            guard let time = status.verifiedAt else { return }
            json.members([("verified_at", Timestamp(seconds: time).description)])
        }
    }
}
