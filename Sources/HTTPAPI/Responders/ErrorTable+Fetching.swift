// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import OCI
import Registry

/// What is said of content that other registries have.
extension ErrorTable {
    static var elsewhere: ErrorAnswer {
        ErrorAnswer(
            .serviceUnavailable,
            .unknown,
            "elsewhere: the registries that have the bytes do not give them at the moment; try again",
            headers: [.retryAfter: String(RegistryLimits.retryAfterSeconds)]
        )
    }
}
