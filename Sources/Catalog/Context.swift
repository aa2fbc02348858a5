// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Catalog {
    /// Who changes something, and by which request: for the event, the audit row and for people.
    package struct Context: Sendable, Hashable {
        package let actor: String
        package let requestID: String
        /// How the actor was authenticated: `none`, `basic`, `token` or `certificate`.
        package let method: String
        /// Where the request came from, if that is known. Kept in the audit table, never in an event.
        package let address: String?

        /// Cuts each to 256 bytes, so that a leaf stays within its bound.
        package init(actor: String, requestID: String, method: String = "none", address: String? = nil) {
            self.actor = Context.cut(actor, to: CatalogLimits.contextBytes)
            self.requestID = Context.cut(requestID, to: CatalogLimits.contextBytes)
            self.method = Context.cut(method, to: CatalogLimits.contextBytes)
            self.address = address.map { Context.cut($0, to: CatalogLimits.contextBytes) }
        }

        /// The text, or as many of its scalars as fit into that many bytes of UTF-8.
        static func cut(_ text: String, to bytes: Int) -> String {
            guard text.utf8.count > bytes else { return text }
            var cut = text.unicodeScalars.prefix(bytes)
            while String(cut).utf8.count > bytes { cut.removeLast() }
            return String(cut)
        }
    }
}
