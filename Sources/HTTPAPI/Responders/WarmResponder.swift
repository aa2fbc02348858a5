// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import OCI
import Registry

/// `/v2/<name>/_cairn/warm/<tag or digest>`: `GET` says how much of an image is here, `POST` has the rest fetched.
/// Asked again, it says how far that is.
extension Responder {
    func warm(_ exchange: Exchange, _ name: RepositoryName, _ reference: Reference) async throws -> Answer {
        try exchange.require([.get, .head, .post])
        let state = try await registry.warm(reference, in: name, begin: exchange.request.method == .post)
        var json = JSONWriter()
        json.object { json in
            json.members([("name", name.description), ("digest", state.digest.description)])
            if case .tag(let tag) = reference { json.members([("tag", tag.description)]) }
            json.key("complete")
            json.bool(state.isComplete)
            json.integers([
                ("manifests", state.manifests), ("missing_manifests", state.missingManifests),
                ("blobs", state.blobs), ("bytes", state.bytes),
                ("missing_blobs", state.missingBlobs), ("missing_bytes", state.missingBytes),
            ])
            if let reason = state.reason { json.members([("reason", reason)]) }
        }
        var answer = Self.json(.ok, json)
        answer.digest = state.digest.description
        return answer
    }
}
