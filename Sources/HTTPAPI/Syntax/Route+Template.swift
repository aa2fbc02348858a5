// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Route {
    /// The shape of the paths of a label, as traces name it (OpenTelemetry's `http.route`); nil for what is no route.
    package static func template(of label: String) -> String? { templates[label] }

    /// Every label, and that of a path that is no route.
    public static let labels = templates.keys.sorted() + ["unknown"]

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
        "retention": "/api/v1/retention",
        "usage": "/api/v1/usage",
        "storage": "/api/v1/usage/storage",
        "regions": "/api/v1/regions",
        "pins": "/api/v1/pins",
        "deployments": "/api/v1/deployments",
        "log": "/log/{file}",
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
