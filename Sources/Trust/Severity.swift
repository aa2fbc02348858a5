// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How bad a vulnerability is, in order.
///
/// `unknown` is what a report says of vulnerabilities that nobody has rated yet. It stands above `medium`, so that a
/// policy that tolerates less than `high` does not let through what may be high.
package enum Severity: Int, Sendable, Hashable, Comparable, CaseIterable, CustomStringConvertible {
    case none, negligible, low, medium, unknown, high, critical

    /// Reads the words of scanners, in any case.
    ///
    /// - Throws: `invalidReport` for a word that is none.
    package init(parsing text: some StringProtocol) throws(TrustError) {
        switch text.lowercased() {
        case "none", "info", "informational": self = .none
        case "negligible": self = .negligible
        case "low": self = .low
        case "medium", "moderate": self = .medium
        case "unknown", "": self = .unknown
        case "high", "important": self = .high
        case "critical": self = .critical
        default: throw TrustError(.invalidReport, "'\(text.quotable)' is no severity")
        }
    }

    /// The class of a base score of CVSS 3 (section 5 of its specification); nil beyond 0 to 10.
    init?(score: Double) {
        switch score {
        case 0: self = .none
        case 0..<4: self = .low
        case 4..<7: self = .medium
        case 7..<9: self = .high
        case 9...10: self = .critical
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .none: "none"
        case .negligible: "negligible"
        case .low: "low"
        case .medium: "medium"
        case .unknown: "unknown"
        case .high: "high"
        case .critical: "critical"
        }
    }

    package static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
}
