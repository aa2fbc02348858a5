// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// What has to be true of a tag, or of a manifest pushed by digest alone, for a change of it to happen:
/// compare-and-swap by `If-Match` and `If-None-Match` (RFC 9110, section 13.1).
package enum TagCondition: Hashable, Sendable {
    case none
    /// `If-Match: "<digest>"`: it points to this digest now.
    case matches(Digest)
    /// `If-Match: *`: it exists.
    case exists
    /// `If-None-Match: *`: it does not exist.
    case absent

    var precondition: Precondition {
        switch self {
        case .none: .none
        case .matches(let digest): .matches(digest)
        case .exists: .exists
        case .absent: .absent
        }
    }
}
