// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry
import RegistryClient

/// Lets the registry fetch from the registries that it mirrors.
struct MirroredUpstreams: Sendable {
    private let transports: [Transport]

    /// - Throws: `ClientError` where the authorities of one cannot be read.
    init(_ settings: [UpstreamSettings], _ registry: Registry) throws {
        var transports: [Transport] = []
        var mirrors: [MirroredRegistry] = []
        for upstream in settings {
            var options = Transport.Options()
            upstream.remote.configure(&options)
            let transport = try Transport.open(options)
            let content = RemoteContent(upstream.remote, over: transport, isLocal: false)
            let prefix = "\(upstream.name)/"
            mirrors.append(
                MirroredRegistry(
                    name: upstream.name,
                    source: UpstreamSource(upstream, content),
                    fresh: .seconds(upstream.freshSeconds),
                    defaultPrefix: upstream.defaultPrefix,
                    mayFetch: { upstream.mayFetch(String($0.description.dropFirst(prefix.utf8.count))) }
                )
            )
            transports.append(transport)
        }
        registry.setMirrors(mirrors)
        self.transports = transports
    }

    /// Once nobody fetches any more.
    func close() async {
        for transport in transports { await transport.close() }
    }
}
