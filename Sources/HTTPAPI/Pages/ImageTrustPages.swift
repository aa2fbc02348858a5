// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry
import Trust
import WebUI

/// What speaks for an image, and what the policy makes of it.
extension Responder {
    func trustView(
        of digest: Digest,
        in name: RepositoryName,
        _ verdict: TrustVerdict?
    ) async throws -> TrustView {
        let (notes, isWhole) = try await registry.attachments(of: digest, in: name)
        let referrers = try await registry.referrers(
            of: digest,
            in: name,
            artifactType: nil,
            after: nil,
            limit: HTTPLimits.pageRows
        )
        let known = Set(notes.map(\.manifest))
        let others = referrers.elements.filter { !known.contains($0.digest) }.map { referrer in
            TrustView.Report(
                kind: Self.cut(referrer.artifactType?.description ?? "Attachment"),
                digest: Self.digestText(referrer.digest, in: name)
            )
        }
        return TrustView(
            requirements: (verdict?.rules ?? []).flatMap { rule in rule.outcomes.map { Self.requirement($0, of: rule) }
            },
            reports: notes.map { report(of: $0, in: name) } + others,
            isPart: !isWhole || referrers.hasMore
        )
    }

    private static func requirement(_ outcome: RequirementOutcome, of rule: RuleVerdict) -> TrustView.Requirement {
        let failed: Badge.Tone = rule.enforcement == .warn ? .warn : .bad
        let enforced: String =
            switch rule.enforcement {
            case .pull: "for pulls"
            case .promote: "for promotion"
            case .warn: "warns"
            }
        return TrustView.Requirement(
            rule: enforced,
            text: cut(outcome.requirement),
            standing: outcome.isSatisfied ? Badge("satisfied", .good) : Badge("not satisfied", failed),
            reason: cut(outcome.reason),
            keys: outcome.keys.isEmpty ? nil : outcome.keys.joined(separator: ", ")
        )
    }

    private func report(of note: AttachmentNote, in name: RepositoryName) -> TrustView.Report {
        let (kind, about) = Self.words(for: note)
        var report = TrustView.Report(kind: kind, digest: Self.digestText(note.manifest, in: name))
        report.about = about
        report.scanned = note.scannedAt.map { moment($0) }
        if !note.severities.isEmpty {
            report.counts = SeverityCounts(note.severities.map { ($0.severity.description, $0.count) })
        }
        report.findings = note.worst.map { finding in
            TrustView.Finding(
                id: Self.cut(finding.id),
                severity: finding.severity.description,
                part: Self.cut(finding.package),
                fixed: finding.fixed.map(Self.cut)
            )
        }
        report.signers = note.signers.isEmpty ? nil : note.signers.joined(separator: ", ")
        report.fault = note.fault.map(Self.cut)
        return report
    }

    /// What a document is, and what it says in a few words.
    private static func words(for note: AttachmentNote) -> (kind: String, about: String?) {
        switch note.kind {
        case .signature: ("Signature", nil)
        case .attestation(let type): ("Attestation", cut(type))
        case .vulnerabilities:
            (
                "Vulnerability report",
                (note.maker.map { "\(cut($0)): " } ?? "")
                    + (note.severities.isEmpty ? "no vulnerability found" : "\(total(note)) found")
            )
        case .inventory:
            (
                "SBOM",
                "\(note.maker ?? ""), \(count(note.items ?? 0)) parts"
                    + (note.severities.isEmpty ? "" : ", \(total(note)) vulnerabilities")
            )
        case .secrets: ("Scan for secrets", note.items == 0 ? "no secret found" : "\(count(note.items ?? 0)) found")
        case .unreadable: ("Attachment", nil)
        }
    }

    private static func total(_ note: AttachmentNote) -> String {
        count(note.severities.reduce(0) { $0 + $1.count })
    }
}
