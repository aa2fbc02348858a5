// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of the checker: no buffer, list, wait or loop is without one.
enum Limits {
    /// The longest body that is read from a server, in bytes.
    static let responseBodyBytes = 64 << 20
    /// How much of a body a failure quotes, in bytes.
    static let quotedBodyBytes = 1024
    /// How much of a body that is no text a failure quotes, in bytes.
    static let quotedBinaryBytes = 64
    /// How long one request may take, in seconds, unless the command line says otherwise.
    static let requestSeconds = 30
    /// How long a conversation on a raw socket may take, in seconds.
    static let rawSeconds = 15
    /// How many redirects a GET or HEAD may follow.
    static let redirects = 5
    /// How many pages of a list are followed before the list counts as endless.
    static let pages = 500
    /// The most checks that run at once.
    static let jobs = 32
    /// The longest list of interim (1xx) answers before a final one.
    static let interimAnswers = 8
    /// How many deletions run at once when the suite cleans up after itself.
    static let cleaningJobs = 4
    /// How many deletions are tried before the registry counts as one that does not delete.
    static let cleaningTrials = 16
    /// How often what could not be deleted is tried again.
    static let cleaningPasses = 5
    /// How many tokens are kept for registries that hand out bearer tokens.
    static let tokens = 4096
    /// How often the offset of an upload is asked for until it stands still.
    static let offsetQuestions = 40
}
