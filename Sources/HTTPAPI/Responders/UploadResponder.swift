// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Registry
import Tracing

/// What upload answers share.
enum UploadResponder {
    /// The `Range` of a session: what has arrived, inclusive. Clients expect `0-0` of an empty one.
    static func range(_ offset: Int64) -> String {
        "0-\(max(0, offset - 1))"
    }

    static func location(_ name: RepositoryName, _ id: UploadID) -> String {
        "/v2/\(name)/blobs/uploads/\(id)"
    }

    static func session(_ status: HTTPResponse.Status, _ name: RepositoryName, _ id: UploadID, _ offset: Int64)
        -> Answer
    {
        Answer(
            status,
            headers: [
                .location: location(name, id),
                .range: range(offset),
                Header.uploadUUID: id.description,
            ]
        )
    }

    static func stored(_ name: RepositoryName, _ digest: Digest) -> Answer {
        let text = digest.description
        var answer = Answer(
            .created,
            headers: [.location: "/v2/\(name)/blobs/\(text)", Header.contentDigest: text]
        )
        answer.digest = text
        return answer
    }
}

/// end-4, end-5, end-6, end-11, end-13 and end-14: upload sessions.
extension Responder {
    /// `POST …/uploads/`: opens a session, stores a whole blob, or mounts one.
    func startUpload(_ exchange: Exchange, _ name: RepositoryName, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.post])
        if let text = exchange.query["mount"] {
            let digest = try Self.digest(text)
            let source = try exchange.query["from"].map { try Self.repositoryName($0) }
            if try await registry.mount(digest, from: source, to: name, caller: exchange.caller) {
                return UploadResponder.stored(name, digest)
            }
        } else if let text = exchange.query["digest"] {
            return try await putWhole(exchange, name, try Self.digest(text), body: &body)
        }
        var hint: Digest.Algorithm?
        if let text = exchange.query["digest-algorithm"] {
            do {
                hint = try Digest.Algorithm(parsing: text)
            } catch {
                throw RequestError.badDigest(error)
            }
        }
        let session = try await registry.startUpload(in: name, hint: hint, expectedBytes: nil, caller: exchange.caller)
        return UploadResponder.session(.accepted, name, session.id, 0)
    }

    func upload(
        _ exchange: Exchange,
        _ name: RepositoryName,
        _ id: String,
        body: inout IncomingBody
    ) async throws -> Answer {
        try exchange.require([.get, .patch, .put, .delete])
        switch exchange.request.method {
        case .patch:
            let session = try await registry.upload(id, in: name, caller: exchange.caller)
            let claim = try registry.claim(session)
            defer { claim.release() }
            let offset = try await receive(exchange, claim, body: &body)
            return UploadResponder.session(.accepted, name, session.id, offset)
        case .put:
            guard let text = exchange.query["digest"] else { throw RequestError.digestMissing }
            let digest = try Self.digest(text)
            let session = try await registry.upload(id, in: name, caller: exchange.caller)
            let claim = try registry.claim(session)
            defer { claim.release() }
            _ = try await receive(exchange, claim, body: &body)
            try await registry.commit(claim, as: digest, in: name, caller: exchange.caller)
            return UploadResponder.stored(name, digest)
        case .delete:
            try await registry.cancelUpload(id, in: name, caller: exchange.caller)
            return Answer(.noContent)
        default:
            let session = try await registry.upload(id, in: name, caller: exchange.caller)
            return UploadResponder.session(.noContent, name, session.id, session.offset)
        }
    }

    /// `POST …/uploads/?digest=`: the whole blob in one request.
    private func putWhole(
        _ exchange: Exchange,
        _ name: RepositoryName,
        _ digest: Digest,
        body: inout IncomingBody
    ) async throws -> Answer {
        if let length = body.declaredLength, length <= Int64(HTTPLimits.bodyInMemory) {
            let span = ServiceContext.current.map { startSpan("body.receive", context: $0) }
            defer { span?.end() }
            let bytes = try await body.collect(limit: HTTPLimits.bodyInMemory)
            span?.end()
            try await registry.putBlob(bytes, as: digest, in: name, caller: exchange.caller)
            return UploadResponder.stored(name, digest)
        }
        let session = try await registry.startUpload(
            in: name,
            hint: digest.algorithm,
            expectedBytes: body.declaredLength,
            caller: exchange.caller
        )
        let claim = try registry.claim(session)
        defer { claim.release() }
        do {
            _ = try await receive(exchange, claim, body: &body)
        } catch {
            // The client was never told the session's address, so nobody could resume it.
            claim.release()
            try? await registry.cancelUpload(session.id.description, in: name, caller: exchange.caller)
            throw error
        }
        try await registry.commit(claim, as: digest, in: name, caller: exchange.caller)
        return UploadResponder.stored(name, digest)
    }

    /// Appends a request's body to a session. What arrived of a body that broke off stays, so that the client can go on
    /// from there.
    ///
    /// - Returns: The session's offset after it.
    private func receive(
        _ exchange: Exchange,
        _ claim: UploadClaim,
        body: inout IncomingBody
    ) async throws -> Int64 {
        let start = claim.offset
        var chunk: ChunkRange?
        if let text = exchange.headers[.contentRange] {
            guard let parsed = ChunkRange(parsing: text) else {
                throw RequestError.badHeader(
                    name: "Content-Range",
                    reason: "must be <first byte>-<last byte>, such as 0-1023"
                )
            }
            guard parsed.start == start else {
                throw RegistryError.uploadOutOfOrder(offset: start, given: parsed.start)
            }
            if let declared = body.declaredLength, declared != parsed.count {
                throw RegistryError.chunkLengthMismatch(declared: parsed.count, received: declared, offset: start)
            }
            chunk = parsed
        }
        let span = ServiceContext.current.map { startSpan("body.receive", context: $0) }
        defer { span?.end() }
        if let length = body.declaredLength, length > 0 { try await claim.reserve(length) }
        do {
            while let buffer = try await body.next() { try await claim.append(buffer) }
        } catch let error as IncomingBodyError {
            _ = try await claim.flush()
            throw error
        }
        let offset = try await claim.flush()
        if let chunk, offset - start != chunk.count {
            throw RegistryError.chunkLengthMismatch(declared: chunk.count, received: offset - start, offset: offset)
        }
        return offset
    }

    private static func digest(_ text: String) throws(RequestError) -> Digest {
        do {
            return try Digest(parsing: text)
        } catch {
            throw .badDigest(error)
        }
    }

    private static func repositoryName(_ text: String) throws(RequestError) -> RepositoryName {
        do {
            return try RepositoryName(parsing: text)
        } catch {
            throw .badName(error)
        }
    }
}
