// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// A digest in quarantine, as it is shown.
package struct QuarantineRecord: Sendable, Hashable {
    package let digest: Digest
    package let reason: String
    package let actor: String
    /// Seconds since 1970.
    package let since: Int64
}

extension Registry {
    /// Reads what quarantine keeps back. To be called at start and after each change.
    package func refreshQuarantine() async throws {
        try await translating { gate.keepBack(try await catalog.quarantineHolds()) }
    }

    /// Keeps a digest from being pulled, with every manifest that refers to it and every index over these, at once.
    ///
    /// - Returns: The id of the event.
    package func quarantine(_ digest: Digest, reason: String, caller: Caller) async throws -> String {
        let event = try await translating {
            try await catalog.setQuarantine(digest, reason: reason, context: caller.context)
        }
        try await refreshQuarantine()
        return event.description
    }

    /// Ends a quarantine.
    ///
    /// - Returns: The id of the event; nil where the digest was not in quarantine.
    package func endQuarantine(of digest: Digest, reason: String, caller: Caller) async throws -> String? {
        let event = try await translating {
            try await catalog.clearQuarantine(digest, reason: reason, context: caller.context)
        }
        try await refreshQuarantine()
        return event?.description
    }

    package func quarantines() async throws -> [QuarantineRecord] {
        try await translating {
            try await catalog.quarantines().map {
                QuarantineRecord(digest: $0.digest, reason: $0.reason, actor: $0.actor, since: $0.since)
            }
        }
    }

    /// - Throws: `RegistryError.quarantined` where the digest is kept back.
    package func refuseQuarantined(_ digest: Digest) async throws {
        guard !gate.asksNothing, let cause = gate.cause(of: digest) else { return }
        let entry = try await translating { try await catalog.quarantine(of: cause) }
        throw RegistryError.quarantined(digest, cause: cause, reason: entry?.reason ?? "")
    }

    /// Whether a blob may be mounted from a repository: not what is kept back, nor a manifest that the trust policy
    /// would not let the caller pull. Nobody learns why.
    func mayLeaveByMount(
        _ digest: Digest,
        from source: RepositoryName?,
        caller: Caller
    ) async throws -> Bool {
        guard !gate.asksNothing else { return true }
        do {
            try await refuseQuarantined(digest)
            if let source { try await admitBlob(digest, in: source, caller: caller) }
            return true
        } catch RegistryError.untrusted, RegistryError.quarantined {
            return false
        }
    }

    /// Where a mount names no source: repositories that no rule of the trust policy binds.
    func unboundReadable(_ caller: Caller) -> @Sendable (RepositoryName) -> Bool {
        guard !gate.asksNothing else { return caller.isReadable }
        let (gate, isReadable) = (gate, caller.isReadable)
        return { name in isReadable(name) && gate.rules(for: name) == nil }
    }
}
