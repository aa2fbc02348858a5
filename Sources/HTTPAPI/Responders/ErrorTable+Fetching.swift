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

    /// What is said of registries that are mirrored, and of regions where something is to be done.
    static func mirrors(_ error: RegistryError) -> ErrorAnswer {
        switch error {
        case .upstreamUnknown(let name, let known):
            ErrorAnswer(
                .notFound,
                .nameUnknown,
                "?ns= names a registry that is not mirrored here",
                detail: [("ns", .text(ParsingError.quotable(name))), ("mirrored", .list(known))]
            )
        case .upstreamRefuses(let name, _):
            ErrorAnswer(
                .forbidden,
                .denied,
                "\(name) refuses this to the registry that mirrors it: it has none, or asks for credentials",
                detail: [("upstream", .text(name))]
            )
        case .mirrorsOnly(let name):
            ErrorAnswer(
                .methodNotAllowed,
                .unsupported,
                "this repository mirrors one of another registry and takes no pushes: push there, or to another name",
                detail: [("name", .text(name.description))],
                headers: [.allow: "GET, HEAD, DELETE"]
            )
        case .awayFromHome(_, let reason):
            ErrorAnswer(
                .serviceUnavailable,
                .tooManyRequests,
                "the tag is immutable and cannot be set at the moment: \(reason); try again",
                headers: [.retryAfter: String(RegistryLimits.retryAfterSeconds)]
            )
        default: ErrorAnswer(.internalServerError, .unknown, "the registry failed to do this; its log says why")
        }
    }
}
