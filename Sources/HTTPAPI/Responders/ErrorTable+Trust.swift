// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import Journal
import OCI
import Registry

extension ErrorTable {
    /// What trust policy, quarantine and the log answer.
    static func trust(_ error: RegistryError) -> ErrorAnswer {
        switch error {
        case .untrusted(let digest, let failures):
            ErrorAnswer(
                .forbidden,
                .denied,
                "the trust policy keeps this image back: \(failures.first?.reason ?? "it lacks what is required")",
                detail: [
                    ("digest", .text(digest.description)),
                    ("reasons", .list(failures.map { "\($0.requirement): \($0.reason)" })),
                ]
            )
        case .quarantined(let digest, let cause, let reason):
            ErrorAnswer(
                .forbidden,
                .denied,
                "this is in quarantine: \(reason)",
                detail: [
                    ("digest", .text(digest.description)), ("quarantined", .text(cause.description)),
                    ("reason", .text(reason)),
                ]
            )
        case .notInLog(let reason): ErrorAnswer(.notFound, .unsupported, reason)
        case .notReplicated(let reason):
            ErrorAnswer(.gatewayTimeout, .tooManyRequests, reason, headers: [.retryAfter: "1"])
        case .logBehind(let reason):
            ErrorAnswer(.serviceUnavailable, .tooManyRequests, reason, headers: [.retryAfter: "1"])
        case .journal(let error): ErrorAnswer(.notFound, .unsupported, error.reason)
        default: ErrorAnswer(.forbidden, .denied, "this is not allowed")
        }
    }
}
