// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Which verified client certificates are which principal.
package struct CertificateMapping: Sendable, Hashable {
    /// For a DNS or URI SAN of the certificate.
    package let san: Glob
    /// The principal's name; nil: the SAN itself.
    package let name: String?
    /// Groups of the principal.
    package let groups: [String]

    package init(san: Glob, name: String? = nil, groups: [String] = []) {
        self.san = san
        self.name = name
        self.groups = groups
    }
}
