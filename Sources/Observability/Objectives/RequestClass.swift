// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a request is for, as objectives of latency speak of it.
package enum RequestClass: String, CaseIterable, Sendable {
    /// Manifests and blobs that are fetched.
    case pull
    /// Manifests that are stored, and uploads.
    case push
    /// Manifests that are fetched or asked for.
    case manifest
    /// Blobs that are fetched, to their last byte.
    case blob
    /// Lists of tags, of referrers and of repositories.
    case list
    /// Tokens.
    case token

    /// Whether a request of this route and method, as metrics call them, is of this class.
    package func includes(route: String, method: String) -> Bool {
        switch self {
        case .pull: method == "GET" && (route == "manifest" || route == "blob")
        case .push:
            (route == "manifest" && method == "PUT")
                || ((route == "uploads" || route == "upload") && ["POST", "PATCH", "PUT"].contains(method))
        case .manifest: route == "manifest" && (method == "GET" || method == "HEAD")
        case .blob: route == "blob" && method == "GET"
        case .list: ["tags", "referrers", "catalog"].contains(route) && method == "GET"
        case .token: route == "token"
        }
    }

    /// The routes whose requests say how available the registry is: those of images and of who may have them.
    package static let judgedRoutes: Set<String> = [
        "blob", "uploads", "upload", "manifest", "tags", "referrers", "catalog", "token",
    ]
}
