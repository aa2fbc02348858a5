// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Logging
internal import Metrics
internal import Synchronization
package import Transparency

/// The witnesses that are asked to cosign this log's checkpoints, and how many have to before a checkpoint counts.
package final class Cosigners: Sendable {
    /// Another party's witness.
    package struct Witness: Sendable, Hashable {
        /// Of kind cosignature (0x04).
        package let key: NoteVerifier
        /// The prefix of its `add-checkpoint` (C2SP tlog-witness).
        package let url: String

        package init(key: NoteVerifier, url: String) {
            self.key = key
            self.url = url
        }
    }

    /// What a witness answered: a status and a body.
    package struct Reply: Sendable {
        package let status: Int
        package let body: [UInt8]

        package init(status: Int, body: [UInt8]) {
            self.status = status
            self.body = body
        }
    }

    /// Posts a body to a URL. It has a deadline of its own.
    package typealias Ask = @Sendable (_ url: String, _ body: [UInt8]) async throws -> Reply

    private let witnesses: [Witness]
    /// How many cosignatures a checkpoint needs before it is published.
    package let quorum: Int
    private let ask: Ask
    private let logger: Logger
    /// How large the tree is that each witness is known to have cosigned.
    private let sizes: Mutex<[String: Int64]> = Mutex([:])
    private let answers = Counter(label: "cairn_log_cosignatures_total", dimensions: [("outcome", "cosigned")])
    private let refusals = Counter(label: "cairn_log_cosignatures_total", dimensions: [("outcome", "failed")])

    package init(_ witnesses: [Witness], quorum: Int, logger: Logger, ask: @escaping Ask) {
        self.witnesses = witnesses
        self.quorum = quorum
        self.logger = logger
        self.ask = ask
    }

    /// Asks all witnesses at once.
    ///
    /// - Parameters:
    ///   - note: The note of the checkpoint.
    ///   - proof: The hashes that prove the tree of a size to be the beginning of the checkpoint's.
    /// - Returns: Cosignatures that verify.
    func cosign(
        _ note: SignedNote,
        proof: @escaping @Sendable (Int64) async throws -> [TreeHash]
    ) async -> [NoteSignature] {
        await withTaskGroup(of: [NoteSignature].self) { group in
            for witness in witnesses {
                group.addTask {
                    do {
                        let signatures = try await self.signatures(of: witness, on: note, proof)
                        self.answers.increment()
                        return signatures
                    } catch {
                        self.refusals.increment()
                        self.logger.warning(
                            "a witness did not cosign",
                            metadata: ["witness": "\(witness.key.name)", "reason": "\(error)"]
                        )
                        return []
                    }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func signatures(
        of witness: Witness,
        on note: SignedNote,
        _ proof: (Int64) async throws -> [TreeHash]
    ) async throws -> [NoteSignature] {
        let name = witness.key.description
        let size = try Checkpoint(note).size
        // A witness that knows another tree than thought says which; that happens once.
        for _ in 0..<2 {
            let old = min(sizes.withLock { $0[name] ?? 0 }, size)
            let hashes = old == 0 || old == size ? [] : try await proof(old)
            let request = try AddCheckpointRequest(oldSize: old, hashes: hashes, note: note)
            let reply = try await ask("\(witness.url)/add-checkpoint", Array(request.description.utf8))
            let text = String(decoding: reply.body.prefix(JournalLimits.witnessReplyBytes), as: UTF8.self)
            switch reply.status {
            case 200:
                let lines = text.split(separator: "\n").compactMap { try? NoteSignature(parsing: $0) }
                let signatures = lines.filter { $0.name == witness.key.name && $0.keyID == witness.key.keyID }
                _ = try SignedNote(text: note.text, signatures: signatures).accepted(by: [witness.key])
                sizes.withLock { $0[name] = size }
                return signatures
            case 409:
                let known = text.split(separator: "\n").first.flatMap { Int64($0) }
                guard let known, known <= size, known != old else {
                    throw JournalError(.forked, "the witness knows another tree than this one: \(text.prefix(80))")
                }
                sizes.withLock { $0[name] = known }
            default:
                throw JournalError(.storage, "the witness answers \(reply.status): \(text.prefix(200))")
            }
        }
        throw JournalError(.storage, "the witness contradicts itself about the size that it knows")
    }
}
