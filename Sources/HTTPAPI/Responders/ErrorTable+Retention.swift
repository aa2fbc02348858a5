// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import OCI
import Registry

extension ErrorTable {
    /// What retention refuses. The code of the refusal stands in the detail: the specification has none for it.
    static func retention(_ refusal: RetentionRefusal, _ reason: String) -> ErrorAnswer {
        let status: HTTPResponse.Status =
            switch refusal {
            case .unknownRun: .notFound
            case .noRules, .wrongState, .needsConfirmation: .conflict
            case .wrongPlan: .preconditionFailed
            case .tooLate: .gone
            }
        return ErrorAnswer(status, .denied, reason, detail: [("retention", .text(refusal.rawValue))])
    }
}
