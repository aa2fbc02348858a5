// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
internal import OCI

extension RemoteRepository {
    /// The descriptors of what refers to a manifest: by the referrers API, or, where a registry lacks it, by the tag
    /// that clients keep instead (distribution specification, "Listing Referrers").
    ///
    /// At most `ClientLimits.referrers`, bundles of signatures first, so that a flood of other things does not hide
    /// them.
    func referrers(of digest: Digest) async throws(ClientError) -> [Descriptor] {
        var found: [Descriptor] = []
        var next: String? = target("referrers/\(digest)")
        for page in 0..<ClientLimits.referrerPages {
            guard let address = next else { break }
            let (answer, body) = try await referrerPage(address)
            guard answer.status == 200 else {
                guard page == 0, let list = try await manifestIfPresent(.tag(digest.referrersTag)) else { break }
                found = list.manifest.manifests
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
        return Array((bundles + others).prefix(ClientLimits.referrers))
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
