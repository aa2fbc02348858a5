// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
internal import OCI
internal import Synchronization
internal import Transparency

/// Asks a registry for its log: proofs, and the tiles of tlog-tiles. Nothing that it returns is verified.
struct LogClient: Sendable {
    let repository: RemoteRepository

    /// The proof of the change that made a reference stand for what it does.
    ///
    /// - Throws: `.policy` where the registry keeps no log, or has none for this; `.integrity` for what is no proof,
    /// and where the proof is withheld.
    func proof(
        of reference: Reference,
        attempts: Int = ClientLimits.attempts
    ) async throws(ClientError) -> TransparencyProof {
        let call = RemoteRepository.Call(
            target: repository.target("_cairn/proof/\(reference)"),
            purpose: "fetching the proof of \(repository.name) \(reference)",
            attempts: attempts
        )
        let body: [UInt8]
        do {
            body = try await repository.fetch(call, limit: ClientLimits.proofBytes).body
        } catch {
            guard error.code == .notFound else { throw Self.withheld(error, "the log does not prove \(reference)") }
            throw ClientError(.policy, "\(repository.origin) has no proof for \(repository.name) \(reference)")
        }
        do {
            return try TransparencyProof(parsing: body)
        } catch {
            throw ClientError(.integrity, "\(repository.origin) serves what is no proof: \(error.reason)")
        }
    }

    /// Tiles of a tree.
    ///
    /// - Throws: `.integrity` for bytes that are no tile, and for tiles that are withheld: who has signed a tree must
    /// show it.
    func tiles(_ paths: [TilePath]) async throws(ClientError) -> [TilePath: [TreeHash]] {
        let result = Mutex<[TilePath: [TreeHash]]>([:])
        try await Parallel.forEach(paths, width: ClientLimits.parallelTiles) { path throws(ClientError) in
            do throws(ClientError) {
                let hashes = try await tile(path)
                result.withLock { $0[path] = hashes }
            } catch {
                throw Self.withheld(error, "the log does not prove that it only grew")
            }
        }
        return result.withLock { $0 }
    }

    /// A tile; where a partial one is gone because the log grew, the beginning of the full one.
    private func tile(_ path: TilePath) async throws(ClientError) -> [TreeHash] {
        do {
            return try await fetch(path)
        } catch {
            guard error.code == .notFound, path.isPartial, let full = path.full else { throw error }
            return Array(try await fetch(full).prefix(path.width))
        }
    }

    /// A refusal by a log, which is no lack of a right, or of a thing that was asked for: the log does not prove what
    /// it must. Other failures stay what they are.
    private static func withheld(_ error: ClientError, _ what: String) -> ClientError {
        switch error.code {
        case .notFound, .denied, .refused: ClientError(.integrity, "\(what): \(error.reason)")
        case .usage, .policy, .keptBack, .integrity, .network, .storage: error
        }
    }

    private func fetch(_ path: TilePath) async throws(ClientError) -> [TreeHash] {
        let call = RemoteRepository.Call(target: "/log/\(path)", purpose: "fetching \(path) of the log")
        let excess = ClientError(.integrity, "\(repository.origin) serves as \(path) what is too long for a tile")
        let (_, body) = try await repository.fetch(call, limit: Tile.fullByteCount, excess: excess)
        do {
            return try Tile.hashes(from: body, width: path.width)
        } catch {
            throw ClientError(.integrity, "\(repository.origin) serves as \(path) what is no tile: \(error.reason)")
        }
    }
}
