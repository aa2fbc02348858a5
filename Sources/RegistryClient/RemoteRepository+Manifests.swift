// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import NIOCore
internal import NIOHTTP1
package import OCI

/// A manifest as it was served, with the digest of those bytes.
package struct FetchedManifest: Hashable, Sendable {
    package let manifest: Manifest
    package let digest: Digest

    package var descriptor: Descriptor {
        Descriptor(mediaType: manifest.mediaType, digest: digest, size: Int64(manifest.bytes.count))
    }
}

/// What a registry says of a tag.
package enum TagStand: Sendable {
    case absent
    /// Its digest, as the registry says.
    case digest(Digest)
    /// The manifest itself, from a registry that gives no digest without it.
    case manifest(FetchedManifest)
}

extension RemoteRepository {
    private static let manifestTypes: [MediaType] = [
        .imageIndex, .imageManifest, .dockerManifestList, .dockerManifest,
    ]

    /// The manifest of a tag or digest.
    ///
    /// - Throws: `.integrity` where the bytes have another digest than was asked for, or than the answer says, or are
    /// no manifest.
    package func manifest(_ reference: Reference) async throws(ClientError) -> FetchedManifest {
        let call = manifestCall(reference)
        let (answer, body) = try await fetch(call, limit: OCILimits.manifestBytesLimit)
        return try read(body, of: answer, as: reference)
    }

    /// What a tag stands for, with as few bytes as the registry lets it be known: a HEAD, else a GET that is
    /// answered with 304 where the tag has the digest that is known.
    ///
    /// - Throws: As `manifest`.
    package func stand(of tag: Tag, known: Digest?) async throws(ClientError) -> TagStand {
        do {
            var call = manifestCall(.tag(tag))
            (call.method, call.accepted, call.attempts) = (.HEAD, [200, 405, 501], 1)
            let answer = try await send(call)
            let digest = answer["Docker-Content-Digest"].flatMap { Digest($0) }
            if answer.status == 200, let digest { return .digest(digest) }
            call = manifestCall(.tag(tag))
            if let known {
                call.headers.append(("If-None-Match", "\"\(known)\""))
                call.accepted = [200, 304]
            }
            let (found, body) = try await fetch(call, limit: OCILimits.manifestBytesLimit)
            if let known, found.status == 304 { return .digest(known) }
            return .manifest(try read(body, of: found, as: .tag(tag)))
        } catch {
            guard error.code == .notFound else { throw error }
            return .absent
        }
    }

    private func manifestCall(_ reference: Reference) -> Call {
        Call(
            target: target("manifests/\(reference)"),
            headers: Self.manifestTypes.map { ("Accept", $0.description) },
            purpose: "fetching the manifest \(reference) of \(name)"
        )
    }

    private func read(
        _ body: [UInt8],
        of answer: Answer,
        as reference: Reference
    ) throws(ClientError) -> FetchedManifest {
        let digest = try checkedDigest(of: body, reference, answer)
        do {
            let contentType = try Self.mediaType(of: answer)
            return FetchedManifest(manifest: try Manifest(parsing: body, contentType: contentType), digest: digest)
        } catch {
            throw ClientError(.integrity, "\(origin) serves as \(name) \(reference) what is no manifest: \(error)")
        }
    }

