// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Route {
    /// The shape of the route's paths, as traces name it (OpenTelemetry's `http.route`). Some routes that have one
    /// label have a template each.
    package var template: String {
        switch self {
        case .releases(let resource): resource.template
        case .retention(let resource): resource.template
        case .regions(let resource): resource.template
        case .quarantine: "/api/v1/quarantine/{digest}"
        case .webhook(_, let action): "/api/v1/webhooks/{webhook}/\(action.rawValue)"
        case .log(.keys): "/log/vkey"
        case .log(.witnessKey): "/log/witness/vkey"
        case .log(.regionKey): "/log/region/vkey"
        case .page(.run): "/ui/retention/{run}"
        case .page(.explain): "/ui/retention/explain"
        case .page(.denials): "/ui/denials"
        default: Self.templates[label] ?? ""
        }
    }

    /// Every label, and that of a path that is no route.
    public static let labels = templates.keys.sorted() + ["unknown"]

    /// The template of each label, or of the first route that has it.
    private static let templates = [
        "base": "/v2/",
        "blob": "/v2/{name}/blobs/{digest}",
        "uploads": "/v2/{name}/blobs/uploads/",
        "upload": "/v2/{name}/blobs/uploads/{session}",
        "manifest": "/v2/{name}/manifests/{reference}",
        "tags": "/v2/{name}/tags/list",
        "referrers": "/v2/{name}/referrers/{digest}",
        "catalog": "/v2/_catalog",
        "livez": "/livez",
        "readyz": "/readyz",
        "metrics": "/metrics",
        "token": "/token",
        "audit": "/api/v1/audit",
        "denials": "/api/v1/denials",
        "proof": "/v2/{name}/_cairn/proof/{reference}",
        "history": "/v2/{name}/_cairn/history/{tag}",
        "trust": "/v2/{name}/_cairn/trust/{reference}",
        "warm": "/v2/{name}/_cairn/warm/{reference}",
        "quarantine": "/api/v1/quarantine",
        "scrub": "/api/v1/scrub",
        "collection": "/api/v1/collection",
        "decide": "/api/v1/decide",
        "retention": "/api/v1/retention/runs",
        "usage": "/api/v1/usage",
        "storage": "/api/v1/usage/storage",
        "regions": "/api/v1/regions",
        "pins": "/api/v1/pins",
        "deployments": "/api/v1/deployments",
        "log": "/log/checkpoint",
        "log-tile": "/log/tile/{level}/{index}",
        "log-entries": "/log/tile/entries/{index}",
        "log-witness": "/log/witness/add-checkpoint",
        "log-mirror": "/log/mirror/{log}/{file}",
        "releases": "/api/v1/releases",
        "inspect": "/v2/{name}/_cairn/inspect/{reference}",
        "webhooks": "/api/v1/webhooks",
        "slo": "/api/v1/slo",
        "maintenance": "/api/v1/maintenance",
        "ui": "/",
        "ui-style": "/ui/style-{digest}.css",
        "ui-sign-in": "/ui/sign-in",
        "ui-repositories": "/ui/",
        "ui-repository": "/ui/repositories/{name}",
        "ui-image": "/ui/repositories/{name}/-/{reference}",
        "ui-proof": "/ui/repositories/{name}/-/{reference}/proof",
        "ui-retention": "/ui/retention",
        "ui-regions": "/ui/regions",
        "ui-audit": "/ui/audit",
        "ui-storage": "/ui/storage",
        "ui-log": "/ui/log",
        "ui-objectives": "/ui/objectives",
        "ui-environments": "/ui/environments",
    ]
}

extension ReleaseResource {
    fileprivate var template: String {
        switch self {
        case .builds: "/api/v1/builds"
        case .promotions: "/api/v1/promotions"
        case .rollouts: "/api/v1/rollouts"
        case .rollbacks: "/api/v1/rollbacks"
        case .entries: "/api/v1/releases"
        case .figures: "/api/v1/figures"
        case .flapping: "/api/v1/flapping"
        case .traffic: "/api/v1/rollouts/traffic"
        case .verdict: "/api/v1/rollouts/verdict"
        case .environments: "/api/v1/environments"
        case .images: "/api/v1/environments/{environment}/images"
        }
    }
}

extension RetentionResource {
    fileprivate var template: String {
        switch self {
        case .runs: "/api/v1/retention/runs"
        case .run: "/api/v1/retention/runs/{run}"
        case .decisions: "/api/v1/retention/runs/{run}/decisions"
        case .apply: "/api/v1/retention/runs/{run}/apply"
        case .restore: "/api/v1/retention/runs/{run}/restore"
        case .explain: "/api/v1/retention/explain"
        }
    }
}

extension RegionResource {
    fileprivate var template: String {
        switch self {
        case .all: "/api/v1/regions"
        case .region: "/api/v1/regions/{region}"
        case .homes: "/api/v1/homes"
        case .conflicts: "/api/v1/conflicts"
        case .conflict: "/api/v1/conflicts/{conflict}"
        case .audit: "/api/v1/regions/{region}/audit"
        case .positions: "/api/v1/state/positions"
        case .pulls: "/api/v1/state/pulls"
        case .hashes: "/api/v1/state"
        case .rows: "/api/v1/state/{bucket}"
        }
    }
}
