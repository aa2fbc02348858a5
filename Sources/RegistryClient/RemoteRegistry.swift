// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI

/// One registry: sends requests with the proof of who is asking, follows redirects, and tries again what failed for a
/// moment.
package struct RemoteRegistry: Sendable {
    /// A request to the registry.
    struct Call: Sendable {
        var method: HTTPMethod = .GET
        /// What follows the origin, percent-encoded.
        var target: String
        var headers: [(String, String)] = []
        var body: ByteBuffer?
        /// The statuses that are returned; all others are thrown.
        var accepted: Set<Int> = [200]
        /// What is attempted, for messages.
        var purpose: String
        var attempts = ClientLimits.attempts
    }

    package let origin: Origin
    let transport: Transport
    private let authorizer: Authorizer

    /// - Parameters:
    ///   - origin: Where it is.
    ///   - name: The repository whose credentials are used; nil for those of the registry.
    ///   - credentials: Where credentials come from.
    ///   - transport: What sends the requests.
    /// - Throws: `.usage` for credentials that cannot be read.
    package init(
        origin: Origin,
        name: RepositoryName? = nil,
        credentials: CredentialSource,
        transport: Transport
    ) throws(ClientError) {
        self.origin = origin
        self.transport = transport
        authorizer = Authorizer(
            origin: origin,
            found: try credentials.credentials(for: origin.authority, name),
            now: transport.options.now
        ) { address, authorization async throws(ClientError) in
            try await Self.tokenDocument(address, authorization, transport)
        }
    }

    /// Sends a request with the proof of who is asking, again where it fails for a moment, and answers with a response
    /// of an accepted status.
    ///
    /// - Throws: `.notFound`, `.denied`, `.keptBack`, or `.network`.
    func send(_ call: Call, _ scope: TokenScope) async throws(ClientError) -> Answer {
        var failures = 0
        while true {
            do {
                return try await attempt(call, scope)
            } catch {
                failures += 1
                let limited = failures < call.attempts ? error : ClientError(error.code, error.reason)
                let pause = RetryPlan.pause(after: limited, failures: failures, random: transport.options.random)
                guard let pause else { throw error }
                do { try await transport.options.pause(pause) } catch { throw ClientError.cancelled }
            }
        }
    }

    /// The same, and reads the body, within one attempt: a body that is cut short is asked for again.
    ///
    /// - Throws: `excess`, or else `.network`, for a body of more than `limit` bytes.
    func fetch(
        _ call: Call,
        _ scope: TokenScope,
        limit: Int,
        excess: ClientError? = nil
    ) async throws(ClientError) -> (answer: Answer, body: [UInt8]) {
        var failures = 0
        while true {
            let answer = try await send(call, scope)
            do {
                return (answer, try await answer.collect(limit: limit, excess: excess))
            } catch {
                failures += 1
                let pause = RetryPlan.pause(after: error, failures: failures, random: transport.options.random)
                guard failures < call.attempts, let pause else { throw error }
                do { try await transport.options.pause(pause) } catch { throw ClientError.cancelled }
            }
        }
    }

    /// Asks the registry how one proves who one is, and does so where there are credentials: for what is answered with
    /// less, and not with 401, to who does not.
    func introduce(for scope: TokenScope) async throws(ClientError) {
        guard let address = try? WebAddress(parsing: "\(origin)/v2/") else { return }
        let answer = try await transport.send(Transport.Request(method: .GET, address: address, headers: []))
        guard answer.status == 401 else { return }
        try await authorizer.prove(answering: Challenge.parse(answer.fields("WWW-Authenticate")), for: scope)
    }

    private func attempt(_ call: Call, _ scope: TokenScope) async throws(ClientError) -> Answer {
        guard var address = try? WebAddress(parsing: "\(origin)\(call.target)") else {
            throw ClientError(.network, "\(origin) names a place by what is no path")
        }
        var authorization = try await authorizer.header(for: scope)
        var isAnswered = false
        var redirects = 0
        while true {
            let answer = try await transport.send(request(call, address, authorization))
            if answer.status == 401, !isAnswered, address.origin == origin {
                isAnswered = true
                let challenges = try Challenge.parse(answer.fields("WWW-Authenticate"))
                authorization = try await authorizer.header(answering: challenges, for: scope, sent: authorization)
                continue
            }
            if call.accepted.contains(answer.status) { return answer }
            guard [301, 302, 303, 307, 308].contains(answer.status), call.method == .GET || call.method == .HEAD else {
                throw await answer.failure(call.purpose)
            }
            redirects += 1
            address = try target(of: answer, redirects)
        }
    }

    /// What proves who is asking goes to the registry alone, not to where it redirects.
    private func request(_ call: Call, _ address: WebAddress, _ authorization: String?) -> Transport.Request {
        var headers = call.headers
        if let authorization, address.origin == origin { headers.append(("Authorization", authorization)) }
        return Transport.Request(method: call.method, address: address, headers: headers, body: call.body)
    }

    private func target(of answer: Answer, _ redirects: Int) throws(ClientError) -> WebAddress {
        guard redirects <= ClientLimits.redirects else {
            throw ClientError(.network, "\(origin) redirects more than \(ClientLimits.redirects) times")
        }
        guard let location = answer["Location"], let next = try? answer.address.resolving(location) else {
            throw ClientError(.network, "\(answer.address.origin) redirects without a URL")
        }
        guard Self.mayRedirect(from: answer.address.origin, to: next.origin) else {
            throw ClientError(.network, "\(answer.address.origin) redirects from TLS to \(next.origin), without TLS")
        }
        return next
    }

    /// What came over TLS does not lead to where there is none.
    package static func mayRedirect(from origin: Origin, to next: Origin) -> Bool {
        origin.scheme == .http || next.scheme == .https
    }

    private static func tokenDocument(
        _ address: WebAddress,
        _ authorization: String?,
        _ transport: Transport
    ) async throws(ClientError) -> [UInt8] {
        let headers = authorization.map { [("Authorization", $0)] } ?? []
        let answer = try await transport.send(Transport.Request(method: .GET, address: address, headers: headers))
        guard answer.status == 200 else { throw await answer.failure("asking for a token") }
        return try await answer.collect(limit: ClientLimits.tokenAnswerBytes)
    }
}
