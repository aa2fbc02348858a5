// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Content

/// What proves that a peer has signed two logs: the files `equivocation/known` and `equivocation/shown`, each a signed
/// note (C2SP signed-note), and `equivocation/reason`. Whoever has the peer's key can check them.
extension LogMirror {
    private var evidence: String { files.layout.directory + "/equivocation" }

    /// Keeps evidence. Durable on return; the reason comes last, and with it the evidence counts.
    package func keep(_ equivocation: Equivocation) async throws {
        let (disk, directory) = (files.files, evidence)
        try await threads.call {
            if try disk.makeDirectory(directory) { try disk.syncDirectory(DurableFiles.parent(of: directory)) }
            try disk.replace(directory + "/known", with: equivocation.known)
            try disk.replace(directory + "/shown", with: equivocation.shown)
            try disk.replace(directory + "/reason", with: Array(equivocation.reason.utf8))
        }
    }

    /// Why the peer is not followed any more; nil where there is no evidence against it.
    package func keptEvidence() async throws -> String? {
        let (disk, path) = (files.files, evidence + "/reason")
        return try await threads.call {
            try disk.readIfPresent(path, limit: JournalLimits.keyFileBytes).map { String(decoding: $0, as: UTF8.self) }
        }
    }
}
