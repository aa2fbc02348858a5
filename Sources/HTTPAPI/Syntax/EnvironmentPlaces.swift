// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry

/// Places in lists of environments, as links write them. None holds a name that its reader may not know.
extension EnvironmentPosition {
    /// `12`, the id of a repository; `12/web`, or `12/` for the service without a name, where more of its services may
    /// follow.
    var text: String { service.map { "\(repository)/\($0)" } ?? String(repository) }

    init?(text: String) {
        let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first, let id = DecimalNumber.parse(first) else { return nil }
        guard halves.count == 2 else {
            self.init(repository: id, service: nil)
            return
        }
        guard halves[1].isEmpty || PlaceName(String(halves[1])) != nil else { return nil }
        self.init(repository: id, service: String(halves[1]))
    }
}

extension EnvironmentsPosition {
    /// `3`, or `3/12` where the next environment was looked at up to the repository of that id.
    var text: String { repository == 0 ? String(count) : "\(count)/\(repository)" }

    init?(text: String) {
        let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first, let count = DecimalNumber.parse(first) else { return nil }
        guard halves.count == 2 else {
            self.init(count: count, repository: 0)
            return
        }
        guard let id = DecimalNumber.parse(halves[1]) else { return nil }
        self.init(count: count, repository: id)
    }
}

extension Responder.Exchange {
    /// The place of `after` in what is to run in an environment; nil where the list is to begin.
    func environmentPosition() throws(RequestError) -> EnvironmentPosition? {
        guard let text = query["after"], !text.isEmpty else { return nil }
        guard let position = EnvironmentPosition(text: text) else { throw .badQuery(Self.noPlace) }
        return position
    }

    /// The same in the list of environments.
    func environmentsPosition() throws(RequestError) -> EnvironmentsPosition? {
        guard let text = query["after"], !text.isEmpty else { return nil }
        guard let position = EnvironmentsPosition(text: text) else { throw .badQuery(Self.noPlace) }
        return position
    }

    private static let noPlace = "'after' is a place that the link of a page before names"
}
