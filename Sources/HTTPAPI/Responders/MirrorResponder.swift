// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import Journal
import NIOCore
import OCI
import Registry
import Replication
import Transparency

/// `/log/mirror/…`: other regions' logs, as far as they are here.
extension Responder {
    func mirrored(_ exchange: Exchange, _ resource: MirrorResource) async throws -> Answer {
        guard let mirrors = regions?.mirrors, let mirror = mirrors.mirror(resource.log) else {
            throw RegistryError.notInLog("no log of that name is followed here")
        }
        switch resource.file {
        case .checkpoint:
            guard let signed = mirror.signed else { throw RegistryError.notInLog("nothing of it is here yet") }
            return Self.text(signed.note)
        case .applied:
            let size = try exchange.number("after")
            let note = await mirrors.confirmed(resource.log, after: size) {
                try await Task.sleep(for: ReplicationLimits.longestWait)
            }
            guard let note else { return Answer(.noContent, headers: [.cacheControl: "no-cache"]) }
            return Self.text(note)
        case .tile(let path):
            guard let tile = try? TilePath(parsing: path) else {
                throw RegistryError.notInLog("'\(path.prefix(80))' is not the path of a tile")
            }
            return Self.tile(try await mirror.tile(tile), exchange)
        }
    }

    /// Bytes that never change.
    static func tile(_ bytes: [UInt8], _ exchange: Exchange) -> Answer {
        Answer(
            .ok,
            headers: [
                .contentType: "application/octet-stream",
                .cacheControl: "\(exchange.identity == nil ? "public" : "private"), max-age=31536000, immutable",
            ],
            body: .bytes(ByteBuffer(bytes: bytes))
        )
    }
}
