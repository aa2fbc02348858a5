// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
internal import OCI

extension RemoteRepository {
    /// How a registry answers to a request for a part of a blob.
    enum BlobAnswer: Sendable {
        /// From the byte asked for on.
        case part(Answer)
        /// From the first byte on: the registry does not know ranges.
        case whole(Answer)
    }

    /// Asks for the bytes of a blob from `start` up to, not including, `end`. One attempt.
    ///
    /// - Throws: `.integrity` for an answer that says that it has another part, or another length, than it must.
    func open(
        _ descriptor: Descriptor,
        from start: Int64,
        to end: Int64
    ) async throws(ClientError) -> BlobAnswer {
        let isWhole = start == 0 && end == descriptor.size
        let call = Call(
            target: target("blobs/\(descriptor.digest)"),
            headers: isWhole ? [] : [("Range", "bytes=\(start)-\(end - 1)")],
            accepted: [200, 206],
            purpose: "fetching the blob \(descriptor.digest) of \(name)",
            attempts: 1
        )
        let answer = try await send(call)
        let expected = answer.status == 206 ? end - start : descriptor.size
        if let length = answer.length, length != expected {
            throw ClientError(
                .integrity,
                "\(origin) serves \(length) bytes of \(descriptor.digest) where \(expected) were to come"
            )
        }
        if answer.status == 200 { return isWhole ? .part(answer) : .whole(answer) }
        let range = "bytes \(start)-\(end - 1)/\(descriptor.size)"
        guard answer["Content-Range"] == range else {
            let stated = ParsingError.quotable(answer["Content-Range"] ?? "")
            throw ClientError(.integrity, "\(origin) serves another part of \(descriptor.digest): \"\(stated)\"")
        }
        return .part(answer)
    }

    /// A blob that is small enough for memory, checked.
    ///
    /// - Throws: `.integrity` for other bytes than the descriptor says.
    func blob(_ descriptor: Descriptor) async throws(ClientError) -> [UInt8] {
        let call = Call(
            target: target("blobs/\(descriptor.digest)"),
            purpose: "fetching the blob \(descriptor.digest) of \(name)"
        )
        let excess = ClientError(.integrity, "\(origin) serves more bytes of \(descriptor.digest) than it has")
        let limit = Int(min(descriptor.size, ClientLimits.attachmentBytes))
        let (_, body) = try await fetch(call, limit: limit, excess: excess)
        let digest = try body.digest(descriptor.digest.algorithm)
        guard Int64(body.count) == descriptor.size, digest == descriptor.digest else {
            throw ClientError(
                .integrity,
                "\(origin) was asked for \(descriptor.digest) and serves bytes with the digest \(digest)"
            )
        }
        return body
    }

    /// Stores a small blob, unless it is there.
    func push(blob bytes: [UInt8]) async throws(ClientError) -> Digest {
        let digest = try bytes.digest()
        let question = Call(
            method: .HEAD,
            target: target("blobs/\(digest)"),
            accepted: [200, 404],
            purpose: "asking for the blob \(digest) of \(name)"
        )
        if try await send(question).status == 200 { return digest }
        let opening = Call(
            method: .POST,
            target: target("blobs/uploads/"),
            headers: [("Content-Length", "0")],
            accepted: [202],
            purpose: "opening an upload to \(name)"
        )
        let answer = try await send(opening, for: .pullAndPush)
        guard let location = answer["Location"], let address = try? answer.address.resolving(location),
            address.origin == origin
        else { throw ClientError(.network, "\(origin) opens an upload without a URL of its own") }
        let closing = Call(
            method: .PUT,
            target: address.adding("digest", digest.description).target,
            headers: [("Content-Type", MediaType.octetStream.description)],
            body: ByteBuffer(bytes: bytes),
            accepted: [201, 204],
            purpose: "uploading \(digest) to \(name)"
        )
        _ = try await send(closing, for: .pullAndPush)
        return digest
    }
}
