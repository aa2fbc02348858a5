// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

/// What keeps the catalog from doing its work. Outcomes that a client can cause are values of the verbs, not errors.
package struct CatalogError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// A queue is at its bound. Nothing was done; the caller may come back.
        case overloaded
        /// Nothing may be written until an operator has decided something: reads go on.
        case readOnly
        /// The disk, or the size set for the database, is full. Everything was rolled back.
        case storageFull
        /// The catalog is closed, or its writer has stopped because a commit failed, or another process holds it.
        case unavailable
        /// The database was written by a newer version.
        case newerFormat
        /// A row breaks the catalog's own rules, or a statement failed: damage or a bug.
        case inconsistent
    }

    package let code: Code
    package let reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { "\(code): \(reason)" }
}

/// How an error inside a batch bears on the batch.
enum Failure {
    /// Only the operation that met it fails; its savepoint is rolled back.
    case operation(CatalogError)
    /// The whole batch is rolled back; the writer goes on.
    case batch(CatalogError)
    /// The state on disk is unknown: the process must stop and recover from what is there.
    case fatal(CatalogError)

    /// Sorts an error of an operation, a begin or a rollback.
    ///
    /// A full disk shows in two ways: as SQLITE_FULL, and as an input/output error when the file of the WAL index
    /// cannot grow.
    init(_ error: any Error) {
        if let error = error as? CatalogError {
            self = .operation(error)
            return
        }
        guard let error = error as? DatabaseError else {
            self = .operation(CatalogError(.inconsistent, "\(error)"))
            return
        }
        let reason = Failure.describe(error)
        switch error.resultCode {
        case .SQLITE_FULL:
            self = .batch(CatalogError(.storageFull, reason))
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE:
            self = .batch(CatalogError(.storageFull, reason))
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self = .batch(CatalogError(.unavailable, reason))
        case .SQLITE_IOERR, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_NOMEM, .SQLITE_CANTOPEN, .SQLITE_PROTOCOL,
            .SQLITE_READONLY:
            self = .fatal(CatalogError(.unavailable, reason))
        default:
            self = .operation(CatalogError(.inconsistent, reason))
        }
    }

    /// Sorts an error of COMMIT: whatever is not a full disk leaves it unknown what is durable, and a second
    /// attempt could report success for pages that the kernel has already dropped.
    init(commit error: any Error) {
        if case .batch(let error) = Failure(error), error.code == .storageFull {
            self = .batch(error)
        } else {
            self = .fatal(CatalogError(.unavailable, "COMMIT failed: \(Failure.describe(error))"))
        }
    }

    /// The error of a read: never fatal, nothing was changed.
    static func ofRead(_ error: any Error) -> CatalogError {
        switch Failure(error) {
        case .operation(let error), .batch(let error), .fatal(let error): error
        }
    }

    /// Code and message without the arguments of the statement.
    static func describe(_ error: any Error) -> String {
        guard let error = error as? DatabaseError else { return "\(error)" }
        return "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")"
            + (error.sql.map { " in \($0.prefix(200))" } ?? "")
    }
}
