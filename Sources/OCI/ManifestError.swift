// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Why bytes are not a manifest that this registry takes.
public struct ManifestError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// More bytes than `OCILimits.manifestBytesLimit`.
        case tooLarge
        case notJSON
        case tooDeep
        case tooManyNodes
        case duplicateKey
        /// Invalid UTF-8 in a string, or a lone surrogate among its escapes.
        case invalidUTF8
        /// A key differs from one that has a meaning only by upper and lower case: some readers take it for that one.
        case ambiguousKey
        case wrongType
        case missingField
        /// Members of more than one kind of manifest: `config` or `layers`, `manifests`, `blobs`.
        case bothManifestsAndLayers
        /// The document declares another type than the request.
        case mediaTypeMismatch
        case unsupportedMediaType
        case badSchemaVersion
        /// A value of a descriptor breaks its grammar or bounds.
        case badDescriptor
        case badArtifactType
        case tooManyDescriptors
    }

    public let code: Code
    /// A sentence for people. What it quotes of the document is escaped and cut.
    public let reason: String
    /// Where in the document, such as `layers[3].digest`; empty for the document as a whole.
    public let path: String

    public init(code: Code, reason: String, path: String = "") {
        self.code = code
        self.reason = reason
        self.path = path
    }

    init(_ error: JSONError) {
        let code: Code =
            switch error.code {
            case .malformed, .byteOrderMark, .trailingBytes: .notJSON
            case .invalidUTF8, .loneSurrogate: .invalidUTF8
            case .duplicateKey: .duplicateKey
            case .tooDeep: .tooDeep
            case .tooManyNodes: .tooManyNodes
            }
        self.init(code: code, reason: "\(error.reason) (at byte \(error.offset))")
    }

    public var description: String { "\(code.rawValue) at \"\(path)\": \(reason)" }
}
