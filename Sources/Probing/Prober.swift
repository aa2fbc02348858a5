// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import OCI
package import RegistryClient
internal import Transparency

/// Does what clients do with a registry, and notes how each step went.
///
/// A round either pushes a new canary and then pulls it, or pulls the one that an earlier round has pushed. The former
/// one is deleted once its successor could be pulled, so there is one of each prober at a time.
package struct Prober: Sendable {
    /// What the prober may not decide by itself.
    package struct Environment: Sendable {
        /// Nanoseconds of a clock that only goes forward.
        package var monotonic: @Sendable () -> UInt64
        package var randomBytes: @Sendable (_ count: Int) -> [UInt8]

        package init(
            monotonic: @escaping @Sendable () -> UInt64,
            randomBytes: @escaping @Sendable (_ count: Int) -> [UInt8]
        ) {
            self.monotonic = monotonic
            self.randomBytes = randomBytes
        }
    }

    private let environment: Environment

    package init(_ environment: Environment) { self.environment = environment }

    /// One round, over connections of its own, as a client begins.
    ///
    /// - Parameters:
    ///   - target: Which registry.
    ///   - canary: The one that was pushed last; what is there afterwards.
    ///   - pushes: Whether a new one is pushed; always where there is none.
    /// - Returns: How it went.
    package func round(_ target: ProbeTarget, _ canary: inout Canary?, pushes: Bool) async -> ProbeReport {
        var round = Round(environment: environment, report: ProbeReport(target: target.name), canary: canary)
        do throws(ClientError) {
            let known = round
            round = try await Transport.with(target.transport) { transport async throws(ClientError) in
                var round = known
                try await round.run(target, over: transport, pushes: pushes)
                return round
            }
        } catch {
            // Only what cannot be read here is thrown: authorities, credentials.
            round.report.steps.append(ProbeReport.Step(step: .knock, seconds: 0, failure: error))
        }
        canary = round.canary
        return round.report
    }

    /// Deletes a canary, as the last step of a round.
    ///
    /// - Parameters:
    ///   - canary: What was pushed.
    ///   - target: Where.
    ///   - report: That of the round.
    package func end(_ canary: Canary, at target: ProbeTarget, _ report: inout ProbeReport) async {
        let begin = environment.monotonic()
        var failure: ClientError?
        do throws(ClientError) {
            try await withClient(of: target) { client async throws(ClientError) in
                try await client.delete(.tag(canary.tag))
                try await client.delete(.digest(canary.digest))
            }
        } catch {
            failure = error
        }
        let seconds = Double(environment.monotonic() &- begin) / 1e9
        report.steps.append(ProbeReport.Step(step: .delete, seconds: seconds, failure: failure))
    }

    /// Deletes canaries of former runs, at most `ProbeLimits.leftovers`.
    ///
    /// - Parameters:
    ///   - target: Which registry.
    ///   - kept: The one that was pushed last.
    /// - Throws: `ClientError`.
    package func clearLeftovers(_ target: ProbeTarget, but kept: Canary) async throws(ClientError) {
        try await withClient(of: target) { client async throws(ClientError) in
            for tag in try await client.tags(limit: ProbeLimits.leftovers)
            where Canary.isTag(tag, at: target.name) && tag != kept.tag {
                let digest = try await client.digest(of: tag)
                try await client.delete(.tag(tag))
                if let digest, digest != kept.digest { try await client.delete(.digest(digest)) }
            }
        }
    }

    private func withClient(
        of target: ProbeTarget,
        _ work: @Sendable (CanaryClient) async throws(ClientError) -> Void
    ) async throws(ClientError) {
        guard let repository = target.repository else { return }
        try await Transport.with(target.transport) { transport async throws(ClientError) in
            try await work(
                CanaryClient(
                    origin: target.origin,
                    name: repository,
                    credentials: target.credentials,
                    transport: transport
                )
            )
        }
    }
}

/// One round while it goes on.
private struct Round: Sendable {
    let environment: Prober.Environment
    var report: ProbeReport
    var canary: Canary?

