// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// How an image stands to one requirement.
package struct RequirementOutcome: Sendable, Hashable {
    /// What is asked for, in few words.
    package let requirement: String
    package let isSatisfied: Bool
    /// A sentence for people: what satisfied it, or what is missing.
    package let reason: String
    /// The manifests of what counted.
    package let attachments: [Digest]
    /// The names of the keys that counted.
    package let keys: [String]
    /// When this holds.
    package let window: TimeWindow
}

/// A span of time, in seconds since 1970.
package struct TimeWindow: Sendable, Hashable {
    /// The first second; nil: since ever.
    package var notBefore: Int64?
    /// The first second after it; nil: for ever.
    package var validUntil: Int64?

    package static let always = TimeWindow()

    package init(notBefore: Int64? = nil, validUntil: Int64? = nil) {
        self.notBefore = notBefore
        self.validUntil = validUntil
    }

    package func contains(_ now: Int64) -> Bool {
        if let notBefore, now < notBefore { return false }
        if let validUntil, now >= validUntil { return false }
        return true
    }

    /// Cuts the span at a moment: it ends there where that is to come, and begins there where that has been.
    mutating func cut(at moment: Int64, now: Int64) {
        if now < moment {
            validUntil = min(validUntil ?? moment, moment)
        } else {
            notBefore = max(notBefore ?? moment, moment)
        }
    }

    /// Cuts the span to what lies within another too.
    mutating func cut(to other: TimeWindow) {
        if let moment = other.notBefore { notBefore = max(notBefore ?? moment, moment) }
        if let moment = other.validUntil { validUntil = min(validUntil ?? moment, moment) }
    }
}

/// The outcome while it is found: what one piece of evidence amounts to, or several.
struct Judgement {
    var isSatisfied: Bool
    var reason: String
    var attachments: [Digest] = []
    var keys: [String] = []
    var window = TimeWindow.always

    static func failed(_ reason: String, window: TimeWindow = .always) -> Judgement {
        Judgement(isSatisfied: false, reason: reason, window: window)
    }

    /// Satisfied where one of several is: by the one that lasts longest. Failed otherwise, until any could be
    /// satisfied.
    static func anyOf(_ judgements: [Judgement], otherwise reason: String) -> Judgement {
        let satisfied = judgements.filter(\.isSatisfied)
        let longest = satisfied.max { ($0.window.validUntil ?? .max) < ($1.window.validUntil ?? .max) }
        if let longest { return longest }
        var window = TimeWindow.always
        for judgement in judgements { window.cut(to: judgement.window) }
        return failed(sentence(reason, judgements.map(\.reason)), window: window)
    }

    /// A sentence and the particulars that explain it, the first few of them.
    static func sentence(_ reason: String, _ particulars: [String]) -> String {
        guard !particulars.isEmpty else { return reason }
        let shown = particulars.prefix(particularsLimit)
        let more = particulars.count - shown.count
        return "\(reason): \(shown.joined(separator: "; "))" + (more > 0 ? "; and \(more) more" : "")
    }

    private static let particularsLimit = 4

    func outcome(of requirement: TrustRequirement) -> RequirementOutcome {
        RequirementOutcome(
            requirement: requirement.description,
            isSatisfied: isSatisfied,
            reason: reason,
            attachments: Array(attachments.prefix(TrustLimits.namedLimit)),
            keys: Array(keys.prefix(TrustLimits.namedLimit)),
            window: window
        )
    }
}
