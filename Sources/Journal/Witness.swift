// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
internal import Cryptography
package import Transparency

/// Cosigns checkpoints of other logs (C2SP tlog-witness): each one has to be the continuation of the last that was
/// cosigned, so that whoever asks for the cosignature knows that the log was not rewritten in between.
package struct Witness: Sendable {
    /// What a request to a witness is answered with.
    package enum Answer: Sendable, Hashable {
        /// 200: signature lines.
        case cosigned(String)
        /// 400: it cannot be read, or its old size is larger than its checkpoint.
        case malformed(String)
        /// 403: the log's key has not signed the checkpoint.
        case notSigned(String)
        /// 404: the log is not one of those that are cosigned here.
        case unknownLog
        /// 409: the old size is not that of the last tree, which is this one; or the root of that size is another.
        case conflict(size: Int64)
        /// 422: the proof does not show that the tree goes on from the last one.
        case notConsistent(String)
    }

    private let catalog: Catalog
    private let cosigner: Cosigner
    private let logs: [NoteVerifier]
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64

    /// Opens the witness's key in the signer's directory, or makes one. Blocks.
    ///
    /// - Throws: `.invalidKey`, `.storage`.
    package init(
        catalog: Catalog,
        signer directory: String,
        name: KeyName,
        logs: [NoteVerifier],
        passphrase: [UInt8]?,
        files: DurableFiles = DurableFiles(),
        now: @escaping @Sendable () -> Int64
    ) throws(JournalError) {
        self.catalog = catalog
        self.logs = logs
        self.now = now
        do {
            let keys = SignerKeys(directory: directory, files: files)
            cosigner = try Cosigner(name: name, key: keys.existingOrNew(keys.witnessPath, passphrase: passphrase))
        } catch {
            throw JournalError(error)
        }
    }

    /// The witness's key as verifiers take it.
    package var key: String { cosigner.verifier.description }

    /// Answers a request. The tree that is cosigned is durably the last one before its cosignature leaves.
    package func answer(_ body: [UInt8]) async throws(JournalError) -> Answer {
        let request: AddCheckpointRequest
        do {
            request = try AddCheckpointRequest(parsing: body)
        } catch {
            return .malformed(error.reason)
        }
        let checkpoint = request.checkpoint
        let origin = checkpoint.origin.description
        let known = logs.filter { $0.name.description == origin }
        guard !known.isEmpty else { return .unknownLog }
        do {
            _ = try request.note.accepted(by: known)
        } catch {
            return .notSigned(error.reason)
        }
        guard request.oldSize <= checkpoint.size else {
            return .malformed("the old size is larger than the checkpoint's")
        }
        do {
            return try await advance(request, origin)
        } catch {
            throw JournalError(error)
        }
    }

    private func advance(_ request: AddCheckpointRequest, _ origin: String) async throws -> Answer {
        let checkpoint = request.checkpoint
        let last = try await catalog.witnessedTree(of: origin)
        guard request.oldSize == last?.size ?? 0 else { return .conflict(size: last?.size ?? 0) }
        let oldRoot = last.flatMap { TreeHash(bytes: $0.root) } ?? MerkleTree.emptyRoot
        if checkpoint.size == request.oldSize, checkpoint.root != oldRoot { return .conflict(size: checkpoint.size) }
        do {
            guard try request.consistency().isValid(oldRoot: oldRoot, newRoot: checkpoint.root) else {
                return .notConsistent("the tree is not the continuation of the one of \(request.oldSize) entries")
            }
        } catch {
            return .notConsistent("\(error)")
        }
        let tree = WitnessedTree(size: checkpoint.size, root: checkpoint.root.bytes)
        guard try await catalog.witness(tree, after: last, of: origin) else {
            return .conflict(size: try await catalog.witnessedTree(of: origin)?.size ?? 0)
        }
        return .cosigned("\(try cosigner.cosignature(of: request.note, at: now()))\n")
    }
}
