// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// What an entry of a log says of an image that runs somewhere, or does so no more.
private struct LoggedDeployment {
    let place: DeploymentPlace
    /// nil where it runs no more.
    let digest: Digest?
    let former: Digest?
    let deployment: PlaceName?
    let configuration: Digest?
    /// The reporter's name in the log that the report was first in.
    let reporter: String
    let staleAt: Int64
    let expiresAt: Int64

    init?(_ change: LoggedChange) {
        func name(_ key: String) -> PlaceName? {
            change.body?[key]?.text.flatMap { text in try? PlaceName(parsing: text) }
        }
        func number(_ key: String) -> Int64? {
            guard case .integer(let number)? = change.body?[key] else { return nil }
            // Whatever a region says, it protects an image for a time that a report can hold.
            return min(max(number, 0), change.timestamp.seconds + ProtectionLimits.loggedReportSeconds)
        }
        guard let environment = name("environment"), let target = name("target") else { return nil }
        place = DeploymentPlace(environment: environment, target: target, service: name("service"))
        digest = change.digest("digest")
        former = change.digest("former")
        deployment = name("deployment")
        configuration = change.digest("config")
        let name = change.body?["reporter"]?.text ?? change.actor
        // What is no name of a log is none of a principal here either.
        reporter =
            EventLeaf.isPseudonym(name)
            ? name : Catalog.Context.cut("\(change.origin) \(name)", to: CatalogLimits.contextBytes)
        let stale = number("stale_at") ?? change.timestamp.seconds + ProtectionLimits.unsaidReportSeconds
        staleAt = stale
        expiresAt = max(stale, number("expires_at") ?? stale + ProtectionLimits.graceSeconds)
    }
}

extension Transaction {
    /// What a log says of a deployment. The latest change of a report counts, in whatever order they come; what ran is
    /// among the former images of its service either way. A reporter of another region has the name here that he has in
    /// that region's log.
    ///
    /// `isOrdered` says that older entries of the log are here: only then earlier marks of an end are dropped, of which
    /// one is enough.
    func applyDeployment(_ change: LoggedChange, isOrdered: Bool, in repository: Repository) throws {
        guard let logged = LoggedDeployment(change) else { return }
        let reporter = try database.row(SQL.actorName, logged.reporter)?.text(0) ?? logged.reporter
        let group = DeploymentGroup(logged.place, repository.id, reporter: reporter)
        for digest in [logged.former, logged.digest].compactMap({ $0 }) { try keep(digest, of: group) }
        try trim(group)
        let time = change.timestamp
        let known = try database.row(
            SQL.deploymentOf,
            group.repository,
            group.environment,
            group.service,
            logged.place.target.description,
            group.reporter
        )
        if let known, try known.int(8) >= time.rawValue { return }
        guard let digest = try logged.digest ?? logged.former ?? known?.digest(1) else { return }
        if logged.digest == nil, isOrdered {
            try database.run(SQL.dropEnded, group.repository, group.environment, group.service, group.reporter)
        }
        // By this region's clock and service time, whatever the other's says.
        let rest = max(0, logged.expiresAt - wallSeconds)
        try database.run(
            SQL.setDeployment,
            group.repository,
            group.environment,
            group.service,
            logged.place.target.description,
            group.reporter,
            digest.key,
            logged.deployment?.description,
            time.seconds,
            logged.staleAt,
            logged.expiresAt,
            now.seconds + rest,
            time.seconds,
            time.rawValue,
            logged.configuration?.key
        )
        guard logged.digest == nil else { return }
        try database.run(
            SQL.markDeploymentEnded,
            time.seconds,
            group.repository,
            group.environment,
            group.service,
            logged.place.target.description,
            group.reporter
        )
    }
}

extension SQL {
    static let markDeploymentEnded = """
        UPDATE deployment SET ended_at = ?
        WHERE repo_id = ? AND env = ? AND service = ? AND target = ? AND reporter = ?
        """
}
