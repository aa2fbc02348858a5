// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a provenance of SLSA says that a policy can ask for: who built the image, from which source, when.
package struct ProvenanceClaim: Sendable, Hashable {
    /// The builder's address.
    package let builder: String
    /// The source's address, without `git+` before and a reference after it; empty where the provenance names none.
    package let source: String
    /// The branch or tag of the source: `refs/heads/main`.
    package let reference: String?
    /// The commit.
    package let revision: String?
    /// When the build ended, or began where no end is given, in seconds since 1970.
    package let builtAt: Int64?

    private static let materialsLimit = 65_536

    /// Reads the predicate of an attestation.
    ///
    /// - Throws: `invalidStatement` for a predicate of another type, and one that lacks the builder.
    package init(_ statement: InTotoStatement) throws(TrustError) {
        switch statement.predicateType {
        case .provenance: try self.init(v1: statement.predicate)
        case .provenanceV02: try self.init(v02: statement.predicate)
        default: throw TrustError(.invalidStatement, "the attestation is no provenance")
        }
    }

    /// SLSA provenance 1: `buildDefinition` and `runDetails`.
    private init(v1 predicate: JSONValue) throws(TrustError) {
        let reader = try DocumentReader(predicate, "the provenance", .invalidStatement)
        guard let definition = try reader.object("buildDefinition"), let run = try reader.object("runDetails"),
            let builder = try run.object("builder")
        else { throw reader.error("lacks 'buildDefinition' or 'runDetails.builder'") }
        self.builder = try builder.required("id")
        let metadata = try run.object("metadata")
        let (began, ended) = (try metadata?.time("startedOn"), try metadata?.time("finishedOn"))
        builtAt = ended ?? began

        let parameters = try definition.object("externalParameters")
        let workflow = parameters?.value["workflow"]
        let dependencies = try definition.elements("resolvedDependencies", limit: Self.materialsLimit) ?? []
        let source = Self.source(of: dependencies)
        let named = workflow?["repository"]?.text.map(Self.parted)
        self.source = source?.address ?? named?.address ?? ""
        reference = source?.reference ?? workflow?["ref"]?.text
        revision = source?.revision
    }

    /// SLSA provenance 0.2: `invocation.configSource` and `materials`.
    private init(v02 predicate: JSONValue) throws(TrustError) {
        let reader = try DocumentReader(predicate, "the provenance", .invalidStatement)
        guard let builder = try reader.object("builder") else { throw reader.error("lacks 'builder'") }
        self.builder = try builder.required("id")
        let metadata = try reader.object("metadata")
        let (began, ended) = (try metadata?.time("buildStartedOn"), try metadata?.time("buildFinishedOn"))
        builtAt = ended ?? began

        let invocation = try reader.object("invocation")
        let configuration = invocation?.value["configSource"]
        let materials = try reader.elements("materials", limit: Self.materialsLimit) ?? []
        let source = Self.source(of: [configuration].compactMap { $0 } + materials)
        self.source = source?.address ?? ""
        reference = source?.reference
        revision = source?.revision
    }

    // MARK: Sources

    private struct Source {
        var address: String
        var reference: String?
        var revision: String?
    }

    /// The first entry that is a commit.
    private static func source(of entries: [JSONValue]) -> Source? {
        for entry in entries {
            let digests = entry["digest"]
            guard let revision = (digests?["gitCommit"] ?? digests?["sha1"])?.text, let uri = entry["uri"]?.text else {
                continue
            }
            var source = parted(uri)
            source.revision = revision
            return source
        }
        return nil
    }

    /// `git+https://host/repository@refs/heads/main` in its parts.
    private static func parted(_ uri: String) -> Source {
        let address = uri.hasPrefix("git+") ? uri.dropFirst(4) : uri[...]
        guard let at = address.lastIndex(of: "@"), address[at...].hasPrefix("@refs/") else {
            return Source(address: String(address))
        }
        return Source(address: String(address[..<at]), reference: String(address[address.index(after: at)...]))
    }

    // MARK: Tags

    /// The shortest abbreviation of a commit that counts.
    private static let abbreviationLimit = 7

    /// Whether an image's tag says what the source's revision is: the tag or branch of the source by its name (with
    /// hyphens where the name has slashes), or the commit, whole or abbreviated to at least seven digits, alone or
    /// after `sha-`, `git-` or `g`.
    package func agrees(with tag: Tag) -> Bool {
        let text = tag.description
        for prefix in ["refs/tags/", "refs/heads/"] {
            if let reference, reference.hasPrefix(prefix) {
                let name = reference.dropFirst(prefix.count)
                if String(name.map { $0 == "/" ? "-" : $0 }) == text { return true }
            }
        }
        guard let revision, !revision.isEmpty else { return false }
        for prefix in ["", "sha-", "git-", "g"] where text.hasPrefix(prefix) {
            let digits = text.dropFirst(prefix.count)
            if digits.utf8.count >= Self.abbreviationLimit, revision.hasPrefix(digits) { return true }
        }
        return false
    }
}
