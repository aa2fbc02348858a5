// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Journal
package import OCI

/// A value that a tag had, or the end of one, as the log has it.
package struct TagHistoryItem: Sendable, Hashable {
    /// The id of the event.
    package let event: String
    /// The index of its entry in the log; nil until it is sealed.
    package let index: Int64?
    /// `tag.set` or `tag.delete`.
    package let kind: String
    /// Milliseconds since 1970.
    package let milliseconds: Int64
    package let digest: String?
    package let former: String?
    /// Why the tag was deleted.
    package let reason: String?
    package let principal: String?
    package let request: String?
}

extension Registry {
    /// Waits until a signed checkpoint covers an event.
    ///
    /// - Returns: The index of its entry; nil where that did not happen in time. The change is durable in any case.
    package func waitForCheckpoint(ofEvent event: String) async throws -> Int64? {
        guard let journal, let id = Int64(event).map(EventID.init(rawValue:)) else { return nil }
        guard await journal.waitForCheckpoint(of: id) else { return nil }
        return try await translating { try await catalog.index(of: id) }
    }

    /// The proof that the log has the entry which gave a tag its value, or which put a manifest there: a `.tlog-proof`
    /// (C2SP tlog-proof) whose `extra` is the entry. Waits for the seal of a change that is not sealed yet.
    package func proof(of reference: Reference, in repository: RepositoryName) async throws -> [UInt8] {
        guard let journal else { throw RegistryError.notInLog("this registry keeps no log") }
        let served = try await manifest(reference, in: repository)
        return try await translating {
            guard let entry = try await catalog.lastEntry(of: reference, in: repository) else {
                throw RegistryError.notInLog("the log has no entry of \(reference)")
            }
            if case .tag = reference, try Self.digest(of: entry) != served.digest.description {
                throw RegistryError.logBehind("\(reference) changes at this moment; ask again")
            }
            guard await journal.waitForCheckpoint(of: entry.id) else {
                throw RegistryError.logBehind("the entry of \(reference) is not sealed yet; ask again")
            }
            guard let index = try await catalog.index(of: entry.id) else {
                throw RegistryError.notInLog("the entry of \(reference) is in the log that this one goes on from")
            }
            return try await journal.proof(of: entry.leaf, at: index)
        }
    }

    private static func digest(of entry: LogEntry) throws -> String? {
        try JSONValue(parsing: entry.leaf)["body"]?["digest"]?.text
    }

    /// The changes of a tag before an event of an earlier page, newest first.
    ///
    /// - Throws: `RegistryError.nameUnknown`, `.manifestUnknown` where the tag never was.
    package func history(
        of tag: Tag,
        in repository: RepositoryName,
        before event: String?,
        limit: Int
    ) async throws -> [TagHistoryItem] {
        try await translating {
            let changes = try await catalog.changes(
                of: tag,
                in: repository,
                before: event.flatMap(Int64.init).map(EventID.init(rawValue:)),
                limit: limit
            )
            if changes.isEmpty, event == nil {
                guard try await catalog.repositoryExists(repository) else {
                    throw RegistryError.nameUnknown(repository)
                }
                throw RegistryError.manifestUnknown(.tag(tag))
            }
            return try changes.map(TagHistoryItem.init)
        }
    }
}

extension TagHistoryItem {
    fileprivate init(_ change: TagChangeRecord) throws {
        let body = try JSONValue(parsing: change.leaf)["body"]
        self.init(
            event: change.event.description,
            index: change.index,
            kind: change.kind,
            milliseconds: change.timestamp.milliseconds,
            digest: body?["digest"]?.text,
            former: body?["former"]?.text,
            reason: body?["why"]?.text,
            principal: change.principal,
            request: change.request
        )
    }
}
