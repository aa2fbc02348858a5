// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// What keeps a tag or a digest, as it is shown. Times are seconds since 1970.
package struct PinNote: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Against rules of retention.
        case pin
        /// Against rules and people, until an administrator lifts it.
        case hold
        /// Against rules and people, until its date.
        case lock
    }

    package let id: Int64
    package let repository: RepositoryName
    package let kind: Kind
    package let subject: Reference
    package let until: Int64?
    package let reason: String
    package let actor: String
    package let since: Int64
}

/// A pin that somebody wants.
package struct PinRequest: Sendable, Hashable {
    package let kind: PinNote.Kind
    package let repository: RepositoryName
    package let subject: Reference
    package let until: Int64?
    package let reason: String

    /// - Throws: `RegistryError.badPin` without a reason or with one that is too long, for a lock without its date, and
    ///   for a hold with one: it ends when it is lifted.
    package init(
        kind: PinNote.Kind,
        repository: RepositoryName,
        subject: Reference,
        until: Int64?,
        reason: String
    ) throws(RegistryError) {
        guard !reason.isEmpty, reason.utf8.count <= ProtectionLimits.pinReasonBytes else {
            throw .badPin("a pin has a reason of at most \(ProtectionLimits.pinReasonBytes) bytes")
        }
        switch (kind, until) {
        case (.lock, nil): throw .badPin("a lock has a date: say until when")
        case (.hold, .some): throw .badPin("a hold has no date: it ends when it is lifted")
        default: break
        }
        self.kind = kind
        self.repository = repository
        self.subject = subject
        self.until = until
        self.reason = reason
    }
}

extension Registry {
    /// Keeps a tag or a digest, or gives what keeps it another reason and date.
    ///
    /// - Returns: The id of the event, and whether the manifest is deleted and goes for good unless it is brought back.
    package func pin(_ request: PinRequest, caller: Caller) async throws -> (event: String, isTrashed: Bool) {
        try await translating {
            let outcome = try await catalog.setPin(
                request.kind.stored,
                on: request.subject,
                in: request.repository,
                until: request.until,
                reason: request.reason,
                context: caller.context
            )
            switch outcome {
            case .set(let event, let isTrashed): return (event.description, isTrashed)
            case .unknown: throw RegistryError.manifestUnknown(request.subject)
            case .shortens(let until): throw RegistryError.lockShortened(until: until)
            case .badDate:
                throw RegistryError.badPin("the date is over, or more than \(ProtectionLimits.lockYears) years ahead")
            case .tooMany(let limit): throw RegistryError.tooManyTags(limit: limit)
            }
        }
    }

    /// Lets a tag or a digest go again.
    ///
    /// - Returns: The id of the event; nil where there was no such pin.
    /// - Throws: `RegistryError.bound` for a lock whose date is not over.
    package func unpin(
        _ kind: PinNote.Kind,
        _ subject: Reference,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> String? {
        try await translating {
            let outcome = try await catalog.removePin(
                kind.stored,
                from: subject,
                in: repository,
                context: caller.context
            )
            switch outcome {
            case .removed(let event): return event.description
            case .notFound: return nil
            case .locked(let pin): throw RegistryError.bound(PinNote(pin))
            }
        }
    }

    /// Pins after an id, of one repository or of all.
    package func pins(
        in repository: RepositoryName?,
        after id: Int64,
        limit: Int
    ) async throws -> Page<PinNote> {
        try await translating {
            let pins = try await catalog.pins(in: repository, after: id, limit: limit + 1)
            return Page(elements: pins.prefix(limit).map(PinNote.init), hasMore: pins.count > limit)
        }
    }
}

extension PinNote {
    init(_ pin: PinRecord) {
        let kind: Kind =
            switch pin.kind {
            case .pin: .pin
            case .hold: .hold
            case .lock: .lock
            }
        self.init(
            id: pin.id,
            repository: pin.repository,
            kind: kind,
            subject: pin.subject,
            until: pin.until,
            reason: pin.reason,
            actor: pin.actor,
            since: pin.since
        )
    }
}

extension PinNote.Kind {
    fileprivate var stored: PinKind {
        switch self {
        case .pin: .pin
        case .hold: .hold
        case .lock: .lock
        }
    }
}
