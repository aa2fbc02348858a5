// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Provenance and inventories: one attestation that says all that is asked for is enough.
extension TrustEvaluation {
    func provenance(_ asked: TrustRequirement.Provenance) -> Judgement {
        var judgements: [Judgement] = []
        for examination in examinations {
            guard let statement = examination.statement else { continue }
            guard [PredicateType.provenance, .provenanceV02].contains(statement.predicateType) else { continue }
            guard isSigned(examination, by: asked.keys) else {
                judgements.append(.failed(why(examination, asked.keys)))
                continue
            }
            judgements.append(judge(statement, examination, asked))
        }
        let nothing = judgements.isEmpty ? unreadable(asked.keys) : []
        return .anyOf(judgements, otherwise: Judgement.sentence("no provenance is as asked for", nothing))
    }

    private func judge(
        _ statement: InTotoStatement,
        _ examination: Examination,
        _ asked: TrustRequirement.Provenance
    ) -> Judgement {
        let what = "\(examination.evidence.manifest)"
        let claim: ProvenanceClaim
        do {
            claim = try ProvenanceClaim(statement)
        } catch {
            return .failed("\(what): \(error.reason)")
        }
        if !asked.builders.isEmpty, !asked.builders.contains(where: { $0.matches(claim.builder) }) {
            return .failed("\(what): the builder is '\(claim.builder.quotable)'")
        }
        if let source = asked.source, !source.matches(claim.source) {
            return .failed("\(what): the source is '\(claim.source.quotable)'")
        }
        if asked.tagMatchesRevision, let tag = image.tag, !claim.agrees(with: tag) {
            let built = [claim.reference, claim.revision].compactMap { $0?.quotable }.joined(separator: " ")
            return .failed("\(what): the tag '\(tag)' is not what was built: '\(built)'")
        }
        var window = TimeWindow.always
        if let maxAge = asked.maxAge {
            guard let builtAt = claim.builtAt else { return .failed("\(what): it does not say when the build ended") }
            let age = Age(of: builtAt, maximum: maxAge, now: now)
            window = age.window
            if let fault = age.fault { return .failed("\(what): \(fault)", window: window) }
        }
        return Judgement(
            isSatisfied: true,
            reason: "built by \(claim.builder.quotable)",
            attachments: [examination.evidence.manifest],
            keys: asked.keys.filter(examination.signers.contains),
            window: window
        )
    }

    func inventory(_ asked: TrustRequirement.Inventory) -> Judgement {
        var judgements: [Judgement] = []
        for examination in examinations {
            let document: JSONValue
            let said: InventoryFormat?
            switch examination.claim {
            case .attestation(let statement):
                guard let format = InventoryFormat(statement.predicateType) else { continue }
                (document, said) = (statement.predicate, format)
            case .report(let report, let type):
                guard type == .spdx || type == .cyclonedx else { continue }
                (document, said) = (report, type == .spdx ? .spdx : .cyclonedx)
            default: continue
            }
            judgements.append(judge(document, said, examination, asked))
        }
        let nothing = judgements.isEmpty ? unreadable(asked.keys) : []
        let judgement = Judgement.anyOf(
            judgements,
            otherwise: Judgement.sentence("no inventory is as asked for", nothing)
        )
        return !judgement.isSatisfied && image.isIndex ? leftToImages : judgement
    }

    private func judge(
        _ document: JSONValue,
        _ said: InventoryFormat?,
        _ examination: Examination,
        _ asked: TrustRequirement.Inventory
    ) -> Judgement {
        let what = "\(examination.evidence.manifest)"
        if asked.keys.isEmpty {
            if let fault = examination.fault { return .failed("\(what): \(fault)") }
        } else if !isSigned(examination, by: asked.keys) {
            return .failed(why(examination, asked.keys))
        }
        guard let format = InventoryFormat(document), format == said else {
            return .failed("\(what): it is no inventory of the form that it claims")
        }
        guard asked.formats.contains(format) else { return .failed("\(what): it is of the form \(format)") }
        return Judgement(
            isSatisfied: true,
            reason: "it has an inventory of the form \(format)",
            attachments: [examination.evidence.manifest],
            keys: asked.keys.filter(examination.signers.contains)
        )
    }

    /// Why evidence that nobody can read may have been meant, where nothing else is there.
    func unreadable(_ keys: [String]) -> [String] {
        examinations.filter { $0.claim == nil }.map { why($0, keys) }
    }
}

extension Examination {
    var statement: InTotoStatement? { if case .attestation(let statement) = claim { statement } else { nil } }
}

/// How old something is that says when it was made.
struct Age {
    /// Why it does not count: too old, or from the future.
    let fault: String?
    /// When this holds.
    let window: TimeWindow

    init(of moment: Int64, maximum: Int64, now: Int64) {
        let end = moment.addingReportingOverflow(maximum)
        let start = moment.subtractingReportingOverflow(TrustLimits.clockSkewSeconds)
        var window = TimeWindow.always
        window.cut(at: end.overflow ? .max : end.partialValue, now: now)
        window.cut(at: start.overflow ? .min : start.partialValue, now: now)
        self.window = window
        if now < start.partialValue, !start.overflow {
            fault = "it is of \(RFC3339.text(moment)), which is to come"
        } else if now >= end.partialValue, !end.overflow {
            fault = "it is of \(RFC3339.text(moment)), more than \(maximum) seconds old"
        } else {
            fault = nil
        }
    }
}
