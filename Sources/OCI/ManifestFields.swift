// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The members of a manifest's outermost object that the registry reads. A member that is null counts as absent: some
/// encoders write an empty list so.
struct ManifestFields {
    private(set) var schemaVersion: JSONValue?
    private(set) var mediaType: JSONValue?
    private(set) var artifactType: JSONValue?
    private(set) var config: JSONValue?
    private(set) var layers: JSONValue?
    private(set) var manifests: JSONValue?
    private(set) var blobs: JSONValue?
    private(set) var subject: JSONValue?
    private(set) var annotations: JSONValue?
    /// Whether the key is there, if only with null.
    private(set) var namesLayers = false
    private(set) var namesManifests = false

    private static let names = [
        "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject",
        "annotations",
    ]

    init(_ document: JSONValue) throws(ManifestError) {
        guard case .object(let members) = document else {
            throw ManifestError(code: .wrongType, reason: "a manifest is an object, not \(document.kindName)")
        }
        for member in members {
            let value = member.value == .null ? nil : member.value
            switch member.key {
            case "schemaVersion": schemaVersion = value
            case "mediaType": mediaType = value
            case "artifactType": artifactType = value
            case "config": config = value
            case "layers": (layers, namesLayers) = (value, true)
            case "manifests": (manifests, namesManifests) = (value, true)
            case "blobs": blobs = value
            case "subject": subject = value
            case "annotations": annotations = value
            default: try KeySpelling.refuseVariant(member.key, of: ManifestFields.names, path: "")
            }
        }
    }

    /// The type that the document declares; an empty text declares none.
    func declaredMediaType() throws(ManifestError) -> MediaType? {
        try optionalType(mediaType, "mediaType", .unsupportedMediaType)
    }

    /// The artifact type that the document declares; an empty text declares none, as the specification has it.
    func declaredArtifactType() throws(ManifestError) -> MediaType? {
        try optionalType(artifactType, "artifactType", .badArtifactType)
    }

    private func optionalType(
        _ value: JSONValue?,
        _ path: String,
        _ code: ManifestError.Code
    ) throws(ManifestError) -> MediaType? {
        guard let value else { return nil }
        guard case .string(let text) = value else { throw .wrongType("a string", value, path) }
        if text.isEmpty { return nil }
        do {
            return try MediaType(parsing: text)
        } catch {
            throw ManifestError(code: code, reason: "\(error.reason), not \"\(error.value)\"", path: path)
        }
    }

    func requireVersion2() throws(ManifestError) {
        switch schemaVersion {
        case .integer(2): return
        case nil: throw ManifestError(code: .missingField, reason: "schemaVersion is required", path: "schemaVersion")
        case .integer, .decimal:
            throw ManifestError(code: .badSchemaVersion, reason: "schemaVersion is 2", path: "schemaVersion")
        case .some(let value): throw .wrongType("the number 2", value, "schemaVersion")
        }
    }

    /// Refuses a document that a reader could take for another kind of manifest than it is, and one that lacks what its
    /// kind is made of.
    func requireOnlyMembers(of form: ManifestForm) throws(ManifestError) {
        let foreign: [(name: String, isPresent: Bool)] =
            switch form {
            case .image, .dockerImage: [("manifests", manifests != nil), ("blobs", blobs != nil)]
            case .index, .dockerList: [("config", config != nil), ("layers", layers != nil), ("blobs", blobs != nil)]
            case .artifact: [("config", config != nil), ("layers", layers != nil), ("manifests", manifests != nil)]
            }
        if let found = foreign.first(where: \.isPresent)?.name {
            throw ManifestError(
                code: .bothManifestsAndLayers,
                reason: "a document of type \(form.mediaType) has no member \(found)",
                path: found
            )
        }
        let missing: String? =
            switch form {
            // The specification lets an image go without config; one without either says nothing at all.
            case .image: config == nil && !namesLayers ? "config" : nil
            case .dockerImage: config == nil ? "config" : namesLayers ? nil : "layers"
            case .index, .dockerList: namesManifests ? nil : "manifests"
            case .artifact: nil
            }
        if let missing {
            throw ManifestError(code: .missingField, reason: "\(missing) is required", path: missing)
        }
    }

    /// Bounds the work of decoding before it begins.
    func boundDescriptors(_ form: ManifestForm) throws(ManifestError) {
        var count = (config == nil ? 0 : 1) + (subject == nil ? 0 : 1)
        for case .array(let elements)? in [layers, manifests, blobs] { count += elements.count }
        guard count <= OCILimits.manifestDescriptorsLimit else {
            throw ManifestError(
                code: .tooManyDescriptors,
                reason: "a manifest has at most \(OCILimits.manifestDescriptorsLimit) descriptors, this one \(count)",
                path: form.listName
            )
        }
    }
}

extension ManifestError {
    static func wrongType(_ expected: String, _ value: JSONValue, _ path: String) -> ManifestError {
        ManifestError(code: .wrongType, reason: "\(expected) is expected, not \(value.kindName)", path: path)
    }
}

/// Keys that careless readers confuse.
enum KeySpelling {
    /// Refuses a key that is not one of the names but becomes one when case is ignored, as Go's JSON package does:
    /// it also takes U+017F for `s` and U+212A for `k`.
    static func refuseVariant(_ key: String, of names: [String], path: String) throws(ManifestError) {
        for name in names where isVariant(key, of: name) {
            throw ManifestError(
                code: .ambiguousKey,
                reason: "the key \"\(ParsingError.quotable(key))\" could be taken for \"\(name)\"",
                path: path
            )
        }
    }

    private static func isVariant(_ key: String, of name: String) -> Bool {
        var scalars = key.unicodeScalars.makeIterator()
        for expected in name.utf8 {
            guard let scalar = scalars.next(), folded(scalar) == lowerCase(expected) else { return false }
        }
        return scalars.next() == nil
    }

    private static func folded(_ scalar: Unicode.Scalar) -> UInt8? {
        switch scalar.value {
        case 0x17F: UInt8(ascii: "s")
        case 0x212A: UInt8(ascii: "k")
        case 0..<0x80: lowerCase(UInt8(truncatingIfNeeded: scalar.value))
        default: nil
        }
    }

    private static func lowerCase(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}
