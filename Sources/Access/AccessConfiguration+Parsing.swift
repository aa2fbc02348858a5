// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Settings
package import Yams

extension AccessConfiguration {
    private enum Key: String, CaseIterable {
        case service, realm, htpasswd, robots
        case tokenKeys = "token-keys"
        case tokenMinutes = "token-minutes"
        case issuers, certificates, groups, immutable, quotas, rules, limits
    }

    /// Reads the whole mapping, or refuses it whole. Relative paths begin at `directory`, that of the file.
    ///
    /// - Throws: An `AccessError` with the line of the file, and the known keys where one is not known.
    package init(_ node: Node, directory: String) throws(AccessError) {
        let fields = try YAMLFields(node, "access", keys: Key.allCases.map(\.rawValue))
        let groups = try GroupReader.read(fields, Key.groups.rawValue)
        let minutes = try fields.integer(Key.tokenMinutes.rawValue, in: Self.tokenMinutes)
        self.init(
            service: try Self.service(fields),
            // Where the server speaks cleartext, so does its token endpoint.
            realm: try fields.url(Key.realm.rawValue, allowsCleartext: true),
            htpasswd: try fields.path(Key.htpasswd.rawValue, in: directory),
            robots: try fields.path(Key.robots.rawValue, in: directory),
            tokenKeys: try fields.path(Key.tokenKeys.rawValue, in: directory),
            tokenSeconds: (minutes ?? Self.defaultTokenMinutes) * 60,
            issuers: try IssuerReader.read(fields, Key.issuers.rawValue, directory: directory),
            certificates: try Self.certificates(fields, Key.certificates.rawValue),
            groups: groups.mapValues { Set($0.map(PrincipalPattern.Member.init)) },
            rules: try RuleReader.read(
                fields,
                rules: Key.rules.rawValue,
                immutable: Key.immutable.rawValue,
                quotas: Key.quotas.rawValue,
                groups: groups.mapValues { Set($0.map(PrincipalPattern.Member.init)) }
            ),
            limits: try Self.limits(fields)
        )
    }

    /// It stands in quotation marks in a header.
    private static func service(_ fields: YAMLFields) throws(AccessError) -> String {
        let key = Key.service.rawValue
        guard let service = try fields.text(key, bytesLimit: 255) else { return defaultService }
        guard service.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }) else {
            throw fields.error(key, "is written in printable ASCII without blanks, quotation marks and backslashes")
        }
        return service
    }

    private static func certificates(_ fields: YAMLFields, _ key: String) throws(AccessError) -> [CertificateMapping] {
        var mappings: [CertificateMapping] = []
        for node in try fields.elements(key) {
            let entry = try YAMLFields(node, "a certificate", keys: ["san", "name", "groups"])
            mappings.append(
                CertificateMapping(
                    san: try entry.glob("san"),
                    name: try entry.text("name", bytesLimit: 255),
                    groups: try entry.groups()
                )
            )
        }
        return mappings
    }

    private static func limits(_ fields: YAMLFields) throws(AccessError) -> LimitsConfiguration {
        guard let node = fields.node(Key.limits.rawValue) else { return LimitsConfiguration() }
        let names = [
            "requests-per-second", "request-burst", "address-requests-per-second", "address-request-burst",
            "bytes-per-second", "uploads-per-principal", "connections-per-address",
        ]
        let limits = try YAMLFields(node, "limits", keys: names)
        let bytes = try limits.bytes(names[4]).map { Double($0) }
        return LimitsConfiguration(
            principalRate: try limits.rate(names[0], burst: names[1]),
            addressRate: try limits.rate(names[2], burst: names[3]),
            // A short burst: what is within the rate should not wait, and what is beyond it not come at once.
            bytesRate: bytes.map { RateLimiter.Rate(perSecond: $0, burst: $0 / 8) },
            uploadsPerPrincipal: try limits.count(names[5]) ?? LimitsConfiguration.defaultUploads,
            connectionsPerAddress: try limits.count(names[6]) ?? LimitsConfiguration.defaultConnections
        )
    }
}

/// The groups of the file: `groups: {admins: ["user:root"]}`.
enum GroupReader {
    static func read(_ fields: YAMLFields, _ key: String) throws(AccessError) -> [String: [Principal]] {
        guard let node = fields.node(key) else { return [:] }
        guard let mapping = node.mapping else { throw fields.error(key, "is a mapping of groups to principals") }
        var names: [String] = []
        for (name, _) in mapping {
            guard let text = name.scalar?.string else {
                throw AccessError(.invalidConfiguration, "the name of a group is text", line: name.mark?.line)
            }
            names.append(try fields.word(text, key, line: name.mark?.line, also: YAMLFields.groupMarks))
        }
        let lists = try YAMLFields(node, key, keys: names)
        var groups: [String: [Principal]] = [:]
        for name in names {
            groups[name] = try lists.list(name) { text throws(AccessError) in
                guard !text.contains("*"), !text.contains("?") else {
                    throw AccessError(.invalidRule, "a group lists principals one by one, not '\(text.quotable)'")
                }
                return try Principal(parsing: text)
            }
        }
        return groups
    }
}

