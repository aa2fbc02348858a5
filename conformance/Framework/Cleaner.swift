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

    /// Deletes all that was noted, as far as the registry lets it: a manifest may have to wait for another one that
    /// refers to it, so what was refused is tried again as long as anything else could be deleted.
    func clean(through transport: Transport) async {
        await deleteInPasses(uploads.values.sorted(), through: transport)
        await deleteInPasses(manifests.map { "/v2/\($0.repository)/manifests/\($0.reference)" }, through: transport)
        await deleteInPasses(blobs.map { "/v2/\($0.repository)/blobs/\($0.reference)" }, through: transport)
    }

    private func deleteInPasses(_ targets: [String], through transport: Transport) async {
        var rest = targets
        for _ in 0..<Limits.cleaningPasses where !rest.isEmpty {
            let refused = await delete(rest, through: transport)
            guard refused.count < rest.count else { return }
            rest = refused
        }
    }

    /// Deletes some at once, and gives those that were refused. If the first ones are all refused, no more are tried:
    /// the registry does not delete such things.
    private func delete(_ targets: [String], through transport: Transport) async -> [String] {
        await withTaskGroup(of: (String, Bool).self) { group in
            var waiting = targets[...]
            var refused: [String] = []
            var answered = 0
            func start() {
                guard let target = waiting.popFirst() else { return }
                group.addTask { (target, await Self.delete(target, through: transport)) }
            }
            for _ in 0..<Limits.cleaningJobs { start() }
            for await (target, isGone) in group {
                answered += 1
                if !isGone { refused.append(target) }
                if answered < Limits.cleaningTrials || refused.count < answered { start() }
            }
            return refused + waiting
        }
    }

    /// False if the registry refuses to delete this, or cannot be asked.
    private static func delete(_ target: String, through transport: Transport) async -> Bool {
        let response = try? await transport.send(Request(method: "DELETE", target: target))
        return response.map { (200...299).contains($0.status) || $0.status == 404 } ?? false
    }
}
