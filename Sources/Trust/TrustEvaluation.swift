// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The image that is judged.
package struct TrustImage: Sendable, Hashable {
    /// Of its manifest.
    package let digest: Digest
    /// Whether the manifest is an index, which has no content of its own.
    package let isIndex: Bool
    /// The indexes of the same repository that list the manifest, as the caller has made sure. What is signed about
    /// one of them is signed about the images that it lists: their digests are part of what was signed.
    package let parents: [Digest]
    /// The tag by which it is asked for; nil: by digest.
    package let tag: Tag?
    /// Since when the repository has it, in seconds since 1970.
    package let pushedAt: Int64
    /// Whether all that is attached was found. Where it was not, what is missing may speak against the image.
    package let isEvidenceWhole: Bool

    package init(
        digest: Digest,
        isIndex: Bool,
        parents: [Digest] = [],
        tag: Tag? = nil,
        pushedAt: Int64,
        isEvidenceWhole: Bool = true
    ) {
        self.digest = digest
        self.isIndex = isIndex
        self.parents = parents
        self.tag = tag
        self.pushedAt = pushedAt
        self.isEvidenceWhole = isEvidenceWhole
    }
}

extension TrustPolicy {
    /// Judges an image by every rule that binds its repository. Nothing is read but what is given: the same input has
    /// the same verdict.
    ///
    /// Evidence counts only after its signature, and what it is about, have been verified. Evidence whose subject is
    /// neither the image nor one of its parents is passed over, and so is what comes after the limits of `TrustLimits`
    /// are reached: then reports on vulnerabilities and secrets fail, since a worse one may be among the rest.
    ///
    /// An index that lacks an inventory, a report on vulnerabilities or a scan for secrets does not fail for that: its
    /// images are judged one by one. Whoever promotes an index has its images judged too.
    ///
    /// - Parameters:
    ///   - repository: The repository from which the image leaves.
    ///   - image: The image.
    ///   - evidence: What is attached to the image and to its parents.
    ///   - now: Seconds since 1970.
    /// - Returns: An outcome for each requirement of each rule.
    package func evaluate(
        repository: RepositoryName,
        image: TrustImage,
        evidence: [Evidence],
        now: Int64
    ) -> TrustVerdict {
        let rules = rules(for: repository)
        let requirements = rules.flatMap(\.requirements)
        // Keys that no rule here names are not tried: each costs a verification for each piece of evidence.
        let named = Set(requirements.flatMap(\.keys))
        let keys = keys.filter { named.contains($0.name) }
        let readsUnsigned = requirements.contains { requirement in
            if case .inventory(let asked) = requirement { asked.keys.isEmpty } else { false }
        }
        let subjects = Set([image.digest] + image.parents)
        var examinations: [Examination] = []
        var isWhole = image.isEvidenceWhole
        var bytesLeft = TrustLimits.evidenceBytesLimit
        var unsignedLeft = readsUnsigned ? TrustLimits.unsignedBytesLimit : 0
        for item in evidence where subjects.contains(item.subject) && !rules.isEmpty {
            guard examinations.count < TrustLimits.evidenceLimit, item.byteCount <= bytesLeft else {
                isWhole = false
                break
            }
            bytesLeft -= item.byteCount
            let isRead = item.byteCount <= unsignedLeft
            let examination = Examination(item, keys: keys, readsUnsigned: isRead)
            if isRead, examination.signers.isEmpty { unsignedLeft -= item.byteCount }
            examinations.append(examination)
        }
        let evaluation = TrustEvaluation(
            image: image,
            examinations: examinations,
            isWhole: isWhole,
            now: now
        )
        return TrustVerdict(
            policy: fingerprint,
            image: image.digest,
            tag: image.tag,
            rules: rules.map { rule in
                RuleVerdict(
                    index: rule.index,
                    enforcement: rule.enforcement,
                    outcomes: rule.requirements.map { evaluation.judge($0).outcome(of: $0) }
                )
            }
        )
    }
}

/// Verified evidence about an image, and what it amounts to.
struct TrustEvaluation {
    let image: TrustImage
    let examinations: [Examination]
    /// Whether nothing that is attached was left out.
    let isWhole: Bool
    let now: Int64

    func judge(_ requirement: TrustRequirement) -> Judgement {
        switch requirement {
        case .vulnerabilities where !isWhole, .noSecrets where !isWhole:
            .failed("more is attached to the image than is looked at, and a worse report may be among it")
        case .signed(let asked): signatures(asked)
        case .provenance(let asked): provenance(asked)
        case .inventory(let asked): inventory(asked)
        case .vulnerabilities(let asked): vulnerabilities(asked)
        case .minimumAge(let seconds): age(seconds)
        case .noSecrets(let allowsUnscanned): secrets(allowsUnscanned: allowsUnscanned)
        }
    }

    // MARK: Signatures and age

    private func signatures(_ asked: TrustRequirement.Signatures) -> Judgement {
        let relevant = examinations.filter { examination in
            examination.claim == .signature || (examination.claim == nil && !examination.evidence.isReport)
        }
        let counting = relevant.filter { isSigned($0, by: asked.keys) }
        let names = asked.keys.filter { name in counting.contains { $0.signers.contains(name) } }
        let attachments = counting.map(\.evidence.manifest)
        if names.count >= asked.threshold {
            return Judgement(
                isSatisfied: true,
                reason: "signed by \(names.joined(separator: ", "))",
                attachments: attachments,
                keys: names
            )
        }
        let refused = relevant.filter { !isSigned($0, by: asked.keys) }.map { why($0, asked.keys) }
        var reason = "it has \(names.count) of \(asked.threshold) signatures by \(asked.keys.joined(separator: ", "))"
        if relevant.isEmpty { reason += ", and none at all" }
        return Judgement(
            isSatisfied: false,
            reason: Judgement.sentence(reason, refused),
            attachments: attachments,
            keys: names
        )
    }

    private func age(_ seconds: Int64) -> Judgement {
        let (sum, overflows) = image.pushedAt.addingReportingOverflow(seconds)
        let ripe = overflows ? Int64.max : sum
        var window = TimeWindow.always
        window.cut(at: ripe, now: now)
        let pushed = "it was pushed at \(RFC3339.text(image.pushedAt))"
        let reason = now >= ripe ? pushed : "\(pushed), and is old enough at \(RFC3339.text(ripe))"
        return Judgement(isSatisfied: now >= ripe, reason: reason, window: window)
    }

    // MARK: What evidence counts

    /// Whether it is about the image, and one of the keys signed it.
    func isSigned(_ examination: Examination, by keys: [String]) -> Bool {
        examination.fault == nil && examination.signers.contains(where: keys.contains)
    }

    /// Why a piece of evidence is not signed as asked.
    func why(_ examination: Examination, _ keys: [String]) -> String {
        let what = "\(examination.evidence.manifest)"
        if let fault = examination.fault { return "\(what): \(fault)" }
        if examination.signers.isEmpty { return "\(what): no key that may count signed it" }
        return "\(what): signed by \(examination.signers.joined(separator: ", ")), and not by one of the keys asked for"
    }

    /// Satisfied for an index, whose images are judged one by one.
    var leftToImages: Judgement {
        Judgement(isSatisfied: true, reason: "an index has no content of its own: its images are judged one by one")
    }
}

extension Evidence {
    /// Bytes to read.
    var byteCount: Int {
        switch content {
        case .bundle(let bytes), .legacyAttestation(let bytes), .legacySignature(let bytes, _), .report(let bytes, _):
            bytes.count
        }
    }

    var isReport: Bool { if case .report = content { true } else { false } }
}
