// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The `access` mapping of the configuration file: who may do what, and how they prove who they are.
package struct AccessConfiguration: Sendable {
    /// What tokens are for (`service` and `aud`), and the name that clients are told.
    package let service: String
    /// The URL of the token endpoint that clients are sent to; nil: `/token` at the address that they used.
    package let realm: String?
    /// Paths of files, absolute or from the process's directory on.
    package let htpasswd: String?
    package let robots: String?
    package let tokenKeys: String?
    /// Seconds that a token lives: 300 to 900.
    package let tokenSeconds: Int
    package let issuers: [IssuerConfiguration]
    /// The first whose pattern matches a name of the client certificate makes the principal.
    package let certificates: [CertificateMapping]
    /// Groups and the principals in them, as `Principal.description` writes them.
    package let groups: [String: Set<PrincipalPattern.Member>]
    package let rules: Rules
    package let limits: LimitsConfiguration

    package static let defaultService = "cairn"
    static let tokenMinutes = 5...15
    static let defaultTokenMinutes = 10

    package init(
        service: String = defaultService,
        realm: String? = nil,
        htpasswd: String? = nil,
        robots: String? = nil,
        tokenKeys: String? = nil,
        tokenSeconds: Int = 600,
        issuers: [IssuerConfiguration] = [],
        certificates: [CertificateMapping] = [],
        groups: [String: Set<PrincipalPattern.Member>] = [:],
        rules: Rules = .empty,
        limits: LimitsConfiguration = LimitsConfiguration()
    ) {
        self.service = service
        self.realm = realm
        self.htpasswd = htpasswd
        self.robots = robots
        self.tokenKeys = tokenKeys
        self.tokenSeconds = tokenSeconds
        self.issuers = issuers
        self.certificates = certificates
        self.groups = groups
        self.rules = rules
        self.limits = limits
    }
}
