// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The codes of error bodies: those of the distribution specification, then three that older registries also send and
/// clients understand.
public enum ErrorCode: String, Hashable, Sendable, CaseIterable {
    case blobUnknown = "BLOB_UNKNOWN"
    case blobUploadInvalid = "BLOB_UPLOAD_INVALID"
    case blobUploadUnknown = "BLOB_UPLOAD_UNKNOWN"
    case digestInvalid = "DIGEST_INVALID"
    /// A manifest refers to a blob or manifest that the repository does not hold.
    case manifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
    case manifestInvalid = "MANIFEST_INVALID"
    case manifestUnknown = "MANIFEST_UNKNOWN"
    case nameInvalid = "NAME_INVALID"
    case nameUnknown = "NAME_UNKNOWN"
    case sizeInvalid = "SIZE_INVALID"
    case unauthorized = "UNAUTHORIZED"
    case denied = "DENIED"
    case unsupported = "UNSUPPORTED"
    case tooManyRequests = "TOOMANYREQUESTS"

    case rangeInvalid = "RANGE_INVALID"
    case tagInvalid = "TAG_INVALID"
    case unknown = "UNKNOWN"
}
