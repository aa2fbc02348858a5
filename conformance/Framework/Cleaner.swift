// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI

/// Notes what the checks leave in the registry, and deletes it in the end, as far as the registry lets it.
///
/// It watches the answers instead of being told, so that no check can forget to tell it.
actor Cleaner {
    private struct Item: Hashable, Sendable {
        let repository: String
        let reference: String
    }

    private let isEnabled: Bool
    private var manifests: Set<Item> = []
    private var blobs: Set<Item> = []
    /// Locations of uploads that are open, by their path without query.
    private var uploads: [String: String] = [:]

    init(isEnabled: Bool) {
        self.isEnabled = isEnabled
    }

    /// Takes note of what one exchange has made or removed.
    func observe(_ response: Response, locator: Locator) {
        guard isEnabled, let path = RegistryPath(response.request.target) else {
            return
        }
        let request = response.request
        let location = response.headers["Location"].map { locator.resolve($0, against: request.target) }
        switch (request.method, path.resource, response.status) {
        case ("PUT", .manifest(let reference), 200...299):
            noteManifest(path.repository, reference, request.body)
        case ("PUT", .upload, 200...299), ("POST", .uploads, 201):
            uploads[request.target.withoutQuery] = nil
            if let digest = Self.digest(inQueryOf: request.target) {
                blobs.insert(Item(repository: path.repository, reference: digest))
            }
        case ("POST", .uploads, 202), ("PATCH", .upload, 202):
            uploads[request.target.withoutQuery] = nil
            if let location {
                uploads[location.withoutQuery] = location
            }
        case ("DELETE", .upload, 200...299):
            uploads[request.target.withoutQuery] = nil
        default:
            break
        }
    }

    private func noteManifest(_ repository: String, _ reference: String, _ body: Body) {
        if reference.contains(":") {
            manifests.insert(Item(repository: repository, reference: reference))
        } else if let digest = try? Digest.of(body.bytes) {
            manifests.insert(Item(repository: repository, reference: digest.description))
        }
    }

    private static func digest(inQueryOf target: String) -> String? {
        for pair in target.drop(while: { $0 != "?" }).dropFirst().split(separator: "&") {
            for name in ["digest=", "mount="] where pair.hasPrefix(name) {
                return String(pair.dropFirst(name.count)).replacing("%3A", with: ":").replacing("%3a", with: ":")
            }
        }
        return nil
    }

    /// Deletes all that was noted. Stops with a kind of thing at the first sign that its deletion is not allowed.
    func clean(through transport: Transport) async {
        await delete(uploads.values.sorted(), through: transport)
        await delete(manifests.map { "/v2/\($0.repository)/manifests/\($0.reference)" }, through: transport)
        await delete(blobs.map { "/v2/\($0.repository)/blobs/\($0.reference)" }, through: transport)
    }

    private func delete(_ targets: [String], through transport: Transport) async {
        await withTaskGroup(of: Bool.self) { group in
            var rest = targets[...]
            var isAllowed = true
            for _ in 0..<Limits.cleaningJobs {
                guard let target = rest.popFirst() else { break }
                group.addTask { await Self.delete(target, through: transport) }
            }
            for await succeeded in group {
                isAllowed = isAllowed && succeeded
                if isAllowed, let target = rest.popFirst() {
                    group.addTask { await Self.delete(target, through: transport) }
                }
            }
        }
    }

    /// False if the registry does not let this be deleted at all.
    private static func delete(_ target: String, through transport: Transport) async -> Bool {
        let response = try? await transport.send(Request(method: "DELETE", target: target))
        return ![nil, 401, 403, 405, 501].contains(response?.status)
    }
}
