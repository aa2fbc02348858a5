// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import Maintenance
import NIOCore
import OCI
import Registry

/// An error answer: status, entries of the body, and headers that go with it.
struct ErrorAnswer: Sendable {
    var status: HTTPResponse.Status
    var entry: ErrorEntry
    var headers: HTTPFields = [:]

    init(
        _ status: HTTPResponse.Status,
        _ code: ErrorCode,
        _ message: String,
        detail: [(key: String, value: ErrorEntry.Detail)] = [],
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.headers = headers
        entry = ErrorEntry(code: code, message: message, detail: detail)
    }

    var answer: Answer {
        var answer = Answer(status, headers: headers, body: .bytes(ByteBuffer(bytes: ErrorBody.encode([entry]))))
        answer.headers[.contentType] = "application/json"
        answer.errorCode = entry.code.rawValue
        return answer
    }
}

/// What the HTTP front itself refuses.
enum RequestError: Error {
    case methodNotAllowed(allowed: String)
    case unsupportedMediaType(String)
    case badQuery(String)
    case badHeader(name: String, reason: String)
    case digestMissing
    case badDigest(ParsingError)
    case badTag(ParsingError)
    case badName(ParsingError)
    case tooManyTagsInPush(limit: Int)
    case catalogDisabled
}

extension HTTPResponse.Status {
    static let insufficientStorage = HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
}

/// The one table from what went wrong to the specification's code and a status.
enum ErrorTable {
    static func answer(for error: any Error) -> ErrorAnswer {
        switch error {
        case let error as RouteError: route(error)
        case let error as RequestError: request(error)
        case let error as RegistryError: registry(error)
        case let error as AccessRefusal: access(error)
        case let error as ScrubError:
            switch error.code {
            case .busy: ErrorAnswer(.conflict, .denied, error.reason)
            case .unknownRepository: ErrorAnswer(.notFound, .nameUnknown, error.reason)
            case .stuck, .storage: ErrorAnswer(.serviceUnavailable, .unknown, error.reason)
            }
        case IncomingBodyError.tooLarge(let limit):
            ErrorAnswer(
                .contentTooLarge,
                .sizeInvalid,
                "the body is larger than \(limit) bytes",
                detail: [("limit", .number(Int64(limit)))]
            )
        case IncomingBodyError.brokenOff:
            ErrorAnswer(.badRequest, .sizeInvalid, "the body ended before its declared length")
        default:
            ErrorAnswer(.internalServerError, .unknown, "the registry failed to do this; its log says why")
        }
    }

    private static func access(_ error: AccessRefusal) -> ErrorAnswer {
        switch error {
        case .unauthenticated(let challenge, let reason):
            ErrorAnswer(.unauthorized, .unauthorized, reason, headers: [.wwwAuthenticate: challenge])
        case .denied(let decision):
            ErrorAnswer(
                .forbidden,
                .denied,
                decision.message ?? "you may not do this here",
                detail: decision.rule.map { [("rule", .text($0))] } ?? []
            )
        case .limited(let what, let seconds):
            ErrorAnswer(
                .tooManyRequests,
                .tooManyRequests,
                "too many \(what); try again in \(seconds) s",
                detail: [("retry_after_seconds", .number(Int64(seconds)))],
                headers: [.retryAfter: String(seconds)]
            )
        }
    }

    private static func route(_ error: RouteError) -> ErrorAnswer {
        switch error {
        case .notFound:
            ErrorAnswer(.notFound, .unsupported, "no endpoint of the distribution API has this path")
        case .malformedPath(let part):
            ErrorAnswer(
                .badRequest,
                .nameInvalid,
                "malformed percent-encoding in the path",
                detail: [("part", .text(part))]
            )
        case .badName(let error): parsing(error, .nameInvalid)
        case .badDigest(let error): parsing(error, .digestInvalid)
        case .badTag(let error): parsing(error, .tagInvalid)
        }
    }

    private static func parsing(_ error: ParsingError, _ code: ErrorCode) -> ErrorAnswer {
        ErrorAnswer(.badRequest, code, error.reason, detail: [("value", .text(error.value))])
    }

    private static func request(_ error: RequestError) -> ErrorAnswer {
        switch error {
        case .methodNotAllowed(let allowed):
            ErrorAnswer(
                .methodNotAllowed,
                .unsupported,
                "this endpoint takes \(allowed)",
                headers: [.allow: allowed]
            )
        case .unsupportedMediaType(let text):
            ErrorAnswer(
                .badRequest,
                .manifestInvalid,
                "the Content-Type is not a media type",
                detail: [("value", .text(text))]
            )
        case .badQuery(let reason): ErrorAnswer(.badRequest, .unsupported, reason)
        case .badHeader(let name, let reason):
            ErrorAnswer(.badRequest, .unsupported, "header \(name): \(reason)", detail: [("header", .text(name))])
        case .digestMissing:
            ErrorAnswer(.badRequest, .digestInvalid, "the closing PUT needs ?digest=<algorithm>:<hex>")
        case .badDigest(let error): parsing(error, .digestInvalid)
        case .badTag(let error): parsing(error, .tagInvalid)
        case .badName(let error): parsing(error, .nameInvalid)
        case .tooManyTagsInPush(let limit):
            ErrorAnswer(
                .uriTooLong,
                .unsupported,
                "one push may set at most \(limit) tags",
                detail: [("limit", .number(Int64(limit)))]
            )
        case .catalogDisabled: ErrorAnswer(.notFound, .unsupported, "the catalog is not served")
        }
    }

