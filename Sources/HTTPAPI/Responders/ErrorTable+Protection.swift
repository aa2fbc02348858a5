// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import OCI
import Observability
import Registry

extension ErrorTable {
    /// What pins and reports of deployments answer.
    static func protection(_ error: RegistryError) -> ErrorAnswer {
        switch error {
        case .bound(let pin):
            var detail: [(key: String, value: ErrorEntry.Detail)] = [
                ("kind", .text(pin.kind.rawValue)), ("subject", .text(pin.subject.description)),
                ("reason", .text(pin.reason)), ("actor", .text(pin.actor)),
                ("since", .text(Timestamp(seconds: pin.since).description)),
            ]
            var words = "under a legal hold"
            if let until = pin.until {
                words = "locked until \(Timestamp(seconds: until))"
                detail.append(("until", .text(Timestamp(seconds: until).description)))
            }
            return ErrorAnswer(
                .forbidden,
                .denied,
                "\(pin.subject) is \(words) by \(pin.actor): \(pin.reason)",
                detail: detail
            )
        case .lockShortened(let until):
            return ErrorAnswer(
                .forbidden,
                .denied,
                "it is locked until \(Timestamp(seconds: until)); a lock can be prolonged, never shortened",
                detail: [("until", .text(Timestamp(seconds: until).description))]
            )
        case .badPin(let reason), .badReport(let reason):
            return ErrorAnswer(.badRequest, .unsupported, reason)
        case .recordConflict(let reason): return ErrorAnswer(.conflict, .denied, reason)
        default: return ErrorAnswer(.forbidden, .denied, "this is not allowed")
        }
    }
}
