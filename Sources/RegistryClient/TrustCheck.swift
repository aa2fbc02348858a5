// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
package import Trust

/// Decides whether what is attached to an image satisfies keys and a policy. Nothing counts for being there: each
/// signature is verified, and must be about this image.
package struct TrustCheck: Sendable {
    /// A signature or attestation that is attached, and who signed it.
    package struct Finding: Hashable, Sendable {
        /// The manifest that it is attached to.
        package let subject: Digest
        /// The manifest that holds it.
        package let attachment: Digest
        /// The type of its predicate; nil for a signature of the image itself, and for what cannot be read.
        package let predicateType: String?
        package let isSignature: Bool
        /// The names of the keys that signed it, of those that were given.
        package let signers: [String]
        /// Why it does not count.
        package let fault: String?
    }

    package struct Report: Hashable, Sendable {
        package var findings: [Finding] = []
        /// What the policy's rules for this repository require, and what came of it.
        package var outcomes: [RequirementOutcome] = []
        /// What rules that only warn miss, and what was skipped.
        package var warnings: [String] = []

        /// The names of the keys whose signature of the image counts.
        package var signers: [String] {
            Set(findings.filter { $0.isSignature && $0.fault == nil }.flatMap(\.signers)).sorted()
        }
    }

    /// One manifest that is to be decided on.
    private struct Subject {
        let manifest: FetchedManifest
        let parents: [Digest]
        /// Whether all that is attached to it and to its parents was looked at.
        let isEvidenceWhole: Bool
    }

    private let keys: [TrustKey]
    private let policy: TrustPolicy?
    private let now: Int64

    /// - Parameters:
    ///   - keys: If there are any, one of them must have signed the image.
    ///   - policy: What its rules with `enforce: pull` require must be there.
    ///   - now: Seconds since 1970.
    package init(keys: [TrustKey], policy: TrustPolicy?, now: Int64) {
        self.keys = keys
        self.policy = policy
        self.now = now
    }

    /// Fetches what is attached to an image and decides. A signature of an index counts for the images in it.
    ///
    /// - Parameters:
    ///   - root: The manifest that was asked for.
    ///   - images: The images of an index that will be used; none where the root is an image itself.
    ///   - tag: The tag by which it was asked for.
    ///   - pushedAt: Seconds since 1970 when it was pushed, as far as that is proven; else it counts as new.
    ///   - repository: Where it is.
    /// - Returns: All that was found, what does not count included.
    /// - Throws: `.policy` with all that is missing.
    package func check(
        _ root: FetchedManifest,
        images: [FetchedManifest],
        tag: Tag?,
        pushedAt: Int64?,
        in repository: RemoteRepository
    ) async throws(ClientError) -> Report {
        var report = Report()
        let attached = try await Attachments.fetch(of: root.digest, from: repository)
        report.warnings += attached.skipped
        var evidence = attached.evidence
        var subjects = [Subject(manifest: root, parents: [], isEvidenceWhole: attached.isWhole)]
        for image in images where image.digest != root.digest {
            let own = try await Attachments.fetch(of: image.digest, from: repository)
            report.warnings += own.skipped
            evidence += own.evidence
            let isWhole = attached.isWhole && own.isWhole
            subjects.append(Subject(manifest: image, parents: [root.digest], isEvidenceWhole: isWhole))
        }
        report.findings = findings(evidence)
        if !keys.isEmpty { try requireSignature(root, images, report) }
        try decide(subjects, evidence, tag, pushedAt, repository, &report)
        return report
    }

    private func findings(_ evidence: [Evidence]) -> [Finding] {
        let known = keys + (policy?.keys ?? []).filter { key in !keys.contains { $0.key == key.key } }
        return evidence.map { piece in
            let examination = Examination(piece, keys: known)
            var (type, isSignature) = (String?.none, false)
            switch examination.claim {
            case .signature: isSignature = true
            case .attestation(let statement): type = statement.predicateType.text
            case .report(_, let mediaType): type = mediaType.description
            case nil: break
            }
            return Finding(
                subject: piece.subject,
                attachment: piece.manifest,
                predicateType: type,
                isSignature: isSignature,
                signers: examination.signers,
                fault: examination.fault
            )
        }
    }

    /// One of the keys has signed the root, or, where one image of an index is used, that image.
    private func requireSignature(
        _ root: FetchedManifest,
        _ images: [FetchedManifest],
        _ report: Report
    ) throws(ClientError) {
        let names = Set(keys.map(\.name))
        let subjects = [root.digest] + (images.count == 1 ? images.map(\.digest) : [])
        let isSigned = report.findings.contains { finding in
            finding.isSignature && finding.fault == nil && subjects.contains(finding.subject)
                && !names.isDisjoint(with: finding.signers)
        }
        guard !isSigned else { return }
        let faults = report.findings.compactMap { finding in
            finding.fault.map { "\(finding.attachment): \($0)" }
                ?? (finding.isSignature ? "\(finding.attachment): no given key signed it" : nil)
        }
        let looked = faults.isEmpty ? "it carries no signature" : faults.prefix(8).joined(separator: "; ")
        throw ClientError(.policy, "\(root.digest) is not signed by the given keys: \(looked)")
    }

    private func decide(
        _ subjects: [Subject],
        _ evidence: [Evidence],
        _ tag: Tag?,
        _ pushedAt: Int64?,
        _ repository: RemoteRepository,
        _ report: inout Report
    ) throws(ClientError) {
        guard let policy else { return }
        if policy.rules(for: repository.name).isEmpty {
            report.warnings.append("no rule of the policy is for \(repository.name)")
        }
        var failures: [String] = []
        for subject in subjects {
            let image = TrustImage(
                digest: subject.manifest.digest,
                isIndex: subject.manifest.manifest.kind == .index,
                parents: subject.parents,
                tag: tag,
                pushedAt: pushedAt ?? now,
                isEvidenceWhole: subject.isEvidenceWhole
            )
            let verdict = policy.evaluate(repository: repository.name, image: image, evidence: evidence, now: now)
            report.outcomes += verdict.rules.flatMap(\.outcomes)
            report.warnings += verdict.failures(of: [.warn]).map { Self.text($0, subject) }
            failures += verdict.failures(of: [.pull]).map { Self.text($0, subject) }
        }
        guard failures.isEmpty else {
            throw ClientError(.policy, "the policy refuses \(repository.name): " + failures.joined(separator: "; "))
        }
    }

    private static func text(_ outcome: RequirementOutcome, _ subject: Subject) -> String {
        "\(subject.manifest.digest): \(outcome.requirement): \(outcome.reason)"
    }
}
