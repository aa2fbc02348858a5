// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Cryptography
internal import Transparency

/// What the log could not do. `code` is what a caller decides by.
package struct JournalError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// Two trees of one size, or a tree that is not the continuation of one that was signed. Nothing repairs that.
        case forked
        /// What is here is older than what was signed: the volume, or the database, went back in time.
        case rolledBack
        /// A tile, a bundle, a note or a row is not what was signed.
        case damaged
        /// The log has checkpoints, and the key that signed them is not here.
        case keyMissing
        /// A key or the signer's state cannot be read.
        case invalidKey
        /// The key or the state is of another log.
        case wrongOrigin
        /// Another process signs with this state.
        case locked
        /// The disk has no room.
        case storageFull
        /// A file or the database failed.
        case storage
        /// What was asked for is not in the log.
        case notFound
        /// It is not in the log yet.
        case notSealed
        case shutDown
    }

    package let code: Code
    /// A sentence for people.
    package let reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { reason }

    /// What any error below means for the log.
    init(_ error: any Error) {
        switch error {
        case let error as JournalError: self = error
        case let error as ContentError:
            self.init(
                error.code == .noSpace ? .storageFull : error.code == .conflict ? .forked : .storage,
                error.description
            )
        case let error as CatalogError:
            self.init(error.code == .storageFull ? .storageFull : .storage, "the catalog: \(error.reason)")
        case let error as TransparencyError: self.init(.damaged, error.reason)
        case let error as CryptographyError: self.init(.invalidKey, error.reason)
        default: self.init(.storage, "\(error)")
        }
    }
}
