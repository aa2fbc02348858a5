// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Registry

/// `GET` and `POST /token`: distribution's token and OAuth 2 specifications, and RFC 8693 for ID tokens of CI jobs.
extension Responder {
    func token(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.get, .post])
        guard let access, let identity = exchange.identity else { throw RouteError.notFound }
        if exchange.request.method == .get {
            try check(service: exchange.query["service"], access)
            var request = AccessControl.TokenRequest()
            request.scopes = try Self.scopes(exchange.query.all("scope"))
            request.wantsRefreshToken = exchange.query["offline_token"] == "true"
            return try await answer(request, to: identity, access, isOAuth: false)
        }
        let bytes = try await body.collect(limit: HTTPLimits.tokenForm)
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self),
            let form = Query(parsing: Substring(text))
        else {
            throw RequestError.badQuery("the form is malformed or has over \(HTTPLimits.queryItems) fields")
        }
        try check(service: form["service"], access)
        var request = AccessControl.TokenRequest()
        request.scopes = try Self.scopes(form.all("scope"))
        request.wantsRefreshToken = form["access_type"] == "offline"
        let holder = try await self.identity(of: form, exchange, access)
        return try await answer(request, to: holder, access, isOAuth: true)
    }

    /// Who an OAuth 2 grant speaks for.
    private func identity(
        of form: Query,
        _ exchange: Exchange,
        _ access: AccessControl
    ) async throws -> Identity {
        func field(_ name: String) throws -> String {
            guard let value = form[name], !value.isEmpty else {
                throw RequestError.badQuery("this grant_type needs the field \(name)")
            }
            return value
        }
        let address = exchange.peer.address.flatMap { IPAddress($0) }
        do {
            switch form["grant_type"] {
            case "password":
                return try await access.identify(
                    user: field("username"),
                    password: field("password"),
                    address: address
                )
            case "refresh_token":
                return try await access.identify(refreshToken: field("refresh_token"), address: address)
            case "urn:ietf:params:oauth:grant-type:token-exchange":
                return try await access.identify(idToken: field("subject_token"), address: address)
            default:
                throw RequestError.badQuery(
                    "grant_type is password, refresh_token or urn:ietf:params:oauth:grant-type:token-exchange"
                )
            }
        } catch let failure as AuthenticationFailure {
            throw refusal(
                of: failure,
                exchange.request,
                exchange.route,
                from: exchange.peer,
                requestID: exchange.caller.requestID
            )
        }
    }

    private func check(service: String?, _ access: AccessControl) throws(RequestError) {
        let ours = access.policy.configuration.service
        guard let service, !service.isEmpty, service != ours else { return }
        throw .badQuery("this is the token endpoint of service '\(ours)', not of the one asked for")
    }

    /// Scopes that stand in one parameter, separated by spaces, or in several.
    private static func scopes(_ texts: [String]) throws(RequestError) -> [Scope.Item] {
        do {
            return try Scope.parse(texts.filter { !$0.isEmpty }.joined(separator: " "))
        } catch {
            throw .badQuery("scope: \(error.reason)")
        }
    }

    private func answer(
        _ request: AccessControl.TokenRequest,
        to identity: Identity,
        _ access: AccessControl,
        isOAuth: Bool
    ) async throws -> Answer {
        let issued = try await access.issue(request, to: identity)
        var json = JSONWriter()
        json.object { json in
            if !isOAuth {
                json.key("token")
                json.string(issued.token)
            }
            json.key("access_token")
            json.string(issued.token)
            if isOAuth {
                json.key("token_type")
                json.string("Bearer")
                json.key("issued_token_type")
                json.string("urn:ietf:params:oauth:token-type:access_token")
                json.key("scope")
                json.string(
                    issued.access.map { "\($0.type):\($0.name):\($0.actions.joined(separator: ","))" }
                        .joined(separator: " ")
                )
            }
            json.key("expires_in")
            json.integer(Int64(issued.expiresIn))
            json.key("issued_at")
            json.string(Date(timeIntervalSince1970: TimeInterval(issued.issuedAt)).formatted(.iso8601))
            if let refresh = issued.refreshToken {
                json.key("refresh_token")
                json.string(refresh)
            }
        }
        return Answer(
            .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }
}
