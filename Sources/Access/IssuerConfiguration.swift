// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// An OpenID Connect issuer whose ID tokens stand for CI jobs.
package struct IssuerConfiguration: Sendable, Hashable {
    /// Jobs that are known by a name, because the issuer says these things of them.
    package struct Workload: Sendable, Hashable {
        package let name: String
        /// Claim and the pattern that its text must match, or one element of it where it is a list. Never empty.
        package let claims: [String: Glob]
        /// Groups of the principal.
        package let groups: [String]

        package init(name: String, claims: [String: Glob], groups: [String] = []) {
            self.name = name
            self.claims = claims
            self.groups = groups
        }
    }

    /// The first part of the names of its workloads.
    package let name: String
    /// The `iss` of its tokens: an https URL, or one of this machine.
    package let issuer: String
    /// What `aud` must hold.
    package let audience: String
    /// The URL of its keys; nil: what its discovery document says.
    package let jwks: String?
    /// A PEM file with the authorities to trust for its TLS; nil: those of the system.
    package let caFile: String?
    /// The first whose claims all match names the principal. Never empty.
    package let workloads: [Workload]

    package init(
        name: String,
        issuer: String,
        audience: String,
        jwks: String? = nil,
        caFile: String? = nil,
        workloads: [Workload]
    ) {
        self.name = name
        self.issuer = issuer
        self.audience = audience
        self.jwks = jwks
        self.caFile = caFile
        self.workloads = workloads
    }
}
