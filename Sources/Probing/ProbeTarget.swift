// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
package import RegistryClient
package import Transparency

/// A registry that is probed.
package struct ProbeTarget: Sendable {
    /// The region, as figures call it.
    package let name: String
    package let origin: Origin
    /// Where canaries are pushed; nil to knock only.
    package let repository: RepositoryName?
    package let credentials: CredentialSource
    package let transport: Transport.Options
    /// The keys of its log as they are now; none where its proofs are not asked for.
    package let logKeys: @Sendable () -> [NoteVerifier]

    /// - Parameters:
    ///   - name: The region, as figures call it.
    ///   - origin: Where it is.
    ///   - repository: Where canaries are pushed; nil to knock only.
    ///   - credentials: Where credentials come from.
    ///   - transport: How it is reached; the timeouts are replaced.
    ///   - logKeys: The keys of its log as they are now; none where its proofs are not to be asked for.
    ///   - milliseconds: How long a request may take.
    package init(
        name: String,
        origin: Origin,
        repository: RepositoryName?,
        credentials: CredentialSource,
        transport: Transport.Options = Transport.Options(),
        logKeys: @escaping @Sendable () -> [NoteVerifier] = { [] },
        milliseconds: Int64
    ) {
        self.name = name
        self.origin = origin
        self.repository = repository
        self.credentials = credentials
        self.logKeys = logKeys
        var transport = transport
        transport.timeouts.connect = milliseconds
        transport.timeouts.answer = milliseconds
        transport.timeouts.idle = milliseconds
        self.transport = transport
    }
}
