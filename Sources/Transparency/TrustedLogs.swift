// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Which logs are trusted, and which cosignatures a checkpoint needs (tlog-policy).
package struct TrustedLogs: Hashable, Sendable {
    /// A line `log`.
    package struct Log: Hashable, Sendable {
        package let verifier: NoteVerifier
        package let url: String?
    }

    /// A line `witness`.
    package struct Witness: Hashable, Sendable {
        /// The name in the policy, which need not be UTF-8 and is not the key's.
        let label: [UInt8]
        package let verifier: NoteVerifier
        package let url: String?

        /// The name in the policy.
        package var name: String { String(decoding: label, as: UTF8.self) }
    }

    /// A line `group`: it witnesses a checkpoint when so many of its members do.
    struct Group: Hashable, Sendable {
        let label: [UInt8]
        let threshold: Int
        let members: [[UInt8]]
    }

    package let logs: [Log]
    package let witnesses: [Witness]
    /// Each after its members.
    let groups: [Group]
    /// The witness or group that has to witness a checkpoint; nil if none has to.
    let quorum: [UInt8]?

    /// What a policy found in a note that satisfies it.
    package struct Verdict: Hashable, Sendable {
        package let checkpoint: Checkpoint
        /// The log's key.
        package let log: NoteVerifier
        /// The witnesses that cosigned, and when, in seconds since 1970; more than needed, perhaps. How old a
        /// cosignature may be is for the caller to say.
        package let cosignatures: [Cosigned]
    }

    /// A cosignature that was verified.
    package struct Cosigned: Hashable, Sendable {
        package let witness: Witness
        package let timestamp: Int64
    }

    /// Decides whether a note satisfies the policy: it is a checkpoint, signed by a trusted log whose key's name is its
    /// origin, and witnessed by the quorum.
    ///
    /// - Parameters:
    ///   - note: The note, of which nothing is trusted.
    ///   - log: A log that is trusted beside those of the policy, for a policy that names none.
    /// - Returns: The checkpoint, and who vouches for it.
    /// - Throws: `invalidCheckpoint`; `badSignature` where a key that the policy names is said to have signed and did
    ///   not; `untrusted` where the log's signature is missing, or the quorum, with who was missing.
    package func verdict(on note: SignedNote, log: NoteVerifier? = nil) throws(TransparencyError) -> Verdict {
        let checkpoint = try Checkpoint(note)
        let trusted = (logs.map(\.verifier) + [log].compactMap { $0 }).filter { verifier in
            verifier.kind == .ed25519 && NoteLine(verifier.name) == checkpoint.origin
        }
        guard !trusted.isEmpty else {
            throw TransparencyError(code: .untrusted, reason: "\(checkpoint.origin) is not a log that is trusted")
        }
        let accepted = try note.accepted(by: trusted + witnesses.map(\.verifier))
        guard let signer = accepted.first(where: { trusted.contains($0.verifier) }) else {
            throw TransparencyError(code: .untrusted, reason: "\(checkpoint.origin) did not sign its checkpoint")
        }
        let cosignatures = accepted.flatMap { acceptance in
            witnesses.filter { $0.verifier == acceptance.verifier }.compactMap { witness in
                acceptance.timestamp.map { Cosigned(witness: witness, timestamp: $0) }
            }
        }
        try check(Set(cosignatures.map(\.witness.label)))
        return Verdict(checkpoint: checkpoint, log: signer.verifier, cosignatures: cosignatures)
    }

    private func check(_ witnessed: Set<[UInt8]>) throws(TransparencyError) {
        guard let quorum else { return }
        var witnessed = witnessed
        for group in groups where group.members.count(where: witnessed.contains) >= group.threshold {
            witnessed.insert(group.label)
        }
        guard !witnessed.contains(quorum) else { return }
        let missing = witnesses.filter { !witnessed.contains($0.label) }.map(\.name).joined(separator: ", ")
        throw TransparencyError(
            code: .untrusted,
            reason: "the quorum \(String(decoding: quorum, as: UTF8.self)) did not witness the checkpoint; "
                + "missing: \(missing)"
        )
    }
}
