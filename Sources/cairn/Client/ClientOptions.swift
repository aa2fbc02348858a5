// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Cryptography
import Foundation
import OCI
import RegistryClient
import Transparency
import Trust

/// How a command reaches a registry, and as whom.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: "User name; else CAIRN_USERNAME with CAIRN_PASSWORD, else what 'docker login' or 'podman login' kept."
    )
    var username: String?

    @Flag(help: "Read the password of --username from standard input.")
    var passwordStdin = false

    @Option(
        help: ArgumentHelp(
            "PEM file of authorities to trust beside those of the system; asks for TLS to this machine too.",
            valueName: "file"
        )
    )
    var ca: String?

    @Flag(name: .customLong("tls"), help: "Use TLS to this machine too (127.0.0.0/8, ::1, localhost).")
    var requiresTLS = false

    @Flag(name: .customLong("plain-http"), help: "Do not use TLS.")
    var plainHTTP = false

    func tls() throws(ClientError) -> Origin.TLSUse {
        guard requiresTLS || ca != nil else { return plainHTTP ? .nowhere : .beyondLoopback }
        guard !plainHTTP else { throw ClientError(.usage, "--plain-http excludes --tls and --ca") }
        return .everywhere
    }

    func credentials() throws(ClientError) -> CredentialSource {
        guard let username else {
            guard !passwordStdin else { throw ClientError(.usage, "--password-stdin needs --username") }
            return try CredentialSource(given: nil, environment: ProcessInfo.processInfo.environment)
        }
        let environment = ProcessInfo.processInfo.environment
        guard let password = passwordStdin ? readLine(strippingNewline: true) : environment["CAIRN_PASSWORD"] else {
            throw ClientError(.usage, "--username needs --password-stdin, or CAIRN_PASSWORD")
        }
        return try CredentialSource(given: Credentials(user: username, password: password), environment: environment)
    }

    var transport: Transport.Options {
        var options = Transport.Options()
        options.caFile = ca
        return options
    }

    /// Runs work at a registry, which is `host[:port]`.
    func withRegistry<Result: Sendable>(
        _ authority: String,
        _ work: @Sendable (RemoteRegistry) async throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        let credentials = try credentials()
        let origin = try Origin(parsing: authority, tls: tls())
        return try await Transport.with(transport) { transport async throws(ClientError) in
            try await work(RemoteRegistry(origin: origin, credentials: credentials, transport: transport))
        }
    }

    /// Runs work at the regions of an image.
    func withRegions<Result: Sendable>(
        of image: ImageReference,
        before: [Origin] = [],
        _ work: @Sendable (Regions) async throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        let credentials = try credentials()
        let tls = try tls()
        return try await Transport.with(transport) { transport async throws(ClientError) in
            try await work(
                Regions(of: image, before: before, tls: tls, credentials: credentials, transport: transport)
            )
        }
    }
}

/// Which registry a command is about, and how it is reached and tells.
struct RegistryOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The registry.", valueName: "host[:port]"))
    var registry: String

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    /// Runs work at the registry.
    func withRegistry<Result: Sendable>(
        _ work: @Sendable (RemoteRegistry) async throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        try await connection.withRegistry(registry, work)
    }
}

/// What an image is verified against.
struct TrustOptions: ParsableArguments {
    @Option(
        name: .customLong("key"),
        help: ArgumentHelp(
            "PEM file of a public key; one of those given must have signed the image.",
            valueName: "file"
        )
    )
    var keys: [String] = []

    @Option(
        help: ArgumentHelp("YAML file of a trust policy, whose rules for pulls must be satisfied.", valueName: "file")
    )
    var policy: String?

    @Option(
        name: .customLong("log-key"),
        help: ArgumentHelp("Key of the registry's log, name+id+base64; prove by it what is served.", valueName: "vkey")
    )
    var logKeys: [String] = []

