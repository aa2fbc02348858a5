// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What is below `/api/v1/retention/`.
public enum RetentionResource: Hashable, Sendable {
    /// `runs`: all of them; a `POST` makes a plan.
    case runs
    /// `runs/<id>`
    case run(Int64)
    /// `runs/<id>/decisions`
    case decisions(Int64)
    /// `runs/<id>/apply`
    case apply(Int64)
    /// `runs/<id>/restore`
    case restore(Int64)
    /// `explain`: why an image stays or goes.
    case explain

    static let prefix = "/api/v1/retention/"

    /// Reads what follows the prefix; nil for anything else.
    init?(_ path: Substring) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        switch (parts.count, parts.first) {
        case (1, "runs"): self = .runs
        case (1, "explain"): self = .explain
        case (2...3, "runs"):
            guard let id = DecimalNumber.parse(String(parts[1])) else { return nil }
            switch parts.count == 3 ? parts[2] : "" {
            case "" where parts.count == 2: self = .run(id)
            case "decisions": self = .decisions(id)
            case "apply": self = .apply(id)
            case "restore": self = .restore(id)
            default: return nil
            }
        default: return nil
        }
    }
}
