// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import OCI
import Synchronization

/// Whose the open upload sessions are, by id.
///
/// A session id is 128 random bits, and is honoured only in the repository that it was opened in and for who opened it;
/// so knowing another tenant's blob or repository, or even a session's URL, never helps to write into its upload.
final class Uploads: Sendable {
    /// A session of a former run, not opened again yet.
    struct Dormant: Sendable {
        let record: UploadRecord
    }

    struct Owner: Sendable {
        let repository: RepositoryName
        /// Who opened it, and by which request.
        let context: Catalog.Context
        /// Service time of the session's start, in seconds.
        let started: Int64
        /// Whether the catalog has a row for it, so that it outlives a restart.
        var isRecorded: Bool
        var dormant: Dormant?
    }

    private let owners = Mutex<[UploadID: Owner]>([:])

    func remember(_ dormant: Dormant, id: UploadID) {
        let owner = Owner(
            repository: dormant.record.repository,
            context: Catalog.Context(actor: dormant.record.actor, requestID: ""),
            started: dormant.record.expires.seconds - RegistryLimits.uploadLifeSeconds,
            isRecorded: true,
            dormant: dormant
        )
        owners.withLock { $0[id] = owner }
    }

    /// Notes a session, unless whoever opens it has as many open as `limit` says.
    ///
    /// - Returns: Whether it was noted; else the caller ends it.
    func add(
        _ id: UploadID,
        repository: RepositoryName,
        context: Catalog.Context,
        started: Int64,
        limit: Int?
    ) -> Bool {
        let owner = Owner(
            repository: repository,
            context: context,
            started: started,
            isRecorded: false,
            dormant: nil
        )
        return owners.withLock { owners in
            if let limit, owners.values.count(where: { $0.context.actor == context.actor }) >= limit { return false }
            owners[id] = owner
            return true
        }
    }

    /// The sessions that a principal has open.
    func count(of actor: String) -> Int {
        owners.withLock { owners in owners.values.count { $0.context.actor == actor } }
    }

    /// The owner, if the session belongs to this repository and was opened by this principal.
    func owner(of id: UploadID, in repository: RepositoryName, actor: String) -> Owner? {
        owners.withLock { owners in
            guard let owner = owners[id], owner.repository == repository, owner.context.actor == actor else {
                return nil
            }
            return owner
        }
    }

    func owner(of id: UploadID) -> Owner? {
        owners.withLock { $0[id] }
    }

    func wake(_ id: UploadID) {
        owners.withLock { $0[id]?.dormant = nil }
    }

    /// Notes that the session has a row. Returns the owner as it was before; nil when the session has ended.
    func markRecorded(_ id: UploadID) -> Owner? {
        owners.withLock { owners in
            let before = owners[id]
            owners[id]?.isRecorded = true
            return before
        }
    }

    @discardableResult
    func forget(_ id: UploadID) -> Owner? {
        owners.withLock { $0.removeValue(forKey: id) }
    }

    var all: [(id: UploadID, owner: Owner)] {
        owners.withLock { owners in owners.map { (id: $0.key, owner: $0.value) } }
    }
}
