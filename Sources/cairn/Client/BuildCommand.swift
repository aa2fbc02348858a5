// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import RegistryClient
import Releases
import Trust

/// `cairn build …`
struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Tell the registry what CI has built.",
        subcommands: [BuildReportCommand.self]
    )
}

/// `cairn build report`
struct BuildReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Report that CI has built an image, or has failed to.",
        discussion: """
            It takes the right 'push'. Report each build, failed ones too: how many succeed is counted by this. With a \
            --revision the registry says whether the same commit was built to another image before. A run of CI that \
            is reported again under the same --build is recorded once.

            """ + ClientCommand.exitStatuses
    )

    @Argument(help: ArgumentHelp("What was built; of a build that failed, the name alone.", valueName: "image"))
    var image: String

    @Flag(help: "The build has failed.")
    var failed = false

    @Option(help: "Where the source is, such as github.com/acme/shop.")
    var source: String?

    @Option(help: "The commit.")
    var revision: String?

    @Option(help: "What built it.")
    var builder: String?

    @Option(help: "The run of CI.")
    var build: String?

    @Option(help: ArgumentHelp("When the build began, as a time of RFC 3339.", valueName: "time"))
    var started: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await ClientCommand.attempt("build report") { () async throws(ClientError) in
            let report = BuildReport(
                succeeded: !failed,
                source: try name(source, "source"),
                revision: try name(revision, "revision"),
                builder: try name(builder, "builder"),
                build: try name(build, "build"),
                startedAt: try startedAt()
            )
            let subject = try ReleaseSubject(image, needsImage: !failed)
            let (isNew, others) = try await connection.withRegistry(subject.authority) {
                registry async throws(ClientError) in
                let digest = try await subject.digest(at: registry)
                return try await ReleaseClient(registry).reportBuild(report, of: digest, in: subject.repository)
            }
            if !others.isEmpty {
                let digests = others.joined(separator: ", ")
                Console.error("cairn build report: not reproducible: this commit was built to \(digests) before")
            }
            Console.say("\(image): \(failed ? "failed" : "built")\(isNew ? "" : ", as was reported before")")
        }
    }

    private func name(_ text: String?, _ option: String) throws(ClientError) -> PlaceName? {
        try text.map { text throws(ClientError) in try PlaceOptions.name(text, option) }
    }

    private func startedAt() throws(ClientError) -> Int64? {
        guard let started else { return nil }
        do {
            return try RFC3339.seconds(started) * 1_000
        } catch {
            throw ClientError(.usage, "--started: \(error.reason)")
        }
    }
}

/// The image, or the repository alone, that a command of the release record is about.
struct ReleaseSubject: Sendable {
    let authority: String
    let repository: RepositoryName
    /// nil for a repository alone.
    private let reference: Reference?

    init(_ text: String, needsImage: Bool) throws(ClientError) {
        let name = text.split(separator: "/").last ?? ""
        guard needsImage || name.contains("@") || name.contains(":") else {
            (authority, repository) = try ListOptions.split(text)
            reference = nil
            return
        }
        let image = try ImageReference(parsing: text)
        (authority, repository, reference) = (image.authority, image.name, image.reference)
    }

    /// The digest that was named, or the one that the tag has now.
    func digest(at registry: RemoteRegistry) async throws(ClientError) -> Digest? {
        switch reference {
        case nil: return nil
        case .digest(let digest): return digest
        case .tag:
            guard let reference else { return nil }
            return try await RemoteRepository(repository, at: registry).manifest(reference).digest
        }
    }

    func neededDigest(at registry: RemoteRegistry) async throws(ClientError) -> Digest {
        guard let digest = try await digest(at: registry) else {
            throw ClientError(.usage, "name an image: host[:port]/name(:tag|@digest)")
        }
        return digest
    }
}
