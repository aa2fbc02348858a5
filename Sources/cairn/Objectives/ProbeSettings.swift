// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Probing
import RegistryClient
import Settings
import Transparency
import Yams

/// The section `probe` of the configuration file: how the registry is asked what a client would ask.
///
/// ```yaml
/// probe:
///   every: 30s                # from one round to the next, 1s to 60s
///   push-every: 5m            # from one canary to the next; the rounds between pull the one that is there
///   repository: cairn-canary  # canaries are pushed to REPOSITORY/REGION-NAME
///   timeout: 10s              # of each request
///   url: https://registry.example   # of this registry, as clients reach it; else its own socket
///   username: robot+probe     # who may push, pull and delete there
///   password-file: probe.password
///   peers: true               # the regions that are followed are probed too, as who follows them
///   targets: [{name: ap, url: "https://ap.example", username: …, password-file: …, log-keys: [NAME+ID+KEY]}]
///   enabled: true
/// ```
///
/// Without the section the registry knocks at its own door and pushes nothing.
struct ProbeSettings: Sendable, Hashable {
    static let section = "probe"
    static let keys = ["every", "push-every", "repository", "timeout", "peers", "targets", "enabled"]

    /// A registry that is probed beside this one.
    struct Target: Sendable, Hashable {
        let name: String
        let remote: RemoteSettings
        /// Of its log; none where its proofs are not asked for.
        let logKeys: [NoteVerifier]
    }

    var isEnabled = true
    var every: Int64 = 30
    var pushEvery: Int64 = 300
    /// The first part of the names of the repositories of canaries.
    var repository = "cairn-canary"
    /// Whether canaries are pushed.
    var pushes = false
    var milliseconds: Int64 = 10_000
    /// Where this registry is, as clients reach it; nil for its own socket.
    var own: RemoteSettings?
    /// At its own socket; nil for nobody.
    var credentials: Credentials?
    /// The file that their password was read from.
    var passwordFile: String?
    var probesPeers = true
    var targets: [Target] = []

    private typealias Fields = YAMLFields<SectionError>

    init() {}

    init(_ node: Node, directory: String) throws(SectionError) {
        let fields = try Fields(node, "the prober", keys: Self.keys + RemoteSettings.keys)
        pushes = true
        if fields.has("enabled") { isEnabled = try fields.flag("enabled") }
        if fields.has("peers") { probesPeers = try fields.flag("peers") }
        every = try Self.seconds("every", ProbeLimits.every, fields) ?? every
        pushEvery = try Self.seconds("push-every", ProbeLimits.pushEvery, fields) ?? pushEvery
        if let timeout = try Self.seconds("timeout", 1...(ProbeLimits.timeout.upperBound / 1_000), fields) {
            milliseconds = timeout * 1_000
        }
        if let text = try fields.text("repository") {
            guard RepositoryName(text + "/a") != nil else {
                throw fields.error("repository", "is the beginning of a repository's name, such as cairn-canary")
            }
            repository = text
        }
        if fields.has("url") {
            own = try RemoteSettings(fields, directory: directory)
        } else {
            for key in ["ca-file", "certificate-file", "key-file"] where fields.has(key) {
                throw fields.error(key, "needs a 'url': the registry's own socket is asked without")
            }
            credentials = try RemoteSettings.credentials(fields, directory: directory)
            passwordFile = try RemoteSettings.passwordFile(fields, directory: directory)
        }
        for element in try fields.elements("targets") {
            let keys = ["name", "log-keys"] + RemoteSettings.keys
            let target = try Fields(element, "a target of the prober", keys: keys)
            let name = try target.word(try target.required("name"), "name")
            guard !targets.contains(where: { $0.name == name }) else {
                throw target.error("name", "is of two targets")
            }
            targets.append(
                Target(
                    name: name,
                    remote: try RemoteSettings(target, directory: directory),
                    logKeys: try RegionSettings.logKeys(target)
                )
            )
        }
        guard targets.count < ProbeLimits.targets else {
            throw fields.error("targets", "names fewer than \(ProbeLimits.targets)")
        }
    }

    private static func seconds(
        _ key: String,
        _ range: ClosedRange<Int64>,
        _ fields: Fields
    ) throws(SectionError) -> Int64? {
        guard let seconds = try fields.seconds(key) else { return nil }
        guard range.contains(seconds) else {
            throw fields.error(key, "is from \(range.lowerBound)s to \(range.upperBound)s")
        }
        return seconds
    }

    /// The files that nobody else is to read.
    var secretFiles: [String] {
        [passwordFile].compactMap { $0 } + (own?.secretFiles ?? []) + targets.flatMap(\.remote.secretFiles)
    }

    /// Rounds in a whole minute.
    var roundsInMinute: Int64 { isEnabled ? max(1, 60 / every) : 0 }

    /// The repository of canaries of a region: its name as far as names of repositories have such letters.
    func repository(of region: String) -> RepositoryName? {
        guard pushes else { return nil }
        var part = ""
        for byte in region.lowercased().utf8.prefix(64) {
            let isPlain = (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
            if isPlain {
                part.unicodeScalars.append(Unicode.Scalar(byte))
            } else if part.last != "-", !part.isEmpty {
                part += "-"
            }
        }
        while part.last == "-" { part.removeLast() }
        return RepositoryName("\(repository)/\(part.isEmpty ? "here" : part)")
    }
}
