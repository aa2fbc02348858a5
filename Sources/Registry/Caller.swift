// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import OCI

/// What a caller may do with a tag that has, or had before it was deleted, another manifest.
package enum OverwriteRight: Sendable, Hashable {
    case allowed
    /// The tag is immutable and the caller has an explicit right to overwrite: allowed, and recorded as such.
    case exempted
    case denied(reason: String)
}

/// Who asks, under which request id, and what holds for him where only a transaction can ask.
package struct Caller: Sendable {
    package let principal: String
    package let requestID: String
    /// How he was authenticated: `none`, `basic`, `token` or `certificate`.
    package let method: String
    package let address: String?
    /// Whether he may pull from a repository: decides what can be mounted. Must not block.
    package var isReadable: @Sendable (RepositoryName) -> Bool = { _ in true }
    /// What he may do with a tag of the repository of the request. Must not block.
    package var mayOverwrite: @Sendable (Tag) -> OverwriteRight = { _ in .allowed }
    /// Whether a tag of the repository of the request, once set, is to stay what it is. Must not block.
    package var isImmutable: @Sendable (Tag) -> Bool = { _ in false }
    /// Whether he may push what is not attached to another manifest, under these tags. Who may only `sign` may not.
    package var mayPush: @Sendable ([Tag]) -> Bool = { _ in true }
    /// Whether one of these patterns of a trust policy names him: he must fetch in order to sign or to scan.
    package var isExempt: @Sendable ([String]) -> Bool = { _ in false }
    /// Whether he follows this registry from another region: policy is enforced where images leave that one.
    package var isReplica = false
    /// The quotas that the repository of the request is under, in bytes by prefix of names.
    package var quotas: [(prefix: String, bytes: Int64)] = []
    /// How many upload sessions he may have open; nil for no limit but the server's.
    package var uploadLimit: Int?

    package init(principal: String, requestID: String, method: String = "none", address: String? = nil) {
        self.principal = principal
        self.requestID = requestID
        self.method = method
        self.address = address
    }

    package var context: Catalog.Context {
        Catalog.Context(actor: principal, requestID: requestID, method: method, address: address)
    }

    var storageQuotas: [StorageQuota] { quotas.map { StorageQuota(prefix: $0.prefix, bytes: $0.bytes) } }

    /// The verdicts on the tags of a push, found before the transaction that decides by them. What is allowed is left
    /// out: it costs the transaction nothing.
    func verdicts(on tags: [Tag]) -> [Tag: OverwriteVerdict] {
        var verdicts: [Tag: OverwriteVerdict] = [:]
        for tag in tags {
            switch mayOverwrite(tag) {
            case .allowed: continue
            case .exempted: verdicts[tag] = .exempted
            case .denied(let reason): verdicts[tag] = .denied(reason: reason)
            }
        }
        return verdicts
    }
}
