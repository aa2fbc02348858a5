// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import RegistryClient

/// What the prober does, one thing after another.
package enum ProbeStep: String, CaseIterable, Sendable {
    /// Asks whether there is a registry, where it may not do more.
    case knock
    case pushBlobs = "push_blobs"
    case pushManifest = "push_manifest"
    case pullTag = "pull_tag"
    case pullDigest = "pull_digest"
    case pullBlobs = "pull_blobs"
    /// Asks the log for the proof of what was pulled, where its keys are known.
    case prove
    case delete

    /// Whether it tells if images can be fetched: that is what availability is.
    package var isOfAvailability: Bool {
        switch self {
        case .knock, .pullTag, .pullDigest, .pullBlobs: true
        case .pushBlobs, .pushManifest, .prove, .delete: false
        }
    }
}

/// What became of one round.
package struct ProbeReport: Sendable {
    package struct Step: Sendable {
        package let step: ProbeStep
        package let seconds: Double
        package let failure: ClientError?
    }

    /// The region, as the prober calls it.
    package let target: String
    package internal(set) var steps: [Step] = []
    /// Why the registry does not let the prober do what it is to do. It only knocks where it may not push or pull.
    package internal(set) var refusal: String?

    package init(target: String) { self.target = target }

    /// Whether an image could have been fetched.
    package var isAvailable: Bool {
        let relevant = steps.filter(\.step.isOfAvailability)
        return !relevant.isEmpty && relevant.allSatisfy { $0.failure == nil }
    }

    /// The first thing that failed, if one did.
    package var failure: Step? { steps.first { $0.failure != nil } }

    package var seconds: Double { steps.reduce(0) { $0 + $1.seconds } }
}
