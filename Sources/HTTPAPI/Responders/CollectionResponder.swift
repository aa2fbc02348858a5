// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import Maintenance
import NIOCore
import OCI
import Observability
import Registry

/// `/api/v1/collection`: what waits to be collected, and what was.
///
/// `GET` shows it to those who may `audit` or `admin`. `POST`, for those who may `admin`, begins a turn at once, and
/// answers 202 with its number: once `turns` is as large, everything that was due then has been looked at.
extension Responder {
    func collection(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head, .post])
        guard let collector else { throw RegistryError.readOnly("nothing is collected here") }
        var json = JSONWriter()
        var status = HTTPResponse.Status.ok
        if exchange.request.method == .post {
            guard collector.options.isEnabled else {
                throw RegistryError.readOnly("collection is switched off in the configuration")
            }
            let turn = collector.requestTurn()
            status = .accepted
            json.object { json in json.integers([("turn", turn)]) }
        } else {
            let standing = try await collector.status()
            json.object { json in json.collection(standing) }
        }
        return Answer(
            status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }

    /// `GET /api/v1/usage/storage`: what uses the disk, by what keeps it there, for those who may `audit` or `admin`.
    ///
    /// It reads the row of every blob and every name of a file, so one runs at a time: others are to come back.
    func storage(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        guard let collector else { throw RegistryError.readOnly("nothing is collected here") }
        guard let report = try await collector.storage() else {
            throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
        }
        var json = JSONWriter()
        json.object { json in
            for (name, blobs, bytes) in report.figures {
                json.key(name)
                json.object { json in json.integers([("blobs", blobs), ("bytes", bytes)]) }
            }
            json.integers([("bytes", report.bytes)])
        }
        return Self.json(.ok, json)
    }
}

extension JSONWriter {
    mutating func integers(_ members: [(String, Int64)]) {
        for (name, value) in members {
            key(name)
            integer(value)
        }
    }

    fileprivate mutating func collection(_ status: CollectionStatus) {
        key("enabled")
        bool(status.options.isEnabled)
        key("running")
        bool(status.isRunning)
        integers([
            ("turns", status.turns), ("grace_seconds", status.grace), ("undo_seconds", status.undo),
            ("links_per_second", Int64(status.options.linksPerSecond)),
            ("unlinks_per_second", Int64(status.options.unlinksPerSecond)),
        ])
        integers(status.storedFigures)
        key("backlog")
        object { json in json.integers(status.backlogFigures) }
        key("total")
        object { json in json.work(status.total) }
        if let turn = status.lastTurn {
            key("last_turn")
            object { json in
                json.integers([("number", turn.number), ("milliseconds", Int64(turn.nanoseconds / 1_000_000))])
                json.work(turn.work)
                if let failure = turn.failure { json.members([("failure", failure)]) }
            }
        }
        guard let audit = status.audit else { return }
        key("audit")
        object { json in json.audit(audit) }
    }

    private mutating func work(_ work: CollectionWork) {
        integers([
            ("purged_manifests", Int64(work.purgedManifests)), ("removed_links", Int64(work.removedLinks)),
            ("unused_bytes", work.unusedBytes), ("removed_blobs", Int64(work.removedBlobs)),
            ("freed_bytes", work.freedBytes), ("failures", Int64(work.failures)),
        ])
    }

    private mutating func audit(_ audit: AuditSummary) {
        members([("ended", Timestamp(seconds: audit.endedAt).description)])
        integers([
            ("repositories", Int64(audit.repositories)), ("skipped_repositories", Int64(audit.skippedRepositories)),
            ("manifests", Int64(audit.manifests)), ("links", Int64(audit.links)), ("blobs", Int64(audit.blobs)),
            ("findings", Int64(audit.findingCount)),
        ])
        key("first_findings")
        array { json in
            for finding in audit.findings { json.string(finding) }
        }
    }
}
