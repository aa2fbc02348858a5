// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The registry's own report of credentials in the layers of an image, version 1.
package struct SecretsReport: Sendable, Hashable {
    /// What was found, without the secret.
    package struct Secret: Sendable, Hashable {
        package let kind: String
        package let layer: Digest
        package let path: String
    }

    /// A layer that could not be scanned, and why.
    package struct Unscanned: Sendable, Hashable {
        package let layer: Digest
        package let reason: String
    }

    package let unscanned: [Unscanned]
    package let scanned: [Digest]
    package let secrets: [Secret]

    private static let layersLimit = OCILimits.manifestDescriptorsLimit

    /// Reads a report. Members that are not known are ignored.
    ///
    /// - Throws: `invalidReport`.
    package init(_ document: JSONValue) throws(TrustError) {
        let reader = try DocumentReader(document, "the report", .invalidReport)
        guard document["version"] == .integer(1) else { throw reader.error("is not of version 1") }
        var unscanned: [Unscanned] = []
        var scanned: [Digest] = []
        guard let layers = try reader.elements("layers", limit: Self.layersLimit) else {
            throw reader.error("lacks 'layers'")
        }
        for element in layers {
            let entry = try DocumentReader(element, "a layer", .invalidReport)
            let digest = try entry.digest("digest")
            switch try entry.required("state") {
            case "scanned": scanned.append(digest)
            case "unscanned":
                unscanned.append(Unscanned(layer: digest, reason: try entry.text("reason") ?? "no reason is given"))
            case let state: throw entry.error("is in no known state: '\(state.quotable)'")
            }
        }
        guard let findings = try reader.elements("findings", limit: TrustLimits.findingsLimit) else {
            throw reader.error("lacks 'findings'")
        }
        var secrets: [Secret] = []
        for element in findings {
            let entry = try DocumentReader(element, "a finding", .invalidReport)
            secrets.append(
                Secret(
                    kind: try entry.required("kind"),
                    layer: try entry.digest("layer"),
                    path: try entry.text("path", bytesLimit: TrustLimits.payloadBytesLimit) ?? ""
                )
            )
        }
        self.unscanned = unscanned
        self.scanned = scanned
        self.secrets = secrets
    }
}