    @Option(
        help: ArgumentHelp(
            "File of logs, witnesses and a quorum (tlog-policy) that must have cosigned the log's checkpoint.",
            valueName: "file"
        )
    )
    var logPolicy: String?

    @Option(
        help: ArgumentHelp(
            "File of the last checkpoint seen (default: in ~/.local/state/cairn/logs/, by log).",
            valueName: "file"
        )
    )
    var state: String?

    var isEmpty: Bool { keys.isEmpty && policy == nil && logKeys.isEmpty && logPolicy == nil }

    func verifier() throws(ClientError) -> ImageVerifier {
        let verifiers = try Self.verifiers(logKeys)
        let log = LogCheck(
            keys: verifiers,
            policy: try trustedLogs(),
            statePath: state,
            environment: ProcessInfo.processInfo.environment
        )
        let trust = TrustCheck(keys: try trustKeys(), policy: try trustPolicy(), now: ClientCommand.now)
        return try ImageVerifier(
            log: verifiers.isEmpty && logPolicy == nil ? nil : log,
            trust: keys.isEmpty && policy == nil ? nil : trust
        )
    }

    /// What `--log-key` gives.
    static func verifiers(_ logKeys: [String]) throws(ClientError) -> [NoteVerifier] {
        var verifiers: [NoteVerifier] = []
        for text in logKeys {
            do { verifiers.append(try NoteVerifier(parsing: text)) } catch {
                throw ClientError(.usage, "--log-key: \(error.reason)")
            }
        }
        return verifiers
    }

    private func trustedLogs() throws(ClientError) -> TrustedLogs? {
        guard let logPolicy else { return nil }
        let text = try ClientCommand.text(of: logPolicy, limit: ClientLimits.policyBytes)
        do { return try TrustedLogs(parsing: text) } catch {
            throw ClientError(.usage, "\(logPolicy): \(error.reason)")
        }
    }

    private func trustKeys() throws(ClientError) -> [TrustKey] {
        var result: [TrustKey] = []
        for path in keys {
            let pem = try ClientCommand.text(of: path, limit: ClientLimits.keyBytes)
            do { result.append(try TrustKey(name: path, pem: pem)) } catch {
                throw ClientError(.usage, "--key: \(error)")
            }
        }
        return result
    }

    private func trustPolicy() throws(ClientError) -> TrustPolicy? {
        guard let policy else { return nil }
        let text = try ClientCommand.text(of: policy, limit: ClientLimits.policyBytes)
        let directory = URL(fileURLWithPath: policy).deletingLastPathComponent().path
        do {
            return try TrustPolicy(parsing: text, directory: directory) { path in
                try ClientCommand.bytes(of: path, limit: ClientLimits.keyBytes)
            }
        } catch {
            throw ClientError(.usage, "\(policy): \(error)")
        }
    }
}

/// The key that signs.
struct SigningOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "PEM file of the private key. The passphrase of an encrypted one is CAIRN_KEY_PASSPHRASE, or asked for.",
            valueName: "file"
        )
    )
    var key: String

    @Flag(help: "Also keep it under a tag, in the form that cosign used before registries had referrers.")
    var legacyTag = false

    func signingKey() throws(ClientError) -> SigningKey {
        let pem = try ClientCommand.text(of: key, limit: ClientLimits.keyBytes)
        do {
            return try SigningKey(pem: pem)
        } catch {
            guard error.code == .passphraseNeeded else { throw ClientError(.usage, "\(key): \(error.reason)") }
        }
        let given = ProcessInfo.processInfo.environment["CAIRN_KEY_PASSPHRASE"].map { Array($0.utf8) }
        guard let passphrase = given ?? TerminalPrompt.secret("Passphrase of \(key): ") else {
            throw ClientError(.usage, "\(key) is encrypted: set CAIRN_KEY_PASSPHRASE")
        }
        do {
            return try SigningKey(pem: pem, passphrase: passphrase)
        } catch {
            throw ClientError(.usage, "\(key): \(error.reason)")
        }
    }
}
