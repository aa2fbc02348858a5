// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
import Synchronization

/// The counter of one stripe of repositories: changed by each commit that touches one of them.
final class EpochStripe: Sendable {
    private let value = Atomic<UInt64>(0)

    var current: UInt64 { value.load(ordering: .acquiring) }

    func bump() { value.add(1, ordering: .acquiringAndReleasing) }
}

/// The moment before a read, to be kept with what the read returned.
///
/// The writer bumps after COMMIT and before any result of the batch goes out. So a value that was read after the
/// mark was taken is the latest that anyone has been told of for as long as ``isCurrent`` is true, and a reader
/// that was overtaken by a commit cannot fill a cache with the older value: its mark is no longer current.
package struct EpochMark: Sendable {
    private let stripe: EpochStripe
    package let epoch: UInt64

    init(stripe: EpochStripe) {
        self.stripe = stripe
        epoch = stripe.current
    }

    /// One atomic load.
    package var isCurrent: Bool { stripe.current == epoch }
}

/// The cache epochs of all repositories, in stripes by name.
struct Epochs: Sendable {
    private let stripes: [EpochStripe] = (0..<CatalogLimits.epochStripes).map { _ in EpochStripe() }

    func stripe(of repository: RepositoryName) -> EpochStripe {
        stripes[Int(UInt(bitPattern: repository.hashValue) % UInt(stripes.count))]
    }

    func bumpAll() {
        for stripe in stripes { stripe.bump() }
    }
}

extension Catalog {
    /// The epoch of a repository now. Take it before the read whose result is to be kept.
    package func mark(of repository: RepositoryName) -> EpochMark {
        EpochMark(stripe: epochs.stripe(of: repository))
    }

    /// The bare number behind ``mark(of:)``: changed by each commit that touches the repository.
    package func epoch(of repository: RepositoryName) -> UInt64 {
        epochs.stripe(of: repository).current
    }
}
