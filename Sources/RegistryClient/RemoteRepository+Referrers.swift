// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
internal import OCI

/// What refers to a manifest, as a registry lists it.
struct Referrers: Sendable {
    /// Bundles of signatures first, so that a flood of other things does not hide them.
    var descriptors: [Descriptor] = []
    /// Whether the list was read to its end, and nothing of it left out.
    var isWhole = true
    /// Why something was not looked at, a sentence each.
    var warnings: [String] = []
}

extension RemoteRepository {
    /// The descriptors of what refers to a manifest: by the referrers API, or, where a registry lacks it, by the tag
    /// that clients keep instead (distribution specification, "Listing Referrers").
    ///
    /// At most `ClientLimits.referrers`, of at most `ClientLimits.referrerPages`.
    func referrers(of digest: Digest) async throws(ClientError) -> Referrers {
        var result = Referrers()
        var found: [Descriptor] = []
        var next: String? = target("referrers/\(digest)")
        for page in 0..<ClientLimits.referrerPages {
            guard let address = next else { break }
            let (answer, body) = try await referrerPage(address)
            guard answer.status == 200 else {
                // A page that is missing further on leaves the list cut short.
                guard page == 0 else { break }
                let list = try await attachedManifest(digest.referrersTag, warnings: &result.warnings)
                found = list?.manifest.manifests ?? []
                next = nil
                break
            }
            do {
                found += try Manifest(parsing: body, contentType: .imageIndex).manifests
            } catch {
                throw ClientError(.network, "\(origin) lists the referrers of \(digest) by what is no index: \(error)")
            }
            next = try answer.nextPage()
        }
        let bundles = found.filter { $0.artifactType == .sigstoreBundle }
        let others = found.filter { $0.artifactType != .sigstoreBundle }
        result.descriptors = Array((bundles + others).prefix(ClientLimits.referrers))
        result.isWhole = next == nil && found.count <= ClientLimits.referrers
        if !result.isWhole {
            result.warnings.append("more refers to \(digest) than the \(result.descriptors.count) that are looked at")
        }
        return result
    }

    private func referrerPage(_ target: String) async throws(ClientError) -> (answer: Answer, body: [UInt8]) {
        let call = Call(
            target: target,
            headers: [("Accept", MediaType.imageIndex.description)],
            // Registries without the API answer in each of these ways.
            accepted: [200, 400, 404, 405, 406, 501],
            purpose: "listing what refers to a manifest of \(name)"
        )
        return try await fetch(call, limit: OCILimits.manifestBytesLimit)
    }
}
