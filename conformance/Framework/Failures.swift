// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The registry does not do what a check claims: this is what a check exists to find.
struct CheckFailure: Error {
    let expected: String
    let received: String
    /// The answer that decided it, where there was one.
    let response: Response?
}

/// A check could not be put to the question, since what it builds on failed before.
///
/// It counts against the registry, yet it proves nothing about the check's own claim.
struct SetupFailure: Error {
    let step: String
    let cause: CheckFailure
}

/// A check does not apply to this registry, for a reason that the specification allows.
struct NotApplicable: Error {
    let reason: String
}

/// No answer: the connection failed, was cut, or took too long.
struct TransportFailure: Error {
    let request: Request
    let reason: String

    /// The same as a failed check: a claim about an answer does not hold without one.
    var asCheckFailure: CheckFailure {
        CheckFailure(
            expected: "an answer",
            received: reason,
            response: Response(request: request, status: 0, headers: [:], body: [])
        )
    }
}
