// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Why a client could not do what was asked.
package struct ClientError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// The request makes no sense: an argument, a key or a policy cannot be read.
        case usage
        /// The registry has no such repository, tag, manifest or blob.
        case notFound
        /// The registry refused the credentials, or their rights.
        case denied
        /// The image does not satisfy the policy, or carries no signature of the keys.
        case policy
        /// The registry keeps the image back, by its own policy or a quarantine.
        case keptBack
        /// The registry does not do it as things stand: something has changed, is protected or has to be confirmed.
        case refused
        /// What was served is not what was promised: bytes, digests, the log.
        case integrity
        /// The registry could not be reached, was too slow, or answered against the protocol.
        case network
        /// The disk of this machine.
        case storage
    }

    /// Whether the same request may succeed later.
    package enum Retry: Hashable, Sendable {
        case never
        case later
        /// Not before that many seconds.
        case after(seconds: Int)
    }

    package let code: Code
    /// A sentence for people. What it quotes of an answer is escaped and cut.
    package let reason: String
    package let retry: Retry
    /// Texts to show whole, such as two notes of a log that contradict each other.
    package let evidence: [String]

    package init(_ code: Code, _ reason: String, retry: Retry = .never, evidence: [String] = []) {
        self.code = code
        self.reason = reason
        self.retry = retry
        self.evidence = evidence
    }

    package var description: String { reason }

    static let cancelled = ClientError(.network, "the request was cancelled")

    /// Whether asking another region, or the same one again, must not get around it.
    var isFinal: Bool {
        switch code {
        case .integrity, .keptBack, .storage: true
        case .refused, .usage, .notFound, .denied, .policy, .network: false
        }
    }

    /// The status with which a command ends.
    ///
    /// | status | meaning |
    /// | --- | --- |
    /// | 0 | done |
    /// | 1 | the disk of this machine |
    /// | 2 | usage |
    /// | 3 | not found |
    /// | 4 | credentials or rights refused by the registry |
    /// | 10 | policy: unsigned, a requirement that is not satisfied, or quarantine |
    /// | 11 | integrity: wrong bytes, or a log that does not prove what it must |
    /// | 12 | network or registry |
    package var exitStatus: Int32 {
        switch code {
        case .storage: 1
        case .usage: 2
        case .notFound: 3
        case .denied: 4
        case .refused: 5
        case .policy, .keptBack: 10
        case .integrity: 11
        case .network: 12
        }
    }
}
