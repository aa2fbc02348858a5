// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

extension RegionClient {
    /// What a registry says of itself to those who are to follow it. Nothing of it is verified.
    package struct Keys: Sendable, Hashable {
        /// The keys of its log, one or more.
        package let log: [String]
        /// The key that it confirms with; nil where it follows nobody.
        package let cosigner: String?
    }

    /// Asks a registry for the keys by which it is followed.
    ///
    /// - Returns: The lines as it has them.
    /// - Throws: `.notFound` where it keeps no log.
    package func keys() async throws(ClientError) -> Keys {
        let log = try await lines("/log/vkey")
        do {
            return Keys(log: log, cosigner: try await lines("/log/region/vkey").first)
        } catch {
            guard error.code == .notFound else { throw error }
            return Keys(log: log, cosigner: nil)
        }
    }

    private func lines(_ target: String) async throws(ClientError) -> [String] {
        let call = RemoteRegistry.Call(target: target, purpose: "asking for the keys of the log")
        let (_, body) = try await registry.fetch(call, .log, limit: ClientLimits.keyBytes)
        let lines = String(decoding: body, as: UTF8.self).split(separator: "\n").map { ShownText.line(String($0)) }
        guard !lines.isEmpty else { throw ClientError(.network, "\(registry.origin) has no key at \(target)") }
        return lines
    }
}
