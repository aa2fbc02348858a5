// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// Gives the credentials that the registry asks for: Basic, or a bearer token for the repositories of a request.
///
/// What the registry wants is learnt once, from its answer to `GET /v2/`.
actor Authorizer {
    /// User name and password as one word, `user:password`.
    private let credentials: String?
    private var scheme = Scheme.none
    private var tokens: [String: String] = [:]

    private enum Scheme {
        case none
        case basic
        case bearer(realm: String, service: String?)
    }

    init(credentials: String?) {
        self.credentials = credentials
        if credentials != nil {
            scheme = .basic
        }
    }

    private struct TokenReply: Decodable {
        let token: String?
        let accessToken: String?

        enum CodingKeys: String, CodingKey {
            case token
            case accessToken = "access_token"
        }
    }

    /// Learns from the challenge of a 401 answer how to present credentials.
    func learn(from response: Response) {
        guard response.status == 401, let challenge = response.headers["WWW-Authenticate"],
            challenge.lowercased().hasPrefix("bearer ")
        else {
            return
        }
        let parameters = Self.parameters(of: String(challenge.dropFirst("bearer ".count)))
        if let realm = parameters["realm"] {
            scheme = .bearer(realm: realm, service: parameters["service"])
        }
    }

    /// The header fields to add to a request for a target.
    func fields(for target: String, through transport: Transport) async -> [Headers.Field] {
        switch scheme {
        case .none:
            return []
        case .basic:
            return basicFields()
        case .bearer(let realm, let service):
            let scopes = Self.scopes(of: target)
            let key = scopes.joined(separator: " ")
            if let token = tokens[key] {
                return [Headers.Field(name: "Authorization", value: "Bearer \(token)")]
            }
            var url = realm
            if let service {
                url = url.appending(query: "service=\(service.percentEncoded)")
            }
            for scope in scopes {
                url = url.appending(query: "scope=\(scope.percentEncoded)")
            }
            let request = Request(method: "GET", target: url, headers: Headers(basicFields()))
            guard let reply = try? await transport.exchange(request),
                let decoded = try? JSONDecoder().decode(TokenReply.self, from: Data(reply.body)),
                let token = decoded.token ?? decoded.accessToken
            else {
                return []
            }
            if tokens.count >= Limits.tokens {
                tokens.removeAll()
            }
            tokens[key] = token
            return [Headers.Field(name: "Authorization", value: "Bearer \(token)")]
        }
    }

    private func basicFields() -> [Headers.Field] {
        guard let credentials else {
            return []
        }
        let encoded = Data(credentials.utf8).base64EncodedString()
        return [Headers.Field(name: "Authorization", value: "Basic \(encoded)")]
    }

    /// The repositories that a target touches: that of its path, and the source of a mount.
    private static func scopes(of target: String) -> [String] {
        var scopes: [String] = []
        if let path = RegistryPath(target) {
            scopes.append("repository:\(path.repository):pull,push,delete")
        } else if target.hasPrefix("/v2/_catalog") {
            scopes.append("registry:catalog:*")
        }
        let query = target.drop { $0 != "?" }.dropFirst()
        for pair in query.split(separator: "&") where pair.hasPrefix("from=") {
            let source = pair.dropFirst("from=".count).replacing("%2F", with: "/")
            scopes.append("repository:\(source):pull")
        }
        return scopes
    }

    /// The parameters of a challenge: `name="value"` or `name=value`, separated by commas.
    private static func parameters(of text: String) -> [String: String] {
        var result: [String: String] = [:]
        var name = ""
        var value = ""
        var (isQuoted, isValue) = (false, false)
        for character in text + "," {
            switch character {
            case "\"": isQuoted.toggle()
            case "=" where !isValue: isValue = true
            case "," where !isQuoted:
                result[name.trimmed.lowercased()] = value
                (name, value, isValue) = ("", "", false)
            default:
                if isValue { value.append(character) } else { name.append(character) }
            }
        }
        return result
    }
}
