// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI
package import Releases
internal import Trust

/// Tells a registry's release record what was built, promoted and rolled out, and asks it what it knows.
package struct ReleaseClient: Sendable {
    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Reports a build. One without an id is sent once, since each time that it comes it counts as another one.
    ///
    /// - Returns: Whether the record did not say so yet, and other images that were built of the same commit.
    /// - Throws: `.notFound` where the repository has no such manifest.
    package func reportBuild(
        _ build: BuildReport,
        of digest: Digest?,
        in repository: RepositoryName
    ) async throws(ClientError) -> (isNew: Bool, others: [String]) {
        let (purpose, attempts) = ("reporting a build of \(repository)", build.build == nil ? 1 : ClientLimits.attempts)
        let answer = try await post("builds", purpose, repository, .pullAndPush, attempts: attempts) {
            Self.image(repository, digest, to: &$0)
            $0.field("outcome", build.succeeded ? "succeeded" : "failed")
            Self.names(
                [
                    ("source", build.source), ("revision", build.revision), ("builder", build.builder),
                    ("build", build.build),
                ],
                to: &$0
            )
            if let started = build.startedAt { $0.field("started_at", RFC3339.text(started / 1_000)) }
        }
        let others = answer["other_digests"]?.elements ?? []
        return (answer["recorded"] == .bool(true), others.compactMap { $0.text.map(ShownText.line) })
    }

    /// Says that an image is to run in an environment from now on.
    ///
    /// - Returns: Whether it was not to before, and what was.
    /// - Throws: `.keptBack` where the trust policy does not let it go there, `.refused` where it does not come from
    ///   the environment that is named.
    package func promote(
        _ digest: Digest,
        of repository: RepositoryName,
        _ promotion: PromotionReport
    ) async throws(ClientError) -> (isNew: Bool, former: String?) {
        let purpose = "promoting \(digest) to \(promotion.environment)"
        let answer = try await post("promotions", purpose, repository, .promote) {
            Self.image(repository, digest, to: &$0)
            Self.names(
                [("from", promotion.from), ("env", promotion.environment), ("service", promotion.service)],
                to: &$0
            )
        }
        return (answer["recorded"] == .bool(true), answer["former"]?.text.map(ShownText.line))
    }

    /// Says that nothing of a repository is to run in an environment any more.
    ///
    /// - Returns: What was to run there; nil where nothing was.
    package func withdraw(
        _ repository: RepositoryName,
        from environment: PlaceName,
        service: PlaceName?
    ) async throws(ClientError) -> String? {
        var target = "/api/v1/promotions?repository=\(WebAddress.encoded(repository.description))"
        target += "&env=\(WebAddress.encoded(environment.description))"
        if let service { target += "&service=\(WebAddress.encoded(service.description))" }
        let purpose = "withdrawing \(repository) from \(environment)"
        let call = RemoteRegistry.Call(method: .DELETE, target: target, purpose: purpose)
        return try await document(call, .repository(repository, .promote))["former"]?.text.map(ShownText.line)
    }

    /// Reports a phase of a rollout, or of one instance of it.
    ///
    /// - Returns: Whether the record did not say so yet.
    package func report(
        _ step: DeploymentStep,
        of digest: Digest,
        in repository: RepositoryName
    ) async throws(ClientError) -> Bool {
        let purpose = "reporting that \(step.deployment) is \(step.phase.rawValue)"
        let answer = try await post("rollouts", purpose, repository, step.decides ? .promote : .pull) {
            Self.image(repository, digest, to: &$0)
            Self.names(
                [
                    ("deployment", step.deployment), ("env", step.environment), ("service", step.service),
                    ("target", step.target),
                ],
                to: &$0
            )
            $0.field("phase", step.phase.rawValue)
            if let configuration = step.configuration { $0.field("config", configuration.description) }
        }
        return answer["recorded"] == .bool(true)
    }

    /// What an order to go back came to.
    package struct Rollback: Sendable {
        package let digest: Digest
        /// What it takes the place of; nil where this rollback was ordered before.
        package let former: String?
        /// Whether somebody has said that the image was healthy there.
        package let isProven: Bool
    }

    /// Orders the last good image of a service to run again, or the one named.
    ///
    /// - Throws: `.notFound` where nothing is to run there, `.refused` where there is nothing to go back to.
    package func rollBack(
        _ environment: PlaceName,
        _ service: PlaceName?,
        of repository: RepositoryName,
        to digest: Digest?,
        as deployment: PlaceName
    ) async throws(ClientError) -> Rollback {
        let answer = try await post("rollbacks", "rolling back in \(environment)", repository, .promote) {
            Self.names([("env", environment), ("service", service), ("deployment", deployment)], to: &$0)
            $0.field("repository", repository.description)
            if let digest { $0.field("digest", digest.description) }
        }
        guard let digest = answer["digest"]?.text.flatMap({ Digest($0) }) else {
            throw ClientError(.network, "\(registry.origin) answers to a rollback with what says nothing of it")
        }
        let former = answer["former"]?.text.map(ShownText.line)
        return Rollback(digest: digest, former: former, isProven: answer["proven"] == .bool(true))
    }

    /// Entries of the record, the newest first.
    package func list(
        of repository: RepositoryName?,
        environment: PlaceName?,
        limit: Int
    ) async throws(ClientError) -> RecordList {
        try await registry.records(
            "releases",
            [("repository", repository?.description), ("env", environment?.description)],
            limit: limit,
            repository.map { .repository($0, .pull) } ?? .records
        )
    }

    /// What is to run in an environment: of one repository, or of all that the caller may see.
    package func images(
        in environment: PlaceName,
        of repository: RepositoryName?,
        limit: Int
    ) async throws(ClientError) -> RecordList {
        try await registry.records(
            "images",
            at: "environments/\(WebAddress.encoded(environment.description))/images",
            [("repository", repository?.description)],
            limit: limit,
            repository.map { .repository($0, .pull) } ?? .records
        )
    }

    /// The one repository of which an image is to run in a service of an environment.
    ///
    /// - Throws: `.notFound` where there is none that the caller may see, `.usage` where there are several.
    package func repository(
        of service: PlaceName?,
        in environment: PlaceName
    ) async throws(ClientError) -> RepositoryName {
        let list = try await images(in: environment, of: nil, limit: ClientLimits.records)
        let names = Set(
            list.records.filter { $0["service"]?.text == service?.description }
                .compactMap { $0["repository"]?.text.flatMap { RepositoryName($0) } }
        )
        guard let name = names.first else {
            throw ClientError(.notFound, "nothing that you may see is to run there: name the repository")
        }
        guard names.count == 1 else {
            let known = names.map(\.description).sorted().joined(separator: ", ")
            throw ClientError(.usage, "several repositories have such a service, name one: \(known)")
        }
        return name
    }

    /// All that is known of an image, as the registry tells it.
    package func inspect(_ reference: Reference, of repository: RepositoryName) async throws(ClientError) -> JSONValue {
        let call = RemoteRegistry.Call(
            target: "/v2/\(repository)/_cairn/inspect/\(reference)",
            purpose: "asking what is known of \(repository) \(reference)"
        )
        return try await document(call, .repository(repository, .pull))
    }

    /// The figures of the last so many seconds.
    package func figures(
        of repository: RepositoryName?,
        environment: PlaceName?,
        seconds: Int64
    ) async throws(ClientError) -> JSONValue {
        var target = "/api/v1/figures?seconds=\(seconds)"
        if let repository { target += "&repository=\(WebAddress.encoded(repository.description))" }
        if let environment { target += "&env=\(WebAddress.encoded(environment.description))" }
        let call = RemoteRegistry.Call(target: target, purpose: "asking for the figures of the release record")
        return try await document(call, repository.map { .repository($0, .pull) } ?? .records)
    }

    /// Tells what a rollout's requests came to since it began.
    package func report(
        _ traffic: RolloutTraffic,
        as role: RolloutRole,
        of step: DeploymentStep,
        in repository: RepositoryName
    ) async throws(ClientError) {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("repository", repository.description)
            Self.names(
                [("env", step.environment), ("service", step.service), ("deployment", step.deployment)],
                to: &writer
            )
            writer.field("role", role.rawValue)
            writer.key("requests")
            writer.integer(traffic.requests)
            writer.key("errors")
            writer.integer(traffic.errors)
        }
        let call = RemoteRegistry.Call(
            method: .POST,
            target: "/api/v1/rollouts/traffic",
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: writer.bytes),
            accepted: [204],
            purpose: "reporting the requests of \(step.deployment)"
        )
        _ = try await registry.send(call, .repository(repository, .pull))
    }

    /// What the registry makes of a rollout's requests: `promote`, `hold` or `roll-back`, and why.
    ///
    /// - Throws: `.usage` for limits that cannot be sent as they are: the ceiling goes in steps of 0.001, the ratio in
    ///   steps of 0.01.
    package func verdict(
        on step: DeploymentStep,
        in repository: RepositoryName,
        _ limits: RolloutLimits
    ) async throws(ClientError) -> JSONValue {
        let ceiling = try Self.parts(of: limits.errorCeiling, 1_000, "ceiling", step: "0.001")
        let ratio = try Self.parts(of: limits.allowedRatio, 100, "ratio", step: "0.01")
        var target = "/api/v1/rollouts/verdict?repository=\(WebAddress.encoded(repository.description))"
        target += "&env=\(WebAddress.encoded(step.environment.description))"
        target += "&deployment=\(WebAddress.encoded(step.deployment.description))"
        if let service = step.service { target += "&service=\(WebAddress.encoded(service.description))" }
        target += "&minimum=\(limits.minimumRequests)"
        target += "&ceiling_permille=\(ceiling)&ratio_percent=\(ratio)"
        let call = RemoteRegistry.Call(target: target, purpose: "asking for a verdict on \(step.deployment)")
        return try await document(call, .repository(repository, .pull))
    }

    /// How many parts of one a number has, of so many.
    ///
    /// - Throws: `.usage` where that is no whole number.
    private static func parts(
        of number: Double,
        _ scale: Double,
        _ name: String,
        step: String
    ) throws(ClientError) -> Int {
        let parts = (number * scale).rounded()
        // What binary fractions leave of 0.029 * 1000 is no other number.
        guard abs(number * scale - parts) < 1e-6 else {
            throw ClientError(.usage, "the \(name) goes in steps of \(step), and \(number) is between two of them")
        }
        return Int(parts)
    }

    private func post(
        _ name: String,
        _ purpose: String,
        _ repository: RepositoryName,
        _ actions: TokenScope.Actions,
        attempts: Int = ClientLimits.attempts,
        _ members: (inout JSONWriter) -> Void
    ) async throws(ClientError) -> JSONValue {
        var writer = JSONWriter()
        writer.object { writer in members(&writer) }
        let call = RemoteRegistry.Call(
            method: .POST,
            target: "/api/v1/\(name)",
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: writer.bytes),
            purpose: purpose,
            attempts: attempts
        )
        return try await document(call, .repository(repository, actions))
    }

    private func document(_ call: RemoteRegistry.Call, _ scope: TokenScope) async throws(ClientError) -> JSONValue {
        let (_, body) = try await registry.fetch(call, scope, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body, nodesLimit: ClientLimits.recordNodes) else {
            throw ClientError(.network, "\(registry.origin) answers with what is no JSON to \(call.purpose)")
        }
        return document
    }

    private static func image(_ repository: RepositoryName, _ digest: Digest?, to writer: inout JSONWriter) {
        writer.key("image")
        writer.object { writer in
            writer.field("repository", repository.description)
            if let digest { writer.field("digest", digest.description) }
        }
    }

    private static func names(_ names: [(String, PlaceName?)], to writer: inout JSONWriter) {
        for case (let key, let name?) in names { writer.field(key, name.description) }
    }
}
