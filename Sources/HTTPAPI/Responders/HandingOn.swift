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
        guard exchange.headers[Header.handedOnBy] == nil else {
            return .stored(try await storeHanded(push, in: name, exchange, homes))
        }
        do {
            return .stored(try await registry.putManifest(push, in: name, caller: exchange.caller))
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
        var stored: StoredPush?
        var missing: (any Error)?
        _ = try await homes.wait(atMost: ReplicationLimits.homeImageWait) {
            do {
                stored = try await registry.putManifest(push, in: name, caller: exchange.caller)
                return true
            } catch let error as RegistryError {
                guard case .manifestBlobUnknown = error else { throw error }
                missing = error
                return false
            }
        }
        guard let stored else {
            guard missing != nil else { throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds) }
            throw RegistryError.awayFromHome(log: nil, reason: "the image has not come from the other region yet")
        }
        return stored
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
            throw RegistryError.awayFromHome(log: log, reason: "\(reason), which does not answer")
        }
        if case .refused(let status, let body) = answer {
            let headers: HTTPFields = [.contentType: "application/json"]
            return .refused(Answer(.init(code: status), headers: headers, body: .bytes(ByteBuffer(bytes: body))))
        }
        image.tags = tags.filter { !caller.isImmutable($0) }
        if !image.tags.isEmpty { stored = try await registry.putManifest(image, in: name, caller: caller) }
        // Who pulls here next sees what he has pushed. Later than this it comes with the home's log all the same.
        let digest = stored.digest
        _ = try await homes.wait(atMost: ReplicationLimits.homeTagWait) {
            for tag in tags where try await registry.currentDigest(of: tag, in: name) != digest { return false }
            return true
        }
        return .stored(
            StoredPush(digest: digest, subject: stored.subject, event: stored.event, tags: tags)
        )
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
