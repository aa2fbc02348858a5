// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import OCI

/// What a client is told to ask for at the token endpoint (RFC 6750, section 3; distribution's token specification).
struct Challenge {
    let route: Route
    let request: Request
    let peer: Peer
    /// `invalid_token` or `insufficient_scope`, where the client brought a token.
    let error: String?
    /// The source of a mount, which needs a right of its own.
    var mountFrom: String?
    /// What a request needs a right to that names its repository elsewhere than in its path.
    var named: (repository: RepositoryName, action: Action)?

    init(route: Route, request: Request, peer: Peer, error: String?, mountFrom: String? = nil) {
        self.route = route
        self.request = request
        self.peer = peer
        self.error = error
        self.mountFrom = mountFrom
    }

    /// The header's value. `realm` is the token endpoint's URL, where the configuration names it; else it is that of
    /// this server as the client has addressed it, which tells the client nothing that it did not say itself.
    func text(service: String, realm: String?) -> String {
        var text = "Bearer realm=\"\(realm ?? derivedRealm)\",service=\"\(service)\""
        if let scope { text += ",scope=\"\(scope)\"" }
        if let error, request.headers[.authorization] != nil { text += ",error=\"\(error)\"" }
        return text
    }

    private var derivedRealm: String {
        let scheme = peer.isTLS ? "https" : "http"
        return "\(scheme)://\(host ?? "localhost")/token"
    }

    /// The request's authority, if it has only characters of one.
    private var host: String? {
        guard let host = request.head.authority, !host.isEmpty, host.utf8.count <= 255 else { return nil }
        let isPlain = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
                UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isPlain ? host : nil
    }

    private var scope: String? {
        switch route {
        case .catalog: return "registry:catalog:*"
        case .pins, .deployments:
            return named.map { "repository:\($0.repository):\($0.action.rawValue)" } ?? "registry:audit:audit"
        case .audit, .denials, .metrics, .log: return "registry:audit:audit"
        case .quarantines, .quarantine, .collection, .scrub, .storage, .regions: return "registry:admin:admin"
        case .retention, .usage: return "registry:retain:retain registry:audit:audit"
        default: break
        }
        guard let repository = route.repository else { return nil }
        var scope = "repository:\(repository):\(actions)"
        if case .uploads = route, let mountFrom, let source = try? RepositoryName(parsing: mountFrom) {
            scope += " repository:\(source):pull"
        }
        return scope
    }

    private var actions: String {
        switch request.method {
        case .head where route.isBlob:
            // Who asks whether a blob is there is about to push it, and some clients keep the first token that they get
            // for a repository. Who may only pull gets a token for that.
            "pull,push"
        case .get, .head: if case .upload = route { "pull,push" } else { "pull" }
        case .delete: if case .upload = route { "pull,push" } else { "delete" }
        default: "pull,push"
        }
    }
}

extension Route {
    fileprivate var isBlob: Bool {
        if case .blob = self { true } else { false }
    }
}
