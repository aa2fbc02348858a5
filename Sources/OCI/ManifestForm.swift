// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The documents that are manifests here, told apart by declared types first and by their members last.
enum ManifestForm: Hashable {
    case image, index, dockerImage, dockerList, artifact

    var mediaType: MediaType {
        switch self {
        case .image: .imageManifest
        case .index: .imageIndex
        case .dockerImage: .dockerManifest
        case .dockerList: .dockerManifestList
        case .artifact: .artifactManifest
        }
    }

    var kind: Manifest.Kind {
        switch self {
        case .image, .dockerImage, .artifact: .image
        case .index, .dockerList: .index
        }
    }

    /// The member that lists what the manifest is made of.
    var listName: String {
        switch self {
        case .image, .dockerImage: "layers"
        case .index, .dockerList: "manifests"
        case .artifact: "blobs"
        }
    }

    private init?(_ mediaType: MediaType) {
        switch mediaType {
        case .imageManifest: self = .image
        case .imageIndex: self = .index
        case .dockerManifest: self = .dockerImage
        case .dockerManifestList: self = .dockerList
        case .artifactManifest: self = .artifact
        default: return nil
        }
    }

    static func requireSupported(_ mediaType: MediaType, path: String) throws(ManifestError) {
        guard ManifestForm(mediaType) == nil else { return }
        if mediaType == .dockerSchema1 || mediaType == .dockerSchema1Signed { throw schema1(path) }
        throw ManifestError(
            code: .unsupportedMediaType,
            reason: "\(ParsingError.quotable(mediaType.description)) is no type of manifest that this registry takes",
            path: path
        )
    }

    private static func schema1(_ path: String) -> ManifestError {
        ManifestError(
            code: .unsupportedMediaType,
            reason: "Docker schema 1 manifests are not taken; push the image as OCI or Docker schema 2",
            path: path
        )
    }

    /// Decides what a document is: the types declared by the request and by the document agree, and decide where
    /// there is one; else the members do.
    init(_ fields: ManifestFields, contentType: MediaType?) throws(ManifestError) {
        let declared = try fields.declaredMediaType()
        if let declared {
            if let contentType, declared != contentType {
                throw ManifestError(
                    code: .mediaTypeMismatch,
                    reason: """
                        the request's Content-Type is \(contentType), the document says \
                        \(ParsingError.quotable(declared.description))
                        """,
                    path: "mediaType"
                )
            }
            try ManifestForm.requireSupported(declared, path: "mediaType")
        }
        if fields.schemaVersion == .integer(1) { throw ManifestForm.schema1("schemaVersion") }
        let declaredForm = (contentType ?? declared).flatMap { ManifestForm($0) }
        // Artifact manifests have no version; in all others it is required.
        if declaredForm != .artifact || fields.schemaVersion != nil { try fields.requireVersion2() }
        if let declaredForm {
            self = declaredForm
        } else if fields.manifests != nil {
            self = .index
        } else if fields.config != nil || fields.layers != nil {
            self = .image
        } else if fields.namesManifests {
            self = .index
        } else if fields.namesLayers {
            self = .image
        } else {
            throw ManifestError(
                code: .missingField,
                reason: "no media type is given, and the document has neither config, layers nor manifests"
            )
        }
    }
}
