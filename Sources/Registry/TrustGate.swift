// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
import Synchronization
package import Trust

/// What may leave the registry: the trust policy in force, what quarantine keeps back, and the verdicts at hand.
///
/// A verdict is used again only under the policy that gave it, within its own window of time, and while nothing in its
/// repository has changed: so a policy that is switched, a signature that comes and a waiver that ends take effect on
/// the next request.
package final class TrustGate: Sendable {
    struct Key: Hashable {
        let repository: RepositoryName
        let digest: Digest
        /// Empty where no rule asks for the tag.
        let tag: String
    }

    private struct State {
        var policy: TrustPolicy?
        /// Repositories whose images are scanned for secrets, whatever the policy asks for.
        var scanned: [Glob] = []
        /// What is kept back, and the quarantined digest that it is kept back for.
        var holds: [Digest: Digest] = [:]
        var verdicts: [Key: (verdict: TrustVerdict, mark: EpochMark)] = [:]
    }

    private let state = Mutex(State())
    /// Whether there is anything to ask: no lock is taken where there is not.
    private let isIdle = Atomic<Bool>(true)
    /// Seconds since 1970.
    let now: @Sendable () -> Int64

    package init(now: @escaping @Sendable () -> Int64) {
        self.now = now
    }

    /// The policy in force; nil where images leave as they are.
    package var policy: TrustPolicy? { state.withLock { $0.policy } }

    /// Puts a policy in force from the next request on.
    package func use(_ policy: TrustPolicy?) {
        change { state in
            state.policy = policy
            state.verdicts = [:]
        }
    }

    /// Names the repositories whose images are scanned from the next push on.
    package func scan(_ repositories: [Glob]) {
        state.withLock { $0.scanned = repositories }
    }

    /// Whether the layers of an image are to be looked into: its repository is named for that, or a rule asks for it.
    func wantsScan(of manifest: Manifest, in repository: RepositoryName) -> Bool {
        guard !manifest.layers.isEmpty, !manifest.hasEmptyConfig,
            EvidenceSource.all(in: manifest).count < manifest.layers.count
        else { return false }
        let (scanned, policy) = state.withLock { ($0.scanned, $0.policy) }
        return scanned.contains { $0.matches(repository.description) }
            || policy?.rules(for: repository).contains(where: \.asksForScan) ?? false
    }

    func keepBack(_ holds: [QuarantineHold]) {
        change { $0.holds = Dictionary(holds.map { ($0.digest, $0.cause) }) { first, _ in first } }
    }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            isIdle.store((state.policy?.rules ?? []).isEmpty && state.holds.isEmpty, ordering: .releasing)
        }
    }

    var asksNothing: Bool { isIdle.load(ordering: .acquiring) }

    /// Whether a manifest refers to something that is kept back, so that it has to be kept back too.
    func holds(_ manifest: Manifest) -> Bool {
        state.withLock { state in
            !state.holds.isEmpty && manifest.descriptors.contains { state.holds[$0.digest] != nil }
        }
    }

    /// The quarantined digest for which another one is kept back.
    func cause(of digest: Digest) -> Digest? { state.withLock { $0.holds[digest] } }

    /// The rules for a repository, and the policy that they stand in; nil where there are none.
    func rules(for repository: RepositoryName) -> (policy: TrustPolicy, rules: [TrustRule])? {
        guard let policy = policy else { return nil }
        let rules = policy.rules(for: repository)
        return rules.isEmpty ? nil : (policy, rules)
    }

    /// A verdict that still says what evaluation would say now.
    func verdict(_ key: Key) -> TrustVerdict? {
        let now = now()
        return state.withLock { state in
            guard let policy = state.policy, let found = state.verdicts[key], found.mark.isCurrent,
                found.verdict.isCurrent(policy: policy.fingerprint, now: now)
            else { return nil }
            return found.verdict
        }
    }

    /// Keeps a verdict whose inputs were read after `mark` was taken.
    func keep(_ verdict: TrustVerdict, for key: Key, mark: EpochMark) {
        state.withLock { state in
            guard state.policy?.fingerprint == verdict.policy else { return }
            if state.verdicts.count >= RegistryLimits.verdictsKept { state.verdicts.removeAll() }
            state.verdicts[key] = (verdict, mark)
        }
    }
}

extension TrustRule {
    /// Whether it asks for the registry's own report of secrets in layers.
    var asksForScan: Bool {
        requirements.contains { if case .noSecrets = $0 { true } else { false } }
    }
}
