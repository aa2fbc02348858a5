// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import Logging
import OCI

/// What became of a request, for the log and the figures.
struct Outcome {
    let request: Request
    let route: String
    let repository: RepositoryName?
    let answer: Answer
    let requestID: String
    let received: Int64
    let elapsed: Duration
    let failure: (any Error)?

    /// The request's method, if it is one that some route knows.
    var method: String {
        switch request.method {
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
        let answer = outcome.answer
        let isHead = outcome.request.method == .head
        let sent = isHead || outcome.failure != nil ? 0 : answer.length
        metrics.record(
            route: outcome.route,
            method: outcome.method,
            status: answer.status.code,
            elapsed: outcome.elapsed,
            received: outcome.received,
            sent: sent
        )
        guard let accessLog else { return }
        let microseconds = outcome.elapsed / .microseconds(1)
        var metadata: Logger.Metadata = [
            "request_id": .string(outcome.requestID),
            "method": .string(outcome.method),
            "route": .string(outcome.route),
            "status": .stringConvertible(answer.status.code),
            "bytes_in": .stringConvertible(outcome.received),
            "bytes_out": .stringConvertible(sent),
            "us": .stringConvertible(Int(microseconds)),
            "principal": "anonymous",
        ]
        if let repository = outcome.repository { metadata["repository"] = .string(repository.description) }
        if let digest = answer.digest { metadata["digest"] = .string(digest) }
        if let code = answer.errorCode { metadata["code"] = .string(code) }
        if outcome.route == "unknown" || answer.status.code >= 400 {
            metadata["path"] = .string(String((outcome.request.head.path ?? "").prefix(HTTPLimits.loggedString)))
        }
        if outcome.failure != nil { metadata["broken_off"] = "true" }
        accessLog.info("request", metadata: metadata)
    }
}
