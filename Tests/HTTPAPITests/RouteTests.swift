// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import OCI
import Testing

@Suite struct RouteTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)
    static let digest = "sha256:" + hex
    static let long = "sha512:" + hex + hex

    struct Valid: CustomTestStringConvertible, Sendable {
        let path: String
        let label: String
        let name: String?
        var testDescription: String { path }

        init(_ path: String, _ label: String, _ name: String? = nil) {
            self.path = path
            self.label = label
            self.name = name
        }
    }

    static let valid: [Valid] = [
        Valid("/v2/", "base"), Valid("/v2", "base"), Valid("/v2/_catalog", "catalog"), Valid("/livez", "livez"),
        Valid("/readyz", "readyz"), Valid("/metrics", "metrics"),
        Valid("/log/checkpoint", "log"), Valid("/log/vkey", "log"), Valid("/log/witness/vkey", "log"),
        Valid("/log/witness/add-checkpoint", "log-witness"), Valid("/log/tile/0/x001/234.p/5", "log-tile"),
        Valid("/log/tile/entries/000", "log-entries"), Valid("/api/v1/quarantine", "quarantine"),
        Valid("/api/v1/quarantine/\(digest)", "quarantine"), Valid("/api/v1/decide", "decide"),
        Valid("/api/v1/collection", "collection"), Valid("/api/v1/scrub", "scrub"), Valid("/token", "token"),
        Valid("/api/v1/audit", "audit"), Valid("/api/v1/denials", "denials"), Valid("/api/v1/usage", "usage"),
        Valid("/api/v1/usage/storage", "storage"), Valid("/api/v1/regions", "regions"),
        Valid("/api/v1/regions/eu", "regions"), Valid("/api/v1/state/7", "regions"), Valid("/api/v1/homes", "regions"),
        Valid("/api/v1/retention/runs", "retention"), Valid("/api/v1/retention/runs/3/apply", "retention"),
        Valid("/api/v1/builds", "releases"), Valid("/api/v1/promotions", "releases"),
        Valid("/api/v1/rollouts", "releases"), Valid("/api/v1/rollouts/verdict", "releases"),
        Valid("/api/v1/rollbacks", "releases"), Valid("/api/v1/releases", "releases"),
        Valid("/api/v1/figures", "releases"), Valid("/api/v1/environments", "releases"),
        Valid("/api/v1/environments/prod%2Feu/images", "releases"), Valid("/api/v1/slo", "slo"),
        Valid("/api/v1/maintenance", "maintenance"), Valid("/api/v1/webhooks", "webhooks"),
        Valid("/api/v1/webhooks/deploys/retry", "webhooks"), Valid("/log/mirror/\(hex)/checkpoint", "log-mirror"),
        Valid("/ui/sign-in", "ui-sign-in"), Valid("/ui/regions", "ui-regions"), Valid("/ui/storage", "ui-storage"),
        Valid("/ui/denials", "ui-audit"), Valid("/ui/objectives", "ui-objectives"),
        Valid("/ui/environments", "ui-environments"), Valid("/v2/a/_cairn/warm/v1", "warm", "a"),
        Valid("/v2/a/b/_cairn/inspect/v1", "inspect", "a/b"), Valid("/v2/a/_cairn/inspect/\(digest)", "inspect", "a"),
        Valid("/api/v1/pins", "pins"), Valid("/api/v1/deployments", "deployments"),
        Valid("/ui", "ui-repositories"), Valid("/ui/", "ui-repositories"), Valid("/ui/style-1f.css", "ui-style"),
        Valid("/ui/repositories/a", "ui-repository", "a"), Valid("/ui/repositories/a/b", "ui-repository", "a/b"),
        Valid("/ui/repositories/a/b/-/v1", "ui-image", "a/b"), Valid("/ui/repositories/a/-/\(digest)", "ui-image", "a"),
        Valid("/ui/repositories/a/-/v1/proof", "ui-proof", "a"), Valid("/ui/repositories/a/-/proof", "ui-image", "a"),
        Valid("/ui/retention", "ui-retention"), Valid("/ui/retention/12", "ui-retention"),
        Valid("/ui/retention/explain", "ui-retention"), Valid("/ui/log", "ui-log"), Valid("/ui/audit", "ui-audit"),
        Valid("/v2/a/_cairn/proof/v1", "proof", "a"), Valid("/v2/a/b/_cairn/proof/\(digest)", "proof", "a/b"),
        Valid("/v2/a/_cairn/history/v1", "history", "a"), Valid("/v2/a/_cairn/trust/v1", "trust", "a"),
        Valid("/v2/a/blobs/\(digest)", "blob", "a"),
        Valid("/v2/a/blobs/\(long)", "blob", "a"),
        Valid("/v2/team/app/blobs/\(digest)", "blob", "team/app"),
        Valid("/v2/a/b/c/d/e/f/blobs/\(digest)", "blob", "a/b/c/d/e/f"),
        Valid("/v2/a/blobs/sha256%3A\(hex)", "blob", "a"),
        Valid("/v2/a/blobs/sha256%3a\(hex)", "blob", "a"),
        Valid("/v2/a/blobs/uploads/", "uploads", "a"),
        Valid("/v2/a/blobs/uploads", "uploads", "a"),
        Valid("/v2/team/app/blobs/uploads/", "uploads", "team/app"),
        Valid("/v2/a/blobs/uploads/6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "upload", "a"),
        Valid("/v2/a/blobs/uploads/anything", "upload", "a"),
        Valid("/v2/a/manifests/latest", "manifest", "a"),
        Valid("/v2/a/manifests/V1.2_3-x", "manifest", "a"),
        Valid("/v2/a/manifests/_", "manifest", "a"),
        Valid("/v2/a/manifests/\(digest)", "manifest", "a"),
        Valid("/v2/a/manifests/sha256%3A\(hex)", "manifest", "a"),
        Valid("/v2/a/manifests/\(String(repeating: "t", count: 128))", "manifest", "a"),
        Valid("/v2/a.b_c__d-e--f/manifests/t", "manifest", "a.b_c__d-e--f"),
        Valid("/v2/%61/manifests/t", "manifest", "a"),
        Valid("/v2/a/manifests/%74", "manifest", "a"),
        Valid("/v2/a/tags/list", "tags", "a"),
        Valid("/v2/a/referrers/\(digest)", "referrers", "a"),
        // Parsed from the right: the words of endpoints are names too.
        Valid("/v2/manifests/manifests/manifests", "manifest", "manifests"),
        Valid("/v2/blobs/blobs/\(digest)", "blob", "blobs"),
        Valid("/v2/tags/tags/list", "tags", "tags"),
        Valid("/v2/tags/list/tags/list", "tags", "tags/list"),
        Valid("/v2/a/tags/list/manifests/latest", "manifest", "a/tags/list"),
        Valid("/v2/a/manifests/b/manifests/c", "manifest", "a/manifests/b"),
        Valid("/v2/a/manifests/b/blobs/\(digest)", "blob", "a/manifests/b"),
        Valid("/v2/a/blobs/uploads/manifests/x", "manifest", "a/blobs/uploads"),
        Valid("/v2/a/blobs/uploads/blobs/uploads/", "uploads", "a/blobs/uploads"),
        Valid("/v2/a/blobs/uploads/b/blobs/uploads/id", "upload", "a/blobs/uploads/b"),
        Valid("/v2/referrers/referrers/\(digest)", "referrers", "referrers"),
        Valid("/v2/uploads/manifests/x", "manifest", "uploads"),
        Valid("/v2/v2/manifests/x", "manifest", "v2"),
        Valid("/v2/a/manifests/manifests/list", "manifest", "a/manifests"),
        Valid("/v2/a/manifests/uploads", "manifest", "a"),
        Valid("/v2/\(String(repeating: "n", count: 255))/tags/list", "tags", String(repeating: "n", count: 255)),
    ]

    @Test(arguments: valid)
    func aPathIsReadFromTheRight(_ valid: Valid) throws {
        let route = try Route(path: valid.path[...])
        #expect(route.label == valid.label)
        #expect(route.repository?.description == valid.name)
    }

    @Test func partsAreThoseOfThePath() throws {
        let name = try RepositoryName(parsing: "team/app")
        let digest = try Digest(parsing: Self.digest)
        let tag = try Tag(parsing: "latest")
        let routes: [(path: String, route: Route)] = [
            ("/v2/team/app/manifests/latest", .manifest(name, .tag(tag))),
            ("/v2/team/app/manifests/\(Self.digest)", .manifest(name, .digest(digest))),
            ("/v2/team/app/blobs/\(Self.digest)", .blob(name, digest)),
            ("/v2/team/app/blobs/uploads/%61b", .upload(name, "ab")),
            ("/v2/team/app/referrers/\(Self.digest)", .referrers(name, digest)),
        ]
        for (path, route) in routes { #expect(try Route(path: path[...]) == route) }
    }

    /// The label of the root is that of a browser's request, whose path alone says nothing.
    @Test func theLabelsAreThoseOfTheRoutes() {
        #expect(Set(Self.valid.map(\.label) + ["ui", "unknown"]) == Set(Route.labels))
        #expect(Set(Route.labels).count == Route.labels.count)
    }

    /// The template of a route has the parts of its paths where they are its own, and names where they are not.
    @Test(arguments: valid) func theTemplateIsThatOfThePath(_ valid: Valid) throws {
        let template = try Route(path: valid.path[...]).template
        // The index of a tile is several parts of a path.
        guard !template.contains("tile") else { return }
        var parts = valid.path.split(separator: "/").map(String.init)
        let wanted = template.split(separator: "/").map(String.init)
        if let first = wanted.firstIndex(of: "{name}"), let name = valid.name {
            parts.replaceSubrange(first..<first + name.split(separator: "/").count, with: ["{name}"])
        }
        #expect(parts.count == wanted.count, "\(template)")
        for (part, own) in zip(parts, wanted) { #expect(own.contains("{") || own == part, "\(template)") }
    }

    enum Refusal: Sendable { case notFound, malformed, name, digest, tag }

    struct Hostile: CustomTestStringConvertible, Sendable {
        let path: String
        let refusal: Refusal
        var testDescription: String { path.debugDescription }

        init(_ path: String, _ refusal: Refusal) {
            self.path = path
            self.refusal = refusal
        }
    }

    static let hostile: [Hostile] = [
        Hostile("", .notFound), Hostile("/", .notFound), Hostile("*", .notFound), Hostile("//", .notFound),
        Hostile("v2/", .notFound), Hostile("/V2/", .notFound), Hostile("/v1/", .notFound), Hostile("/v2x", .notFound),
        Hostile("/v2//", .notFound), Hostile("//v2/", .notFound), Hostile("/v2/a", .notFound),
        Hostile("/v2/a/b", .notFound), Hostile("/v2/a/b/c", .notFound), Hostile("/v2/_catalog/", .notFound),
        Hostile("/v2/_catalog/x", .notFound), Hostile("/livez/", .notFound), Hostile("/readyz/x", .notFound),
        Hostile("/metrics/", .notFound), Hostile("/v2/a/tags/lists", .notFound), Hostile("/v2/a/tags/", .notFound),
        Hostile("/v2/a/tags", .notFound), Hostile("/v2/a/tags/list/", .notFound), Hostile("/%762/", .notFound),
        Hostile("/v2/a/%6danifests/t", .notFound), Hostile("/v2/a/Manifests/t", .notFound),
        Hostile("/v2/a/uploads/x", .notFound), Hostile("/v2/a/blobs/uploads/x/y", .notFound),
        Hostile("/v2/a/manifests%2Ft", .notFound), Hostile("/v2/manifests/t", .notFound),
        Hostile("/v2/blobs/\(digest)", .notFound), Hostile("/v2/tags/list", .notFound),
        Hostile("/v2//manifests/t", .name), Hostile("/v2/a//manifests/t", .name), Hostile("/v2//a/manifests/t", .name),
        Hostile("/v2/A/manifests/t", .name), Hostile("/v2/a/./manifests/t", .name),
        Hostile("/v2/../manifests/t", .name), Hostile("/v2/a/../b/manifests/t", .name),
        Hostile("/v2/%2e%2e/manifests/t", .name), Hostile("/v2/a%2fb/manifests/t", .name),
        Hostile("/v2/a%2Fb/blobs/\(digest)", .name), Hostile("/v2/a%2F..%2Fb/manifests/t", .name),
        Hostile("/v2/a%252fb/manifests/t", .name), Hostile("/v2/a%5Cb/manifests/t", .name),
        Hostile("/v2/a b/manifests/t", .name), Hostile("/v2/a%20b/tags/list", .name),
        Hostile("/v2/a+b/manifests/t", .name), Hostile("/v2/-a/manifests/t", .name),
        Hostile("/v2/a-/manifests/t", .name), Hostile("/v2/a___b/manifests/t", .name),
        Hostile("/v2/_catalog/manifests/t", .name), Hostile("/v2/_oci/ext/manifests/t", .name),
        Hostile("/v2/\u{e9}/manifests/t", .name), Hostile("/v2/%C3%A9/manifests/t", .name),
        Hostile("/v2/a\n/manifests/t", .name), Hostile("/v2/a:5000/manifests/t", .name),
        Hostile("/v2/\(String(repeating: "n", count: 256))/tags/list", .name),
        Hostile("/v2/a%00/manifests/t", .malformed), Hostile("/v2/%/manifests/t", .malformed),
        Hostile("/v2/a%2/manifests/t", .malformed), Hostile("/v2/a%zz/manifests/t", .malformed),
        Hostile("/v2/%FF/manifests/t", .malformed), Hostile("/v2/%C0%AF/manifests/t", .malformed),
        Hostile("/v2/a/manifests/%", .malformed), Hostile("/v2/a/manifests/t%00", .malformed),
        Hostile("/v2/a/blobs/%ff", .malformed), Hostile("/v2/a/blobs/uploads/%0", .malformed),
        Hostile("/v2/a/blobs/\(hex)", .digest), Hostile("/v2/a/blobs/", .digest),
        Hostile("/v2/a/blobs/sha256:", .digest), Hostile("/v2/a/blobs/sha256:\(hex)0", .digest),
        Hostile("/v2/a/blobs/sha256:\(hex.uppercased())", .digest), Hostile("/v2/a/blobs/SHA256:\(hex)", .digest),
        Hostile("/v2/a/blobs/md5:\(hex.prefix(32))", .digest), Hostile("/v2/a/blobs/latest", .digest),
        Hostile("/v2/a/blobs/sha512:\(hex)", .digest), Hostile("/v2/a/blobs/..%2F..%2Fmeta", .digest),
        Hostile("/v2/a/blobs/sha256:%2e%2e%2f\(hex.prefix(58))", .digest),
        Hostile("/v2/a/referrers/latest", .digest), Hostile("/v2/a/referrers/", .digest),
        Hostile("/v2/a/manifests/sha256:baddigeststring", .digest), Hostile("/v2/a/manifests/a:b", .digest),
        Hostile("/v2/a/manifests/:", .digest), Hostile("/v2/a/manifests/sha256%3Ax", .digest),
        Hostile("/v2/a/manifests/", .tag), Hostile("/v2/a/manifests/.x", .tag), Hostile("/v2/a/manifests/-x", .tag),
        Hostile("/v2/a/manifests/..", .tag), Hostile("/v2/a/manifests/%2e%2e", .tag),
        Hostile("/v2/a/manifests/a%2Fb", .tag), Hostile("/v2/a/manifests/a b", .tag),
        Hostile("/v2/a/manifests/a+b", .tag), Hostile("/v2/a/manifests/\u{e9}", .tag),
        Hostile("/v2/a/manifests/x%0d%0aSet-Cookie", .tag), Hostile("/v2/a/manifests/t?x", .tag),
        Hostile("/v2/a/manifests/\(String(repeating: "t", count: 129))", .tag),
    ]

    @Test(arguments: hostile)
    func aHostilePathIsRefusedForItsReason(_ hostile: Hostile) {
        do {
            let route = try Route(path: hostile.path[...])
            Issue.record("\(hostile.path) was read as \(route)")
        } catch {
            let refusal: Refusal =
                switch error {
                case .notFound: .notFound
                case .malformedPath: .malformed
                case .badName: .name
                case .badDigest: .digest
                case .badTag: .tag
                }
            #expect(refusal == hostile.refusal)
        }
    }

    @Test func aMalformedPartIsCutInTheError() {
        let part = String(repeating: "%", count: 5000)
        #expect {
            try Route(path: "/v2/a/manifests/\(part)")
        } throws: { error in
            guard case RouteError.malformedPath(let shown) = error else { return false }
            return shown.utf8.count <= 256
        }
    }
}
