// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Releases

/// `cairn promote`
struct PromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Say that an image is to run in an environment from now on.",
        discussion: """
            It takes the right 'promote'. The image has to satisfy the trust policy of its repository, for pulls and \
            for promotions, and not be in quarantine. With --from it has to be known in that environment, and not to \
            have failed there last. What is to run is kept by retention, and so is what it can go back to. With --tag \
            that tag is set to it too, by the rules of tags.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("What is to run.", valueName: "host[:port]/name(:tag|@digest)"))
    var image: String

    @Option(help: "The environment, such as prod.")
    var to: String

    @Option(help: "The environment that it comes from, such as staging.")
    var from: String?

    @Option(help: "The service, as hosts report it; without it, the place without a service alone.")
    var service: String?

    @Option(help: "A tag to set to the image.")
    var tag: String?

    @Flag(help: "Say instead that nothing of the repository is to run there any more.")
    var withdraw = false

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("promote") { () async throws(ClientError) in
            let promotion = PromotionReport(
                from: try from.map { text throws(ClientError) in try PlaceOptions.name(text, "from") },
                environment: try PlaceOptions.name(to, "to"),
                service: try service.map { text throws(ClientError) in try PlaceOptions.name(text, "service") }
            )
            let subject = try ReleaseSubject(image, needsImage: !withdraw)
            guard !withdraw else { return try await end(subject, promotion) }
            let tag = try tag.map { text throws(ClientError) in try TagOption.tag(text) }
            try await connection.withRegistry(subject.authority) { registry async throws(ClientError) in
                let digest = try await subject.neededDigest(at: registry)
                let (isNew, former) = try await ReleaseClient(registry)
                    .promote(digest, of: subject.repository, promotion)
                // Said before the tag is set: the order stands, whatever becomes of that.
                let place = "\(promotion.environment)" + (promotion.service.map { " (\($0))" } ?? "")
                let words = isNew ? "is to run in" : "was to run already in"
                Console.say("\(subject.repository)@\(digest) \(words) \(place)")
                if isNew, let former { Console.say("before: \(former)") }
                if let tag { try await TagOption.set(tag, to: digest, of: subject.repository, at: registry) }
            }
        }
    }

    private func end(_ subject: ReleaseSubject, _ promotion: PromotionReport) async throws(ClientError) {
        guard from == nil, tag == nil else { throw ClientError(.usage, "--withdraw takes --to and --service alone") }
        let former = try await connection.withRegistry(subject.authority) { registry async throws(ClientError) in
            try await ReleaseClient(registry)
                .withdraw(subject.repository, from: promotion.environment, service: promotion.service)
        }
        let before = former.map { ", where \($0) was" } ?? ", and nothing was"
        Console.say("nothing of \(subject.repository) is to run in \(promotion.environment)\(before)")
    }
}

/// A tag that an option names.
enum TagOption {
    static func tag(_ text: String) throws(ClientError) -> OCI.Tag {
        do {
            return try OCI.Tag(parsing: text)
        } catch {
            throw ClientError(.usage, "--tag: \(error.reason): \"\(error.value)\"")
        }
    }

    /// Sets it to an image that was ordered to run.
    ///
    /// - Throws: What kept it from that, with the word that the order stands all the same.
    static func set(
        _ tag: OCI.Tag,
        to digest: Digest,
        of repository: RepositoryName,
        at registry: RemoteRegistry
    ) async throws(ClientError) {
        do throws(ClientError) {
            try await RemoteRepository(repository, at: registry).point(tag, to: digest)
        } catch {
            throw ClientError(
                error.code,
                "the order stands, but the tag \(tag) was not set: \(error.reason)",
                evidence: error.evidence
            )
        }
    }
}

/// `cairn rollback`
struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Order the last good image of a service to run again.",
        discussion: """
            It takes the right 'promote'. The last good image is the one that was reported healthy there last, other \
            than the present one, and was not given up since; retention has kept it. What is in quarantine, or what \
            the trust policy does not let go, is passed over. Where nothing was ever reported healthy, it is what ran \
            there before. Agents that ask what is to run in the environment get it at once; report 'healthy' with \
            the same --deployment when it runs.

            """ + ClientCommand.exitStatuses
    )

    @Argument(
        help: ArgumentHelp(
            "The registry, or the repository where several have such a service.",
            valueName: "host[:port][/name]"
        )
    )
    var registry: String

    @Option(help: "The environment, such as prod.")
    var env: String

    @Option(help: "The service, where there are several.")
    var service: String?

    @Option(help: ArgumentHelp("The image to go back to; else the last good one.", valueName: "digest"))
    var to: String?

    @Option(help: "What this rollback is called; else rollback- and the time.")
    var deployment: String?

    @Option(help: "A tag to set to the image.")
    var tag: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("rollback") { () async throws(ClientError) in
            let environment = try PlaceOptions.name(env, "env")
            let service = try service.map { text throws(ClientError) in try PlaceOptions.name(text, "service") }
            let name = try PlaceOptions.name(deployment ?? "rollback-\(ClientCommand.now)", "deployment")
            let tag = try tag.map { text throws(ClientError) in try TagOption.tag(text) }
            let wanted = try digest()
            var authority = registry
            var named: RepositoryName?
            if registry.contains("/") { (authority, named) = try ListOptions.split(registry) }
            let (given, host) = (named, authority)
            try await connection.withRegistry(host) { registry async throws(ClientError) in
                let client = ReleaseClient(registry)
                let repository =
                    if let given { given } else { try await client.repository(of: service, in: environment) }
                let rollback = try await client.rollBack(environment, service, of: repository, to: wanted, as: name)
                // Said before the tag is set: the order stands, whatever becomes of that.
                if !rollback.isProven {
                    Console.error("cairn rollback: nobody has reported that this image was healthy there")
                }
                Console.say("\(host)/\(repository)@\(rollback.digest)")
                let instead = rollback.former.map { ", in place of \($0)" } ?? ", as was ordered before"
                Console.say("is to run in \(environment) again, by the deployment \(name)\(instead)")
                if let tag { try await TagOption.set(tag, to: rollback.digest, of: repository, at: registry) }
            }
        }
    }

    private func digest() throws(ClientError) -> Digest? {
        guard let to else { return nil }
        do {
            return try Digest(parsing: to)
        } catch {
            throw ClientError(.usage, "--to: \(error.reason): \"\(error.value)\"")
        }
    }
}