    private static func registry(_ error: RegistryError) -> ErrorAnswer {
        switch error {
        case .nameUnknown(let name):
            ErrorAnswer(.notFound, .nameUnknown, "no such repository", detail: [("name", .text(name.description))])
        case .blobUnknown(let digest, let absence): blobUnknown(digest, absence)
        case .manifestUnknown(let reference):
            ErrorAnswer(
                .notFound,
                .manifestUnknown,
                "no such manifest",
                detail: [("reference", .text(reference.description))]
            )
        case .manifestDamaged(let digest):
            ErrorAnswer(
                .notFound,
                .manifestUnknown,
                "the manifest's bytes were found damaged and are not served; push it again to restore it",
                detail: [("digest", .text(digest.description)), ("reason", .text("damaged"))]
            )
        case .manifestInvalid, .manifestDigestMismatch, .manifestBlobUnknown, .manifestSizeInvalid,
            .manifestNestedTooDeep, .manifestReferenced, .manifestHasTooManyTags:
            manifest(error)
        case .uploadUnknown, .uploadBusy, .uploadOutOfOrder, .chunkLengthMismatch, .uploadsExhausted, .digestMismatch,
            .blobTooLarge:
            upload(error)
        case .blobReferenced(let digest, let manifests):
            ErrorAnswer(
                .methodNotAllowed,
                .unsupported,
                "manifests of this repository refer to the blob; delete them first",
                detail: [("digest", .text(digest.description)), ("manifests", .list(manifests.map(\.description)))],
                headers: [.allow: "GET, HEAD"]
            )
        case .preconditionFailed, .tooManyTags, .overwriteDenied, .pushDenied, .quotaExceeded: denied(error)
        case .bound, .lockShortened, .badPin, .badReport, .recordConflict: protection(error)
        case .storageFull(let reason):
            ErrorAnswer(
                .insufficientStorage,
                .unknown,
                "storage_full: the registry's disk has no room for this; reads and deletes go on",
                detail: [("reason", .text(reason))]
            )
        case .overloaded(let seconds):
            ErrorAnswer(
                .serviceUnavailable,
                .tooManyRequests,
                "more work is queued than can be done in time; try again",
                headers: [.retryAfter: String(seconds)]
            )
        case .elsewhere: elsewhere
        case .upstreamUnknown, .upstreamRefuses, .mirrorsOnly, .awayFromHome: mirrors(error)
        case .readOnly:
            ErrorAnswer(
                .serviceUnavailable,
                .denied,
                "read_only: this registry takes no changes at the moment; its log says why, and pulls go on"
            )
        case .untrusted, .quarantined, .notInLog, .logBehind, .notReplicated, .journal: trust(error)
        case .retention(let refusal, let reason): retention(refusal, reason)
        case .fault: ErrorAnswer(.internalServerError, .unknown, "the registry failed to do this; its log says why")
        }
    }

    /// What is asked for correctly, and is not to be.
    private static func denied(_ error: RegistryError) -> ErrorAnswer {
        switch error {
        case .preconditionFailed(let current):
            ErrorAnswer(
                .preconditionFailed,
                .denied,
                "the tag does not point to what the condition asks for",
                detail: [("current", .text(current?.description ?? "none"))]
            )
        case .tooManyTags(let limit):
            ErrorAnswer(
                .forbidden,
                .denied,
                "the repository has as many entries of this kind as it may",
                detail: [("limit", .number(Int64(limit)))]
            )
        case .overwriteDenied(let tag, let current, let reason):
            ErrorAnswer(
                .forbidden,
                .denied,
                reason,
                detail: [("tag", .text(tag.description)), ("current", .text(current.description))]
            )
        case .pushDenied:
            ErrorAnswer(
                .forbidden,
                .denied,
                "only signatures, attestations and other referrers may be attached here: "
                    + "a manifest with a subject, under no tag but one of the form sha256-<hex>.<suffix>"
            )
        case .quotaExceeded(let prefix, let limit, let used, let needed):
            ErrorAnswer(
                .insufficientStorage,
                .denied,
                "quota exceeded: these repositories may not hold that many bytes",
                detail: [
                    ("prefix", .text(prefix)), ("limit", .number(limit)), ("used", .number(used)),
                    ("needed", .number(needed)),
                ]
            )
        default: ErrorAnswer(.forbidden, .denied, "this is not allowed")
        }
    }

