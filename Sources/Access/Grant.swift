// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a robot may do by itself, where no rule says otherwise: `pull,push:team/*`.
package struct Grant: Sendable, Hashable, CustomStringConvertible {
    package let actions: ActionSet
    package let repositories: Glob

    package init(actions: ActionSet, repositories: Glob) {
        self.actions = actions
        self.repositories = repositories
    }

    /// Reads actions, or `*`, separated by commas, a colon, and a pattern for repositories.
    ///
    /// - Throws: An `AccessError` of code `invalidRobot` that says what is wrong.
    package init(parsing text: some StringProtocol) throws(AccessError) {
        guard let colon = text.firstIndex(of: ":") else {
            throw AccessError(
                .invalidRobot,
                "'\(text.quotable)' is no grant; write ACTIONS:REPOSITORIES, for example pull,push:team/*"
            )
        }
        var actions: ActionSet = []
        do {
            for name in text[..<colon].split(separator: ",", omittingEmptySubsequences: false) {
                try actions.insert(named: name)
            }
            repositories = try Glob(ofRule: text[text.index(after: colon)...])
        } catch {
            throw AccessError(.invalidRobot, "the grant '\(text.quotable)': \(error.reason)")
        }
        self.actions = actions
    }

    /// `pull,push:team/*`
    package var description: String { "\(actions):\(repositories)" }
}
