// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import OCI
import Registry
import Replication

/// Immutable tags get a value only where the repository's home is. Another region stores the image, and has the home
/// set the tags: what the client is told was then decided in one place, and the image is in two.
extension Responder {
    enum Storing {
        case stored(StoredPush)
        /// What the home answers.
        case refused(Answer)
    }

    /// Stores a manifest here, and its immutable tags where they are set.
    ///
    /// - Parameters:
    ///   - push: The manifest.
    ///   - name: Its repository.
    ///   - exchange: The request.
    /// - Returns: What came of it.
    /// - Throws: As `Registry.putManifest`; `RegistryError.awayFromHome` where the home does not answer.
    func store(_ push: ManifestPush, in name: RepositoryName, _ exchange: Exchange) async throws -> Storing {
        guard let homes = regions?.homes else {
            return .stored(try await registry.putManifest(push, in: name, caller: exchange.caller))
        }
        // Who may not replicate is no region: what he pushes is pushed as by any client.
        let isRegion = exchange.caller.isReplica || exchange.identity == nil
        guard exchange.headers[Header.handedOnBy] == nil || !isRegion else {
            return .stored(try await storeHanded(push, in: name, exchange, homes))
        }
        do {
            return .stored(try await putOnceSettled(push, in: name, exchange, homes))
        } catch RegistryError.awayFromHome(let log?, let reason) where log != regions?.origin {
            return try await handOn(push, in: name, exchange, homes, to: log, reason)
        }
    }

    /// Another region has the image. It comes with that region's log, as any other.
    private func storeHanded(
        _ push: ManifestPush,
        in name: RepositoryName,
        _ exchange: Exchange,
        _ homes: RepositoryHomes
    ) async throws -> StoredPush {
        let digest = try push.digest
        do {
            return try await putOnceSettled(push, in: name, exchange, homes)
        } catch RegistryError.manifestBlobUnknown {
            let hasCome = try await homes.wait(atMost: ReplicationLimits.homeImageWait) {
                try await registry.hasManifest(digest, in: name)
            }
            guard hasCome else {
                throw RegistryError.awayFromHome(log: nil, reason: "the image has not come from the other region yet")
            }
            return try await putOnceSettled(push, in: name, exchange, homes)
        }
    }

    /// Stores a manifest as soon as it is known that nothing stands against it elsewhere: what that waits for comes
    /// within moments, unless a region is down.
    private func putOnceSettled(
        _ push: ManifestPush,
        in name: RepositoryName,
        _ exchange: Exchange,
        _ homes: RepositoryHomes
    ) async throws -> StoredPush {
        var stored: StoredPush?
        var refusal: (any Error)?
        _ = try await homes.wait(atMost: ReplicationLimits.homeSettleWait) {
            do {
                stored = try await registry.putManifest(push, in: name, caller: exchange.caller)
                return true
            } catch RegistryError.awayFromHome(let log, let reason) where log == nil || log == regions?.origin {
                refusal = RegistryError.awayFromHome(log: log, reason: reason)
                return false
            }
        }
        if let stored { return stored }
        throw refusal ?? RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
    }

    private func handOn(
        _ push: ManifestPush,
        in name: RepositoryName,
        _ exchange: Exchange,
        _ homes: RepositoryHomes,
        to log: String,
        _ reason: String
    ) async throws -> Storing {
        let named: [Tag] = push.reference.tag.map { [$0] } ?? []
        let tags = named + push.tags
        // Whether he may was decided with all tags.
        var caller = exchange.caller
        caller.mayPush = { _ in true }
        var image = push
        image.tags = []
        image.condition = .none
        image.reference = .digest(try push.digest)
        var stored = try await registry.putManifest(image, in: name, caller: caller)
        let answer: HomeAnswer
        do {
            answer = try await homes.hand(
                HomePush(
                    repository: name,
                    digest: stored.digest,
                    tags: tags.filter(caller.isImmutable),
                    mediaType: exchange.headers[.contentType],
                    bytes: push.bytes,
                    headers: exchange.handedHeaders
                ),
                to: log
            )
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.notice(
                "the home of a repository does not set an immutable tag",
                metadata: ["repository": "\(name)", "home": "\(log)", "why": "\(error)"]
            )
            throw RegistryError.awayFromHome(log: log, reason: "\(reason), which does not do it now: \(error)")
        }
        if case .refused(let status, let body) = answer {
            logger.notice(
                "the home of a repository refuses a push that was handed on",
                metadata: [
                    "repository": "\(name)", "home": "\(log)", "status": "\(status)",
                    "answer": "\(ParsingError.quotable(String(decoding: body, as: UTF8.self)))",
                ]
            )
            return .refused(Self.refusal(status, body, reason))
        }
        image.tags = tags.filter { !caller.isImmutable($0) }
        image.condition = push.condition
        if !image.tags.isEmpty { stored = try await registry.putManifest(image, in: name, caller: caller) }
        // Who pulls here next sees what he has pushed. Later than this it comes with the home's log all the same.
        let digest = stored.digest
        let isHere = try await homes.wait(atMost: ReplicationLimits.homeTagWait) {
            for tag in tags where try await registry.currentDigest(of: tag, in: name) != digest { return false }
            return true
        }
        guard isHere || !mustBeReplicated(exchange) else {
            throw RegistryError.notReplicated("the tag is set in its home region, and has not come here from there yet")
        }
        return .stored(
            StoredPush(digest: digest, subject: stored.subject, event: stored.event, tags: tags)
        )
    }
}

extension Responder {
    /// The home's answer, with the sentence that says whose it is.
    private static func refusal(_ status: Int, _ body: [UInt8], _ reason: String) -> Answer {
        let first = (try? JSONValue(parsing: body))?["errors"]?.elements?.first
        let message = first?["message"]?.text ?? "it answers \(status)"
        let entry = ErrorEntry(
            code: first?["code"]?.text.flatMap { ErrorCode(rawValue: $0) } ?? .denied,
            message: "\(message) (\(reason), which says so)"
        )
        let bytes = ByteBuffer(bytes: ErrorBody.encode([entry]))
        return Answer(.init(code: status), headers: [.contentType: "application/json"], body: .bytes(bytes))
    }
}

extension Responder.Exchange {
    /// What the home has to know of the client's request.
    fileprivate var handedHeaders: [(name: String, value: String)] {
        let names: [HTTPField.Name] = [.ifMatch, .ifNoneMatch]
        return names.compactMap { name in headers[name].map { (name.rawName, $0) } }
            + [(Header.requestID.rawName, caller.requestID)]
    }
}
