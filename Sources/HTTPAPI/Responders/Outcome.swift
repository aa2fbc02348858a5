// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import OCI
import Observability
import Registry

/// What became of a request, for the log and the figures.
struct Outcome {
    /// One of the methods that routes know, or `other`: a client must not make series.
    let method: String
    /// The request target, of which the log takes the beginning.
    let target: String
    /// nil for what is no route.
    let named: Route?
    let repository: RepositoryName?
    let status: Int
    /// The digest that the answer was about.
    var digest: String?
    /// The code of an error answer.
    var errorCode: String?
    let requestID: String
    let principal: String
    let address: String?
    let received: Int64
    /// Bytes of the answer's body.
    let sent: Int64
    let elapsed: Duration
    var failure: (any Error)?
    /// The trace that it belongs to; nil where none is kept.
    var trace: TraceContext?

    /// The label of the route.
    var route: String { named?.label ?? "unknown" }

    /// What `method` may be.
    static let methods = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "other"]

    static func method(_ method: HTTPRequest.Method) -> String {
        switch method {
        case .get: "GET"
        case .head: "HEAD"
        case .put: "PUT"
        case .post: "POST"
        case .patch: "PATCH"
        case .delete: "DELETE"
        default: "other"
        }
    }
}

extension Responder {
    func record(_ outcome: Outcome) {
        metrics.record(outcome)
        if let objectives, !objectives.isCanary(outcome.repository) {
            objectives.judge.judge(
                route: outcome.route,
                method: outcome.method,
                status: outcome.status,
                elapsed: outcome.elapsed
            )
        }
        guard let accessLog else { return }
        var metadata: Logger.Metadata = [
            "request_id": .string(outcome.requestID),
            "method": .string(outcome.method),
            "route": .string(outcome.route),
            "status": .stringConvertible(outcome.status),
            "bytes_in": .stringConvertible(outcome.received),
            "bytes_out": .stringConvertible(outcome.sent),
            "us": .stringConvertible(Int(outcome.elapsed / .microseconds(1))),
            "principal": .string(outcome.principal),
        ]
        if let address = outcome.address { metadata["address"] = .string(address) }
        if let repository = outcome.repository { metadata["repository"] = .string(repository.description) }
        if let digest = outcome.digest { metadata["digest"] = .string(digest) }
        if let code = outcome.errorCode { metadata["code"] = .string(code) }
        if outcome.route == "unknown" || outcome.status >= 400 {
            metadata["path"] = .string(String(outcome.target.prefix(HTTPLimits.loggedString)))
        }
        if let trace = outcome.trace { metadata["trace_id"] = .stringConvertible(trace.traceID) }
        if outcome.failure != nil { metadata["broken_off"] = "true" }
        accessLog.info("request", metadata: metadata)
    }

    /// The same for an answer of the hot lane.
    func recordHot(_ head: HTTPRequestHead, _ found: HotAnswers.Found, requestID: String, elapsed: Duration) {
        metrics.answeredHot()
        var outcome = Outcome(
            method: head.method == .HEAD ? "HEAD" : "GET",
            target: head.uri,
            named: .manifest(found.permission.repository, found.permission.reference),
            repository: found.permission.repository,
            status: 200,
            digest: found.manifest.digestText,
            requestID: requestID,
            principal: found.permission.principal,
            address: nil,
            received: 0,
            sent: head.method == .HEAD ? 0 : Int64(found.manifest.bytes.readableBytes),
            elapsed: elapsed
        )
        outcome.trace = traceHot(head, outcome)
        record(outcome)
    }
}
