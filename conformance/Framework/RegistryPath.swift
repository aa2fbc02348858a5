// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The repository and the resource that a target of the distribution API names, read from the right, since a
/// repository's name may itself contain `blobs` or `manifests` as a component.
struct RegistryPath: Sendable, Hashable {
    enum Resource: Sendable, Hashable {
        case blob(String)
        case uploads
        case upload(String)
        case manifest(String)
        case other
    }

    let repository: String
    let resource: Resource

    /// Nil unless the target is a path below `/v2/` that names a repository.
    init?(_ target: String) {
        let path = target.prefix { $0 != "?" }
        guard path.hasPrefix("/v2/") else {
            return nil
        }
        let parts = path.dropFirst("/v2/".count).split(separator: "/", omittingEmptySubsequences: false).map(
            String.init
        )
        func name(_ tail: Int) -> String { parts.dropLast(tail).joined(separator: "/") }
        let count = parts.count
        if count >= 4, parts[count - 3] == "blobs", parts[count - 2] == "uploads" {
            repository = name(3)
            resource = parts[count - 1].isEmpty ? .uploads : .upload(parts[count - 1])
        } else if count >= 3, parts[count - 2] == "blobs" {
            repository = name(2)
            resource = .blob(parts[count - 1])
        } else if count >= 3, parts[count - 2] == "manifests" {
            repository = name(2)
            resource = .manifest(parts[count - 1])
        } else if count >= 3, ["tags", "referrers"].contains(parts[count - 2]) {
            repository = name(2)
            resource = .other
        } else {
            return nil
        }
    }
}
