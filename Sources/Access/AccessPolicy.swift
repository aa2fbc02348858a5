// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Everything that decides who may do what, as one value that is only ever replaced whole: a request takes it once and
/// is judged by it to its end, so no request is judged by half of a change.
package struct AccessPolicy: Sendable {
    package let configuration: AccessConfiguration
    package let htpasswd: Htpasswd
    package let robots: Robots
    package let issuers: [IssuerTrust]
    package let tokens: TokenIssuer
    /// Grows with each replacement; answers that were computed under another one are not used again.
    package let revision: UInt64

    package init(
        configuration: AccessConfiguration,
        htpasswd: Htpasswd,
        robots: Robots,
        issuers: [IssuerTrust],
        tokens: TokenIssuer,
        revision: UInt64
    ) {
        self.configuration = configuration
        self.htpasswd = htpasswd
        self.robots = robots
        self.issuers = issuers
        self.tokens = tokens
        self.revision = revision
    }

    /// What a principal's credentials are now, as a number that a token carries: a token is dead as soon as its
    /// holder's credentials changed, expired or went. nil where the principal is no longer known.
    /// `now` is in seconds since 1970.
    func generation(of principal: Principal, now: Int64) -> Int? {
        switch principal.kind {
        case .anonymous: 0
        case .user: htpasswd.hash(of: principal.name).map(Self.fingerprint)
        case .robot: robots.generation(of: principal.name, now: now)
        case .workload: isTrusted(workload: principal.name) ? 0 : nil
        case .certificate: configuration.certificates.isEmpty ? nil : 0
        }
    }

    /// A workload is known while its issuer is configured and has a workload of that name.
    private func isTrusted(workload name: String) -> Bool {
        configuration.issuers.contains { issuer in
            issuer.workloads.contains { "\(issuer.name)/\($0.name)" == name }
        }
    }

    /// 48 bits of the hash of a stored password hash: enough to tell a new password from the former one.
    private static func fingerprint(_ hash: String) -> Int {
        hash.utf8.reduce(0xCBF2_9CE4_8422) { value, byte in ((value ^ Int(byte)) &* 0x1_0000_01B3) & 0xFFFF_FFFF_FFFF }
    }
}
