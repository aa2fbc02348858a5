// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// One repository of one registry.
package struct RemoteRepository: Sendable {
    typealias Call = RemoteRegistry.Call

    package let name: RepositoryName
    private let registry: RemoteRegistry
    private let isLocal: Bool

    /// - Parameters:
    ///   - origin: The registry.
    ///   - name: The repository there.
    ///   - credentials: Where credentials come from.
    ///   - transport: What sends the requests.
    ///   - isLocal: Asks for what the registry itself has, and not for what it would fetch from others (RFC 9111,
    ///     section 5.2.1.7).
    /// - Throws: `.usage` for credentials that cannot be read.
    package init(
        origin: Origin,
        name: RepositoryName,
        credentials: CredentialSource,
        transport: Transport,
        isLocal: Bool = false
    ) throws(ClientError) {
        self.isLocal = isLocal
        self.name = name
        registry = try RemoteRegistry(origin: origin, name: name, credentials: credentials, transport: transport)
    }

    /// One of a registry that is asked already.
    package init(_ name: RepositoryName, at registry: RemoteRegistry) {
        self.name = name
        self.registry = registry
        isLocal = false
    }

    package var origin: Origin { registry.origin }

    var transport: Transport { registry.transport }

    /// The path of something of this repository.
    func target(_ rest: String) -> String { "/v2/\(name)/\(rest)" }

    /// Sends a request as `RemoteRegistry.send` does, with a token for actions in this repository.
    func send(_ call: Call, for actions: TokenScope.Actions = .pull) async throws(ClientError) -> Answer {
        try await registry.send(marked(call), .repository(name, actions))
    }

    /// The same, and reads the body.
    func fetch(
        _ call: Call,
        limit: Int,
        excess: ClientError? = nil
    ) async throws(ClientError) -> (answer: Answer, body: [UInt8]) {
        try await registry.fetch(marked(call), .repository(name, .pull), limit: limit, excess: excess)
    }

    private func marked(_ call: Call) -> Call {
        var call = call
        if isLocal { call.headers.append(("Cache-Control", "only-if-cached")) }
        return call
    }
}