    private static func blobUnknown(_ digest: Digest, _ absence: BlobAbsence) -> ErrorAnswer {
        let (message, reason) =
            switch absence {
            case .notLinked: ("no such blob in this repository", nil as String?)
            case .fileMissing: ("the blob's bytes are missing here; push it again to restore it", "missing")
            case .corrupt:
                ("the blob's bytes were found damaged and are not served; push it again to restore it", "damaged")
            }
        var detail: [(key: String, value: ErrorEntry.Detail)] = [("digest", .text(digest.description))]
        if let reason { detail.append(("reason", .text(reason))) }
        return ErrorAnswer(.notFound, .blobUnknown, message, detail: detail)
    }

    private static func manifest(_ error: RegistryError) -> ErrorAnswer {
        switch error {
        case .manifestInvalid(let error):
            return ErrorAnswer(
                error.code == .tooLarge ? .contentTooLarge : .badRequest,
                .manifestInvalid,
                error.reason,
                detail: [("path", .text(error.path))]
            )
        case .manifestDigestMismatch(let given, let actual):
            return ErrorAnswer(
                .badRequest,
                .digestInvalid,
                "the manifest's bytes do not have the digest in the path",
                detail: [("given", .text(given.description)), ("actual", .text(actual.description))]
            )
        case .manifestBlobUnknown(let digests):
            return ErrorAnswer(
                .badRequest,
                .manifestBlobUnknown,
                "the manifest refers to content that this repository does not hold; push that first",
                detail: [("digests", .list(digests.map(\.description)))]
            )
        case .manifestSizeInvalid(let digest, let declared, let stored):
            return ErrorAnswer(
                .badRequest,
                .sizeInvalid,
                "a descriptor's size is not the size of its content",
                detail: [
                    ("digest", .text(digest.description)), ("declared", .number(declared)), ("stored", .number(stored)),
                ]
            )
        case .manifestNestedTooDeep(let limit):
            return ErrorAnswer(
                .badRequest,
                .manifestInvalid,
                "indexes are nested deeper than allowed",
                detail: [("limit", .number(Int64(limit)))]
            )
        case .manifestReferenced(let digest, let parents):
            return ErrorAnswer(
                .methodNotAllowed,
                .unsupported,
                "an index of this repository lists the manifest; delete that first",
                detail: [("digest", .text(digest.description)), ("indexes", .list(parents.map(\.description)))],
                headers: [.allow: "GET, HEAD, PUT"]
            )
        case .manifestHasTooManyTags(let digest, let limit):
            return ErrorAnswer(
                .methodNotAllowed,
                .unsupported,
                "the manifest has more tags than fall with it at once; delete tags first",
                detail: [("digest", .text(digest.description)), ("limit", .number(Int64(limit)))],
                headers: [.allow: "GET, HEAD, PUT"]
            )
        default:
            return ErrorAnswer(.badRequest, .manifestInvalid, "the manifest was refused")
        }
    }

    private static func upload(_ error: RegistryError) -> ErrorAnswer {
        switch error {
        case .uploadUnknown(let id):
            return ErrorAnswer(
                .notFound,
                .blobUploadUnknown,
                "no such upload session in this repository; start a new one",
                detail: [("session", .text(String(id.prefix(64))))]
            )
        case .uploadBusy(let offset):
            return ErrorAnswer(
                .rangeNotSatisfiable,
                .blobUploadInvalid,
                "another request is writing to this session",
                detail: [("offset", .number(offset))]
            )
        case .uploadOutOfOrder(let offset, let given):
            return ErrorAnswer(
                .rangeNotSatisfiable,
                .blobUploadInvalid,
                "the chunk does not begin where the session ends",
                detail: [("offset", .number(offset)), ("given", .number(given))]
            )
        case .chunkLengthMismatch(let declared, let received, let offset):
            return ErrorAnswer(
                .badRequest,
                .sizeInvalid,
                "Content-Range and the body's length disagree",
                detail: [
                    ("declared", .number(declared)), ("received", .number(received)), ("offset", .number(offset)),
                ]
            )
        case .digestMismatch(let given, let actual):
            return ErrorAnswer(
                .badRequest,
                .digestInvalid,
                "the bytes received do not have the digest given; nothing was stored",
                detail: [("given", .text(given.description)), ("actual", .text(actual?.description ?? "unknown"))]
            )
        case .blobTooLarge(let limit):
            return ErrorAnswer(
                .contentTooLarge,
                .sizeInvalid,
                "the blob is larger than this registry accepts",
                detail: [("limit", .number(limit))]
            )
        case .uploadsExhausted(let limit):
            return ErrorAnswer(
                .tooManyRequests,
                .tooManyRequests,
                "as many uploads are open as one may have; finish or cancel some",
                detail: [("limit", .number(Int64(limit)))],
                headers: [.retryAfter: String(RegistryLimits.retryAfterSeconds)]
            )
        default:
            return ErrorAnswer(.badRequest, .blobUploadInvalid, "the upload was refused")
        }
    }
}
