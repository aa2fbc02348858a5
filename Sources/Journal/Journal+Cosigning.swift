// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Logging
internal import Synchronization
internal import Transparency

extension Journal {
    /// The note as it is shown: where a quorum is asked for, with the cosignatures of witnesses; nil while too few
    /// cosign it. Then the former checkpoint stays the one that counts, and this one or a later one is shown when they
    /// do.
    func cosigned(_ note: [UInt8]) async throws(JournalError) -> [UInt8]? {
        guard let cosigners, cosigners.quorum > 0 else { return note }
        do {
            let signed = try SignedNote(parsing: note)
            let signatures = try await cosignatures(of: signed, cosigners)
            guard Set(signatures.map(\.keyID)).count >= cosigners.quorum else {
                logger.error(
                    "too few witnesses cosign: the checkpoint is not shown",
                    metadata: ["cosignatures": "\(signatures.count)", "quorum": "\(cosigners.quorum)"]
                )
                return nil
            }
            return try signed.adding(signatures).bytes
        } catch {
            throw JournalError(error)
        }
    }

    private func cosignatures(of note: SignedNote, _ cosigners: Cosigners) async throws -> [NoteSignature] {
        let size = try Checkpoint(note).size
        return await cosigners.cosign(note) { old in
            try await self.onThread { [files = self.files] in
                try TileReader(size: size, read: files.hashes).consistencyProof(from: old).hashes
            }
        }
    }

    /// Where no quorum is asked for, nobody waits for witnesses: their cosignatures are added to the checkpoint that is
    /// shown when they come, unless there is a newer one by then. One round at a time.
    func askWitnesses(_ intended: Sealer.Intended, _ note: [UInt8]) async {
        guard let cosigners, cosigners.quorum == 0,
            isAsking.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        else { return }
        Task {
            defer { isAsking.store(false, ordering: .releasing) }
            do {
                let signed = try SignedNote(parsing: note)
                let signatures = try await cosignatures(of: signed, cosigners)
                guard !signatures.isEmpty, published?.note == note else { return }
                let shown = try signed.adding(signatures).bytes
                try await onThread { [self] in try write(shown, ofSize: intended.edge.size) }
                show(shown, insteadOf: note)
            } catch {
                logger.warning("cosignatures could not be added", metadata: ["reason": "\(error)"])
            }
        }
    }
}
