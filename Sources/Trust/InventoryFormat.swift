// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The forms of inventories: lists of what an image is made of (SBOM).
package enum InventoryFormat: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case spdx, cyclonedx

    package var description: String { rawValue }

    /// The form of a document, by the members that each such document has; nil for one that is no inventory.
    package init?(_ document: JSONValue) {
        if document["spdxVersion"]?.text?.hasPrefix("SPDX-") == true, document["SPDXID"]?.text != nil {
            self = .spdx
        } else if document["bomFormat"]?.text == "CycloneDX", document["specVersion"]?.text != nil {
            self = .cyclonedx
        } else {
            return nil
        }
    }

    /// The form that an attestation of this type has as its predicate; nil for a type of something else.
    package init?(_ type: PredicateType) {
        if type.isVersion(of: .spdx) {
            self = .spdx
        } else if type.isVersion(of: .cyclonedx) {
            self = .cyclonedx
        } else {
            return nil
        }
    }
}
