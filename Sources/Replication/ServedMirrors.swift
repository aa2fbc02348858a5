// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Journal
internal import Synchronization
package import Transparency

/// The copies of other regions' logs, as this registry serves them on: whoever has a log's key can follow it through
/// here, and whoever wrote it sees how much of it is here.
///
/// What is here of a log is said by its own checkpoint with a cosignature of this registry (C2SP tlog-cosignature). It
/// is added once everything up to that size counts here and the bytes of it are on the disk.
package final class ServedMirrors: Sendable {
    private struct Served {
        var mirror: LogMirror
        /// Checkpoints that are not cosigned yet, the oldest first.
        var open: [LogMirror.Signed]
        /// The newest checkpoint with the cosignature.
        var confirmed: [UInt8]?
        let mark: RisingMark
    }

    private let catalog: Catalog
    private let cosigner: Cosigner
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private let served = Mutex<[String: Served]>([:])

    package init(_ catalog: Catalog, cosigner: Cosigner, now: @escaping @Sendable () -> Int64) {
        self.catalog = catalog
        self.cosigner = cosigner
        self.now = now
    }

    /// What others verify the cosignatures with.
    package var key: String { cosigner.verifier.description }

    /// Takes a copy as it is now.
    package func update(_ mirror: LogMirror) {
        guard let signed = mirror.signed else { return }
        served.withLock { served in
            let key = MirrorPath.name(of: mirror.origin)
            var entry = served[key] ?? Served(mirror: mirror, open: [], mark: RisingMark())
            entry.mirror = mirror
            if entry.open.last != signed { entry.open.append(signed) }
            // Of many, the newest and some before it suffice.
            if entry.open.count > ReplicationLimits.checkpointsKept { entry.open.remove(at: 1) }
            served[key] = entry
        }
    }

    /// Cosigns the largest checkpoint of which everything is here.
    package func confirm(_ origin: String) async throws {
        let key = MirrorPath.name(of: origin)
        guard let peer = try await catalog.peer(origin), try await catalog.remoteBacklog().blobs == 0 else { return }
        let found = served.withLock { served in served[key]?.open.last { $0.checkpoint.size <= peer.applied } }
        guard let found, found.checkpoint.size > 0 else { return }
        let signed = try SignedNote(parsing: found.note)
        let note = try signed.adding([cosigner.cosignature(of: signed, at: now())])
        let mark = served.withLock { served -> RisingMark? in
            served[key]?.open.removeAll { $0.checkpoint.size <= found.checkpoint.size }
            served[key]?.confirmed = note.bytes
            return served[key]?.mark
        }
        mark?.raise(to: found.checkpoint.size)
    }

    package func mirror(_ path: String) -> LogMirror? { served.withLock { $0[path]?.mirror } }

    /// The cosigned checkpoint; answers once it has more entries than `size`, or when `sleep` has ended.
    package func confirmed(
        _ path: String,
        after size: Int64?,
        _ sleep: @escaping @Sendable () async throws -> Void
    ) async -> [UInt8]? {
        if let size, let mark = served.withLock({ $0[path]?.mark }) { _ = await mark.wait(over: size, sleep) }
        return served.withLock { $0[path]?.confirmed }
    }

    /// Lets nobody wait any more.
    package func close() {
        for mark in served.withLock({ $0.values.map(\.mark) }) { mark.close() }
    }
}
