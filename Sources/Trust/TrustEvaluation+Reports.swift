// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Reports: the newest of each scanner counts, and all that count must be as asked.
extension TrustEvaluation {
    private struct Report {
        let report: VulnerabilityReport
        let scannedAt: Int64
        let examination: Examination
    }

    func vulnerabilities(_ asked: TrustRequirement.Vulnerabilities) -> Judgement {
        var reports: [Report] = []
        var faults: [String] = []
        var isTrustedFound = false
        for examination in examinations {
            guard let document = examination.vulnerabilityDocument else { continue }
            guard isSigned(examination, by: asked.keys) || isOwn(examination) else {
                faults.append(why(examination, asked.keys))
                continue
            }
            isTrustedFound = true
            let what = "\(examination.evidence.manifest)"
            do {
                let report = try VulnerabilityReport(document)
                if let scannedAt = report.scannedAt {
                    reports.append(Report(report: report, scannedAt: scannedAt, examination: examination))
                } else {
                    faults.append("\(what): it does not say when the scan was")
                }
            } catch {
                faults.append("\(what): \(error.reason)")
            }
        }
        if !isTrustedFound, image.isIndex { return leftToImages }
        if faults.isEmpty, reports.isEmpty { faults = unreadable(asked.keys) }
        return judge(reports, faults, asked)
    }

    private func isOwn(_ examination: Examination) -> Bool {
        examination.fault == nil && examination.evidence.isOwn && examination.evidence.isReport
    }

    private func judge(
        _ reports: [Report],
        _ faults: [String],
        _ asked: TrustRequirement.Vulnerabilities
    ) -> Judgement {
        var faults = faults
        var window = TimeWindow.always
        // Those from the future do not count yet.
        let present = reports.filter { report in
            let age = Age(of: report.scannedAt, maximum: asked.maxAge, now: now)
            window.cut(to: age.window)
            guard let fault = age.fault else { return true }
            faults.append("\(report.examination.evidence.manifest): \(fault)")
            return now >= report.scannedAt
        }
        let newest = present.filter { report in
            !present.contains { $0.report.scanner == report.report.scanner && $0.scannedAt > report.scannedAt }
        }
        let fresh = newest.filter { Age(of: $0.scannedAt, maximum: asked.maxAge, now: now).fault == nil }
        guard !fresh.isEmpty else {
            return .failed(Judgement.sentence("no report on vulnerabilities counts", faults), window: window)
        }
        var severe: [String] = []
        for finding in fresh.flatMap(\.report.findings) where finding.severity > asked.maxSeverity {
            guard let waiver = asked.waivers.first(where: { $0.id == finding.id }) else {
                severe.append(describe(finding))
                continue
            }
            window.cut(at: waiver.end, now: now)
            if now >= waiver.end {
                severe.append("\(describe(finding)), whose waiver ended at \(RFC3339.text(waiver.end))")
            }
        }
        let reason =
            severe.isEmpty
            ? "no vulnerability is above \(asked.maxSeverity)"
            : Judgement.sentence("\(severe.count) vulnerabilities are above \(asked.maxSeverity)", severe)
        return Judgement(
            isSatisfied: severe.isEmpty,
            reason: reason,
            attachments: fresh.map(\.examination.evidence.manifest),
            keys: asked.keys.filter { name in fresh.contains { $0.examination.signers.contains(name) } },
            window: window
        )
    }

    private func describe(_ finding: Finding) -> String {
        "\(finding.id.quotable) (\(finding.severity)) in \(finding.package.quotable)"
    }

    // MARK: Secrets

    func secrets(allowsUnscanned: Bool) -> Judgement {
        var faults: [String] = []
        var attachments: [Digest] = []
        var problems: [String] = []
        for examination in examinations where examination.evidence.subject == image.digest {
            guard case .report(_, .secretsReport) = examination.evidence.content else { continue }
            let what = "\(examination.evidence.manifest)"
            guard examination.evidence.isOwn else {
                faults.append("\(what): it is not the registry's own report")
                continue
            }
            guard case .report(let document, _) = examination.claim else {
                problems.append("\(what): \(examination.fault ?? "it cannot be read")")
                continue
            }
            do {
                let report = try SecretsReport(document)
                attachments.append(examination.evidence.manifest)
                problems += report.secrets.map { "\($0.kind.quotable) in \($0.path.quotable)" }
                if !allowsUnscanned {
                    problems += report.unscanned.map { "\($0.layer) is not scanned, \($0.reason.quotable)" }
                }
            } catch {
                problems.append("\(what): \(error.reason)")
            }
        }
        guard !attachments.isEmpty || !problems.isEmpty else {
            if image.isIndex { return leftToImages }
            return .failed(Judgement.sentence("its layers have not been scanned for secrets", faults))
        }
        return Judgement(
            isSatisfied: problems.isEmpty,
            reason: problems.isEmpty
                ? "no secrets were found" : Judgement.sentence("its layers do not pass the scan for secrets", problems),
            attachments: attachments
        )
    }
}

extension Examination {
    /// The document of what is a report on vulnerabilities, or claims to be one.
    var vulnerabilityDocument: JSONValue? {
        switch claim {
        case .attestation(let statement):
            if statement.predicateType.isVersion(of: .vulnerabilities) { return statement.predicate }
            // An inventory may list the vulnerabilities of what it lists.
            let isInventory = statement.predicateType.isVersion(of: .cyclonedx)
            return isInventory && statement.predicate["vulnerabilities"] != nil ? statement.predicate : nil
        case .report(let document, let type):
            switch type {
            case .sarif: return document
            case .cyclonedx: return document["vulnerabilities"] != nil ? document : nil
            default: return nil
            }
        default: return nil
        }
    }
}
