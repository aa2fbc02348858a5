// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// One repository of one registry.
package struct RemoteRepository: Sendable {
    typealias Call = RemoteRegistry.Call

    package let name: RepositoryName
    private let registry: RemoteRegistry

    /// - Throws: `.usage` for credentials that cannot be read.
    package init(
        origin: Origin,
        name: RepositoryName,
        credentials: CredentialSource,
        transport: Transport
    ) throws(ClientError) {
        self.name = name
        registry = try RemoteRegistry(origin: origin, name: name, credentials: credentials, transport: transport)
    }

    package var origin: Origin { registry.origin }

    var transport: Transport { registry.transport }

    /// The path of something of this repository.
    func target(_ rest: String) -> String { "/v2/\(name)/\(rest)" }

    /// Sends a request as `RemoteRegistry.send` does, with a token for actions in this repository.
    func send(_ call: Call, for actions: TokenScope.Actions = .pull) async throws(ClientError) -> Answer {
        try await registry.send(call, .repository(name, actions))
    }

    /// The same, and reads the body.
    func fetch(
        _ call: Call,
        limit: Int,
        excess: ClientError? = nil
    ) async throws(ClientError) -> (answer: Answer, body: [UInt8]) {
        try await registry.fetch(call, .repository(name, .pull), limit: limit, excess: excess)
    }
}