    /// The same; nil where there is none.
    package func manifestIfPresent(_ reference: Reference) async throws(ClientError) -> FetchedManifest? {
        do {
            return try await manifest(reference)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// The same of a tag that clients keep attachments under. The registry's rules may forbid to pull by tag, and then
    /// refuse it whether it is there or not: it counts as absent, and a warning is added.
    func attachedManifest(
        _ tag: Tag,
        warnings: inout [String]
    ) async throws(ClientError) -> FetchedManifest? {
        do {
            return try await manifestIfPresent(.tag(tag))
        } catch {
            guard error.code == .denied else { throw error }
            warnings.append("the tag \(tag) was not looked at: \(error.reason)")
            return nil
        }
    }

    /// What a tag or digest stands for, by the head of the answer alone: what it leads to is not seen, and a registry
    /// may say so much of an image that it keeps back.
    ///
    /// - Throws: `.integrity` where the answer is about another digest than was asked for, or lacks digest, length or
    /// type.
    func headOfManifest(_ reference: Reference) async throws(ClientError) -> Descriptor {
        let call = Call(
            method: .HEAD,
            target: target("manifests/\(reference)"),
            headers: Self.manifestTypes.map { ("Accept", $0.description) },
            purpose: "asking for the manifest \(reference) of \(name)"
        )
        let answer = try await send(call)
        guard let digest = answer["Docker-Content-Digest"].flatMap({ Digest($0) }), let size = answer.length,
            (1...Int64(OCILimits.manifestBytesLimit)).contains(size), let type = try? Self.mediaType(of: answer)
        else {
            throw ClientError(.integrity, "\(origin) answers for \(name) \(reference) without digest, length or type")
        }
        if let expected = reference.digest, expected != digest {
            throw ClientError(.integrity, "\(origin) was asked for \(expected) and answers for \(digest)")
        }
        return Descriptor(mediaType: type, digest: digest, size: size)
    }

    /// The type without its parameters; nil where the answer has none.
    private static func mediaType(of answer: Answer) throws(ParsingError) -> MediaType? {
        guard let text = answer["Content-Type"] else { return nil }
        return try MediaType(parsing: trimmed(text.prefix { $0 != ";" }))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }

    private func checkedDigest(
        of body: [UInt8],
        _ reference: Reference,
        _ answer: Answer
    ) throws(ClientError) -> Digest {
        let stated = answer["Docker-Content-Digest"].flatMap { Digest($0) }
        let expected = reference.digest ?? stated
        let digest = try body.digest(expected?.algorithm ?? .sha256)
        if let expected, expected != digest {
            let promise = reference.digest == nil ? "says that \(name):\(reference) is" : "was asked for"
            throw ClientError(.integrity, "\(origin) \(promise) \(expected) and serves bytes with the digest \(digest)")
        }
        if let stated, stated != digest, stated.algorithm == digest.algorithm {
            throw ClientError(.integrity, "\(origin) says that it serves \(stated) and serves \(digest)")
        }
        return digest
    }

    /// What became of a manifest that was sent.
    enum Stored: Hashable, Sendable {
        /// `knowsSubject` tells that the registry lists it with its subject's referrers (`OCI-Subject`).
        case stored(knowsSubject: Bool)
        /// The condition did not hold.
        case conflict
    }

    /// Stores a manifest.
    ///
    /// The condition is a header such as `If-Match`, for a tag that others may change at the same time. Registries that
    /// do not know it store the manifest in any case.
    func put(
        manifest bytes: [UInt8],
        type: MediaType,
        at reference: Reference,
        condition: (String, String)? = nil
    ) async throws(ClientError) -> Stored {
        let call = Call(
            method: .PUT,
            target: target("manifests/\(reference)"),
            headers: [("Content-Type", type.description)] + (condition.map { [$0] } ?? []),
            body: ByteBuffer(bytes: bytes),
            accepted: condition == nil ? [200, 201, 202] : [200, 201, 202, 412],
            purpose: "storing the manifest \(reference) in \(name)"
        )
        let answer = try await send(call, for: .pullAndPush)
        return answer.status == 412 ? .conflict : .stored(knowsSubject: answer["OCI-Subject"] != nil)
    }
}

extension RemoteRepository {
    /// Sets a tag to a manifest that the repository has.
    ///
    /// - Throws: `.notFound` where it has none of that digest; `.refused` for a tag that may not be moved.
    package func point(_ tag: Tag, to digest: Digest) async throws(ClientError) {
        let fetched = try await manifest(.digest(digest))
        _ = try await put(manifest: fetched.manifest.bytes, type: fetched.manifest.mediaType, at: .tag(tag))
    }
}

extension [UInt8] {
    /// The digest of the bytes.
    func digest(_ algorithm: Digest.Algorithm = .sha256) throws(ClientError) -> Digest {
        do {
            return try Digest.of(self, algorithm: algorithm)
        } catch {
            throw ClientError(.usage, "\(algorithm.name) cannot be computed here: \(error)")
        }
    }
}
