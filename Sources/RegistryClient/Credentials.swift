// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A user's name and password.
package struct Credentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package let user: String
    package let password: String

    /// - Throws: `.usage` for a name that Basic authentication cannot carry (RFC 7617, section 2).
    package init(user: String, password: String) throws(ClientError) {
        let isPrintable = (user + password).utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        guard !user.isEmpty, !user.utf8.contains(UInt8(ascii: ":")), isPrintable else {
            throw ClientError(
                .usage,
                "a user name is not empty and has no colon; neither it nor the password has controls"
            )
        }
        self.user = user
        self.password = password
    }

    /// The value of an `Authorization` header.
    var basic: String { "Basic " + Base64.encode(Array("\(user):\(password)".utf8)) }

    /// Never the password.
    package var description: String { "credentials of \(user)" }
    package var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}

/// Where credentials come from: what the command was given, else the files that `docker login` and `podman login` keep.
///
/// Credential helpers are not called. An entry that has only an identity token is not used.
package struct CredentialSource: Sendable {
    /// What was found for a repository.
    package struct Found: Sendable {
        package var credentials: Credentials?
        /// Why there are none, where a file says that a helper has them.
        package var notice: String?
    }

    private let given: Credentials?
    private let files: [String]

    /// - Parameters:
    ///   - given: Those of the command line; else those of `CAIRN_USERNAME` and `CAIRN_PASSWORD` are taken.
    ///   - environment: The variables of the process. `REGISTRY_AUTH_FILE` names the only file to read; else they are,
    ///     in this order, `$XDG_RUNTIME_DIR/containers/auth.json`, `$XDG_CONFIG_HOME/containers/auth.json` and
    ///     `$DOCKER_CONFIG/config.json`, with `~/.config` and `~/.docker` where a variable is not set.
    /// - Throws: `.usage` for a name or password that cannot be sent.
    package init(given: Credentials?, environment: [String: String]) throws(ClientError) {
        if let given {
            self.given = given
        } else if let user = environment["CAIRN_USERNAME"], !user.isEmpty {
            self.given = try Credentials(user: user, password: environment["CAIRN_PASSWORD"] ?? "")
        } else {
            self.given = nil
        }
        files = Self.files(environment)
    }

    private static func files(_ environment: [String: String]) -> [String] {
        func directory(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let file = directory("REGISTRY_AUTH_FILE") { return [file] }
        let home = directory("HOME")
        return [
            directory("XDG_RUNTIME_DIR").map { "\($0)/containers/auth.json" },
            (directory("XDG_CONFIG_HOME") ?? home.map { "\($0)/.config" }).map { "\($0)/containers/auth.json" },
            (directory("DOCKER_CONFIG") ?? home.map { "\($0)/.docker" }).map { "\($0)/config.json" },
        ].compactMap { $0 }
    }

    /// The credentials for a repository of a registry, or for the registry.
    package func credentials(for authority: String, _ name: RepositoryName?) throws(ClientError) -> Found {
        if let given { return Found(credentials: given) }
        var notice: String?
        for file in files {
            guard let bytes = try LocalFile.contents(of: file, limit: ClientLimits.credentialFileBytes) else {
                continue
            }
            guard let document = try? JSONValue(parsing: bytes) else {
                throw ClientError(.usage, "\(file) is not the JSON that keeps credentials")
            }
            let found = try Self.find(in: document, authority, name, file)
            if found.credentials != nil { return found }
            notice = notice ?? found.notice
        }
        return Found(notice: notice)
    }

    /// Entries are named by host, by host and the beginning of a name, or, of old, by URL.
    private static func find(
        in document: JSONValue,
        _ authority: String,
        _ name: RepositoryName?,
        _ file: String
    ) throws(ClientError) -> Found {
        var keys: [String] = []
        var components = name?.description.split(separator: "/") ?? []
        while !components.isEmpty {
            keys.append(authority + "/" + components.joined(separator: "/"))
            components.removeLast()
        }
        keys += [authority, "https://\(authority)", "https://\(authority)/v1/", "https://\(authority)/v2/"]
        for key in keys {
            if let entry = document["auths"]?[key], let credentials = try read(entry, file) {
                return Found(credentials: credentials)
            }
        }
        if case .string? = document["credHelpers"]?[authority] {
            return Found(notice: "\(file) leaves \(authority) to a credential helper, and none is called here")
        }
        if case .string(let store)? = document["credsStore"], !store.isEmpty {
            return Found(notice: "\(file) leaves credentials to the helper \(store), and none is called here")
        }
        return Found()
    }

    private static func read(_ entry: JSONValue, _ file: String) throws(ClientError) -> Credentials? {
        guard case .string(let text)? = entry["auth"], !text.isEmpty else {
            guard case .string(let user)? = entry["username"], case .string(let password)? = entry["password"] else {
                return nil
            }
            return try Credentials(user: user, password: password)
        }
        guard let decoded = Base64.decode(text) else {
            throw ClientError(.usage, "an entry of \(file) is not in base64")
        }
        // Some writers end the password with a zero byte.
        let pair = String(decoding: decoded.prefix { $0 != 0 }, as: UTF8.self)
        guard let colon = pair.firstIndex(of: ":") else {
            throw ClientError(.usage, "an entry of \(file) is not user:password")
        }
        return try Credentials(user: String(pair[..<colon]), password: String(pair[pair.index(after: colon)...]))
    }
}
