// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a leaf of the log says: the reading side of ``EventLeaf``.
package struct LoggedChange: Sendable, Hashable {
    /// The kind as it stands there, known here or not.
    let kind: String
    package let origin: String
    package let timestamp: HybridTimestamp
    package let repository: RepositoryName?
    /// The actor's name in the log.
    let actor: String
    let requestID: String
    let body: JSONValue?

    /// Reads a leaf.
    ///
    /// - Throws: `.inconsistent` for what is no leaf of version 1.
    package init(parsing leaf: [UInt8]) throws(CatalogError) {
        guard let value = try? JSONValue(parsing: leaf), value["v"] == .integer(1),
            let kind = value["kind"]?.text, let origin = value["origin"]?.text,
            let stamp = value["hlc"]?.text.flatMap({ Int64($0) }), stamp >= 0
        else { throw CatalogError(.inconsistent, "an entry of the log is no leaf of version 1") }
        let name = value["repo"]?.text
        let repository = name.flatMap { RepositoryName($0) }
        guard (name == nil) == (repository == nil) else {
            throw CatalogError(.inconsistent, "an entry of the log names a repository that cannot be")
        }
        self.kind = kind
        self.origin = origin
        timestamp = HybridTimestamp(rawValue: stamp)
        self.repository = repository
        actor = value["actor"]?.text ?? ""
        requestID = value["request"]?.text ?? ""
        body = value["body"]
    }

    /// Whether it is about a mirror of a registry elsewhere, where a manifest is here without what it refers to.
    package var isSparse: Bool { body?["sparse"] == .bool(true) }

    /// Whether it is about what is kept back.
    package var isOfQuarantine: Bool {
        [EventKind.quarantineSet, .quarantineCleared].map(\.rawValue).contains(kind)
    }

    /// Whether it says where the home of a repository is.
    package var isOfHome: Bool { [EventKind.repositoryCreated, .homeSet].map(\.rawValue).contains(kind) }

    /// What it is, as the log calls it.
    package var kindName: String { kind }

    func digest(_ key: String) -> Digest? { body?[key]?.text.flatMap { Digest($0) } }

    var tag: Tag? { body?["tag"]?.text.flatMap { Tag($0) } }

    /// What the row of the event has as its subject.
    var subject: String? {
        switch EventKind(rawValue: kind) {
        case .originChanged: origin
        case .keyRotated: body?["to"]?.text
        case .robotCreated, .robotRotated, .robotRevoked: body?["robot"]?.text
        case .rulesSet, .policySet, .repositoryCreated: nil
        case .homeSet: body?["home"]?.text
        case .deploymentReported, .buildReported, .imagePromoted, .deploymentStepped: LoggedRelease(self)?.subject
        case .maintenanceSet, .maintenanceEnded: body?["environment"]?.text ?? MaintenanceWindow.wholeRegion
        default: body?["tag"]?.text ?? body?["digest"]?.text
        }
    }

    /// The digest that its audit row names.
    var auditedDigest: Digest? {
        switch EventKind(rawValue: kind) {
        case .rulesSet: digest("file")
        case .policySet: digest("policy")
        case .tagDeleted: digest("former")
        default: digest("digest") ?? digest("former")
        }
    }

    /// The manifest that it put, with the type of its bytes; nil for any other change.
    package var putManifest: (digest: Digest, mediaType: MediaType)? {
        guard kind == EventKind.manifestPut.rawValue, let digest = digest("digest"),
            let type = body?["mediaType"]?.text.flatMap({ MediaType($0) })
        else { return nil }
        return (digest, type)
    }

    /// The log that this one goes on from, where it is the entry that says so.
    package var formerLog: FormerLog? {
        guard kind == EventKind.originChanged.rawValue, let former = body?["former"]?.text,
            let size = body?["size"]?.text.flatMap({ Int64($0) }), let root = body?["root"]?.text
        else { return nil }
        return FormerLog(origin: former, size: size, root: root)
    }

    /// The leaf with another time, and with another former value where there is one.
    ///
    /// - Throws: `.inconsistent` for what no leaf holds.
    static func rewriting(_ leaf: [UInt8], at time: HybridTimestamp, former: Digest??) throws -> [UInt8] {
        guard case .object(var members)? = try CanonicalJSON(JSONValue(parsing: leaf)) else {
            throw CatalogError(.inconsistent, "an event's leaf is no object")
        }
        members["hlc"] = .string(time.description)
        if let former, case .object(var body)? = members["body"], body["former"] != nil {
            body["former"] = CanonicalJSON(former?.description)
            members["body"] = .object(body)
        }
        return CanonicalJSON.object(members).bytes
    }
}

extension CanonicalJSON {
    /// The same value; nil for one that has no canonical form here.
    fileprivate init?(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value) where value.magnitude <= 1 << 53: self = .integer(value)
        case .string(let text): self = .string(text)
        case .object(let members):
            var object: [String: CanonicalJSON] = [:]
            for member in members {
                guard let value = CanonicalJSON(member.value) else { return nil }
                object[member.key] = value
            }
            self = .object(object)
        case .integer, .decimal, .array: return nil
        }
    }
}