/// The issuers of ID tokens.
enum IssuerReader {
    private static let keys = ["name", "issuer", "audience", "jwks", "ca-file", "workloads"]

    static func read(
        _ fields: YAMLFields,
        _ key: String,
        directory: String
    ) throws(AccessError) -> [IssuerConfiguration] {
        var issuers: [IssuerConfiguration] = []
        for node in try fields.elements(key) {
            let entry = try YAMLFields(node, "an issuer", keys: keys, code: .invalidIssuer)
            let name = try entry.word(entry.required("name"), "name")
            guard !issuers.contains(where: { $0.name == name }) else {
                throw entry.error("name", "is that of another issuer: '\(name)'")
            }
            guard let issuer = try entry.url("issuer") else { throw entry.error("needs 'issuer'") }
            issuers.append(
                IssuerConfiguration(
                    name: name,
                    issuer: issuer,
                    audience: try entry.required("audience"),
                    jwks: try entry.url("jwks"),
                    caFile: try entry.path("ca-file", in: directory),
                    workloads: try workloads(entry)
                )
            )
        }
        return issuers
    }

    private static func workloads(_ issuer: YAMLFields) throws(AccessError) -> [IssuerConfiguration.Workload] {
        var workloads: [IssuerConfiguration.Workload] = []
        for node in try issuer.elements("workloads") {
            let entry = try YAMLFields(node, "a workload", keys: ["name", "claims", "groups"], code: .invalidIssuer)
            let name = try entry.word(entry.required("name"), "name")
            let claims = try claims(entry)
            workloads.append(IssuerConfiguration.Workload(name: name, claims: claims, groups: try entry.groups()))
        }
        guard !workloads.isEmpty else { throw issuer.error("needs 'workloads', or its tokens are of no use") }
        return workloads
    }

    private static func claims(_ workload: YAMLFields) throws(AccessError) -> [String: Glob] {
        guard let node = workload.node("claims"), let mapping = node.mapping, !mapping.isEmpty else {
            throw workload.error("needs 'claims': without, every token of the issuer would do")
        }
        var names: [String] = []
        for (name, _) in mapping { names.append(name.scalar?.string ?? "") }
        let fields = try YAMLFields(node, "claims", keys: names, code: .invalidIssuer)
        var claims: [String: Glob] = [:]
        for name in names {
            guard !name.isEmpty else { throw fields.error("has a claim without a name") }
            claims[name] = try fields.glob(name)
        }
        return claims
    }
}

extension YAMLFields {
    /// What the names of groups may have besides letters and digits.
    static let groupMarks = "/@+:"

    func glob(_ key: String) throws(AccessError) -> Glob {
        let text = try required(key)
        do {
            return try Glob(parsing: text)
        } catch {
            throw self.error(key, "is no pattern: \(error.reason)")
        }
    }

    func groups() throws(AccessError) -> [String] {
        try list("groups") { text throws(AccessError) in try word(text, "groups", also: Self.groupMarks) }
    }

    /// A path; one that is relative begins at the file's directory.
    func path(_ key: String, in directory: String) throws(AccessError) -> String? {
        guard let path = try text(key, bytesLimit: 4096) else { return nil }
        return path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }

    /// An https URL, or one of http that does not leave this machine; with `allowsCleartext`, http for any host.
    func url(_ key: String, allowsCleartext: Bool = false) throws(AccessError) -> String? {
        guard let text = try text(key) else { return nil }
        let scheme = text.hasPrefix("https://") ? "https://" : "http://"
        guard text.hasPrefix(scheme),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
        else { throw error(key, "is no URL that begins with https://: '\(text.quotable)'") }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.contains("@") else {
            throw error(key, "is a URL with a host and without a user: '\(text.quotable)'")
        }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        guard scheme == "https://" || allowsCleartext || ["localhost", "127.0.0.1", "[::1]"].contains(host) else {
            throw error(key, "is not https: '\(text.quotable)'")
        }
        return text
    }

    /// Numbers over this would mean no limit.
    private static let countLimit = 1_000_000_000

    func count(_ key: String) throws(AccessError) -> Int? { try integer(key, in: 1...Self.countLimit) }

    /// A rate per second and what may come at once, which is a second's worth unless the file says otherwise.
    func rate(_ key: String, burst burstKey: String) throws(AccessError) -> RateLimiter.Rate? {
        guard let rate = try count(key) else {
            guard !has(burstKey) else { throw error(burstKey, "needs '\(key)'") }
            return nil
        }
        return RateLimiter.Rate(perSecond: Double(rate), burst: Double(try count(burstKey) ?? rate))
    }
}
