// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What one client may take at most.
package struct LimitsConfiguration: Sendable, Hashable {
    /// Requests of one authenticated principal; nil: as many as it likes.
    package let principalRate: RateLimiter.Rate?
    /// Requests of one address, whoever sends them; nil: as many as it likes.
    package let addressRate: RateLimiter.Rate?
    /// Bytes that one principal sends and receives in bodies; nil: as many as it likes.
    package let bytesRate: RateLimiter.Rate?
    /// Upload sessions of one principal that are open at once.
    package let uploadsPerPrincipal: Int
    /// Connections of one address that are open at once.
    package let connectionsPerAddress: Int

    package static let defaultUploads = 512
    package static let defaultConnections = 256

    package init(
        principalRate: RateLimiter.Rate? = nil,
        addressRate: RateLimiter.Rate? = nil,
        bytesRate: RateLimiter.Rate? = nil,
        uploadsPerPrincipal: Int = defaultUploads,
        connectionsPerAddress: Int = defaultConnections
    ) {
        self.principalRate = principalRate
        self.addressRate = addressRate
        self.bytesRate = bytesRate
        self.uploadsPerPrincipal = uploadsPerPrincipal
        self.connectionsPerAddress = connectionsPerAddress
    }
}
