// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What was told of error budgets that burn: each turn is told once, whether or not the process began anew meanwhile.
package struct ToldBurns: Sendable {
    /// What a notice says: that a budget begins to burn, or burns by another rule; or that it burns no more.
    package enum Kind: String, Sendable {
        case burn = "budget.burn"
        case calm = "budget.calm"
    }

    private struct Place: Hashable {
        let objective: String
        let region: String
    }

    /// The names of the rules that were told last.
    private var rules: [Place: String] = [:]

    package init() {}

    /// Whether it is news that a budget burns by a rule; by none where it is nil.
    package func isNews(of objective: String, in region: String, rule: String?) -> Bool {
        rules[Place(objective: objective, region: region)] != rule
    }

    /// Keeps what was told, now or by an earlier process: the notices of one place in their order.
    package mutating func keep(_ objective: String, in region: String, rule: String?) {
        rules[Place(objective: objective, region: region)] = rule
    }
}
