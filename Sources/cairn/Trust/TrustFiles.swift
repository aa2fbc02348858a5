// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Cryptography
import Foundation
import OCI
import Registry
import Trust

/// The trust policy of the configuration file, put in force when it changes.
struct TrustFiles: Sendable {
    /// The configuration file.
    let file: String
    let gate: TrustGate
    let catalog: Catalog

    /// Reads a key that a policy names; symbolic links are followed.
    static func readKey(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError(description: "\(path): the file cannot be read")
        }
        return Array(data)
    }

    /// Puts the policy that the file has now in force, after it was written to the event record.
    ///
    /// - Returns: Whether it is another one than before.
    /// - Throws: A `ConfigurationError` with the line; the former policy stays then.
    @discardableResult
    func apply() async throws -> Bool {
        let configuration = try Configuration.load(file: file, environment: [:])
        let policy = configuration.trust
        gate.scan(configuration.scan)
        guard policy?.fingerprint != gate.policy?.fingerprint else { return false }
        guard catalog.isWritable else {
            // A catalog that is only read records nothing; the policy holds all the same.
            gate.use(policy)
            return true
        }
        let fingerprint = try policy?.fingerprint ?? .of([], algorithm: .sha256)
        try await catalog.recordChange(
            .policySet(fingerprint: fingerprint, rules: policy?.rules.count ?? 0),
            context: Catalog.Context(actor: "server", requestID: "")
        )
        gate.use(policy)
        return true
    }

    /// What tells one state of the file from another. A key file that changes alone is read again on SIGHUP.
    func stamps() -> String { FileStamp.of(file) }
}