    mutating func run(_ target: ProbeTarget, over transport: Transport, pushes: Bool) async throws(ClientError) {
        guard let name = target.repository ?? RepositoryName(Canary.anyRepository) else { return }
        let client = try CanaryClient(
            origin: target.origin,
            name: name,
            credentials: target.credentials,
            transport: transport
        )
        guard target.repository != nil else {
            return await step(.knock) { () throws(ClientError) in try await client.knock() }
        }
        let former = canary
        if pushes || canary == nil {
            do throws(ClientError) { canary = try await push(client, target.name) } catch {
                if error.code == .denied || error.code == .usage {
                    report.refusal = error.reason
                    report.steps = []
                    return await step(.knock) { () throws(ClientError) in try await client.knock() }
                }
                // What was pushed before can still be pulled, or not.
            }
        }
        guard let canary else {
            // There is nothing to pull, since nothing could be pushed: that says nothing of what could be fetched.
            return await step(.knock) { () throws(ClientError) in try await client.knock() }
        }
        await step(.pullTag) { () throws(ClientError) in
            try await client.pull(.tag(canary.tag), expecting: canary.digest)
        }
        // A registry that cannot be reached would be waited for again by each step: the next round asks sooner.
        if !isCutOff {
            await step(.pullDigest) { () throws(ClientError) in
                try await client.pull(.digest(canary.digest), expecting: canary.digest)
            }
        }
        if !isCutOff {
            await step(.pullBlobs) { () throws(ClientError) in
                for blob in canary.blobs { try await client.pull(blob: blob) }
            }
        }
        if let denied = report.steps.first(where: { $0.step.isOfAvailability && $0.failure?.code == .denied }) {
            report.refusal = denied.failure?.reason
            report.steps = []
            return await step(.knock) { () throws(ClientError) in try await client.knock() }
        }
        if report.steps.contains(where: { $0.failure?.code == .notFound }) { self.canary = nil }
        if report.isAvailable { await prove(former ?? canary, client, target.logKeys()) }
        guard let former, former != canary, report.isAvailable else { return }
        await step(.delete) { () throws(ClientError) in
            try await client.delete(.tag(former.tag))
            try await client.delete(.digest(former.digest))
        }
    }

    /// Whether the last step did not reach the registry.
    private var isCutOff: Bool { report.steps.last?.failure?.code == .network }

    /// Asks for the proof of a canary: of one from an earlier round where there is one, which is sealed by now.
    private mutating func prove(_ canary: Canary, _ client: CanaryClient, _ keys: [NoteVerifier]) async {
        guard !keys.isEmpty else { return }
        await step(.prove) { () throws(ClientError) in
            for reference in [Reference.tag(canary.tag), .digest(canary.digest)] {
                try await client.prove(reference, is: canary.digest, by: keys)
            }
        }
    }

    /// - Throws: What the step throws that failed; it is in the report.
    private mutating func push(_ client: CanaryClient, _ target: String) async throws(ClientError) -> Canary {
        let layer = environment.randomBytes(ProbeLimits.layerBytes)
        let config = Array("{\"canary\":\"\(Base64.encode(environment.randomBytes(16)))\"}".utf8)
        var blobs: [Descriptor] = []
        try await needed(.pushBlobs) { () throws(ClientError) in
            blobs = [try await client.push(blob: layer), try await client.push(blob: config)]
        }
        let manifest = Canary.manifest(config: blobs[1], layer: blobs[0])
        guard let tag = Canary.tag(at: target, environment.randomBytes(8)),
            let digest = try? Digest.of(manifest, algorithm: .sha256)
        else { throw ClientError(.usage, "no canary can be made") }
        try await needed(.pushManifest) { () throws(ClientError) in
            try await client.push(manifest: manifest, type: .imageManifest, as: tag)
        }
        return Canary(tag: tag, manifest: manifest, digest: digest, blobs: blobs)
    }

    private mutating func step(_ step: ProbeStep, _ work: () async throws(ClientError) -> Void) async {
        _ = await measured(step, work)
    }

    private mutating func needed(
        _ step: ProbeStep,
        _ work: () async throws(ClientError) -> Void
    ) async throws(ClientError) {
        if let failure = await measured(step, work) { throw failure }
    }

    private mutating func measured(
        _ step: ProbeStep,
        _ work: () async throws(ClientError) -> Void
    ) async -> ClientError? {
        let begin = environment.monotonic()
        var failure: ClientError?
        do throws(ClientError) { try await work() } catch { failure = error }
        let seconds = Double(environment.monotonic() &- begin) / 1e9
        report.steps.append(ProbeReport.Step(step: step, seconds: seconds, failure: failure))
        return failure
    }
}
