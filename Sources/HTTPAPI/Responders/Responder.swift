// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Access
import Content
import HTTPTypes
package import HummingbirdCore
package import Logging
package import Maintenance
package import NIOCore
import OCI
package import Observability
package import Registry
package import Replication
import WebUI
package import Webhooks

/// Answers every request: reads the route, asks the registry, writes what it says, counts and logs it.
package struct Responder: Sendable {
    let registry: Registry
    /// nil where everyone may do everything.
    let access: AccessControl?
    let denials: (@Sendable (Denial) -> Void)?
    /// nil where nothing is collected.
    let collector: Collector?
    let health: Health
    let metrics: HTTPMetrics
    /// nil where blobs are not read over.
    let scrubber: Scrubber?
    /// Other regions that are followed; nil where nobody does.
    let regions: RegionControl?
    /// Who is told what happens.
    let hooks: [Hook]
    /// What rollouts are judged by.
    let releases: ReleaseSettings
    /// nil where nothing is promised.
    let objectives: ObjectivesDesk?
    let accessLog: Logger?
    let logger: Logger
    let requestIDs: RequestIDs
    let dates: DateHeader
    /// nil where nothing is traced.
    let tracer: SamplingTracer?
    let hot = HotAnswers()
    /// nil where a template is malformed, which is a bug.
    let pages = try? WebRenderer()

    /// `access` says who may do what, nil for everyone everything; `denials` hears of what was refused. `accessLog`
    /// takes a line for each request, nil for none; `logger` takes what went wrong inside.
    package init(
        registry: Registry,
        access: AccessControl? = nil,
        denials: (@Sendable (Denial) -> Void)? = nil,
        collector: Collector? = nil,
        health: Health,
        metrics: HTTPMetrics,
        scrubber: Scrubber? = nil,
        regions: RegionControl? = nil,
        releases: ReleaseSettings = ReleaseSettings(),
        hooks: [Hook] = [],
        objectives: ObjectivesDesk? = nil,
        accessLog: Logger?,
        logger: Logger,
        requestIDs: RequestIDs,
        dates: DateHeader,
        tracer: SamplingTracer? = nil
    ) {
        self.registry = registry
        self.access = access
        self.denials = denials
        self.collector = collector
        self.health = health
        self.metrics = metrics
        self.scrubber = scrubber
        self.regions = regions
        self.releases = releases
        self.hooks = hooks
        self.objectives = objectives
        self.accessLog = accessLog
        self.logger = logger
        self.requestIDs = requestIDs
        self.dates = dates
        self.tracer = tracer
    }

    /// What an exchange of messages runs over.
    package enum Transport: Sendable {
        case http1
        case http1TLS
        case http2

        /// Whether file regions may be sent: TLS and the frames of HTTP/2 take bytes in memory only.
        var acceptsRegions: Bool { self == .http1 }
        /// Whether the exchange has a connection of its own to close.
        var isHTTP1: Bool { self != .http2 }
    }

    /// One request, as its handlers see it.
    struct Exchange {
        let request: Request
        let route: Route
        let query: Query
        let caller: Caller
        /// nil where everyone may do everything.
        let identity: Identity?
        let peer: Peer
        let channel: any Channel

        var headers: HTTPFields { request.headers }
        var isHead: Bool { request.method == .head }
    }

    /// The framework's entry: answers, and keeps or ends the connection.
    package func respond(
        _ request: Request,
        _ writer: consuming ResponseWriter,
        _ channel: any Channel,
        over transport: Transport,
        from peer: Peer
    ) async throws {
        let start = ContinuousClock.now
        let requestID = requestIDs.id(for: request.headers[Header.requestID])
        let trace = RequestTrace(tracer, request)
        var body = IncomingBody(request, channel: channel)
        var (named, repository, identity) = (Route?.none, RepositoryName?.none, Identity?.none)
        var answer: Answer
        metrics.began()
        defer { metrics.ended() }
        do {
            let target = request.head.path ?? "/"
            let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            var route = try Self.route(halves[0], request)
            (named, repository) = (route, route.repository)
            let query = try Self.query(halves.count == 2 ? halves[1] : "")
            route = try placed(route, query)
            repository = route.repository
            identity = try await identify(request, route, from: peer, requestID: requestID)
            body.pace = Pace(identity, peer, access)
            let exchange = Exchange(
                request: request,
                route: route,
                query: query,
                caller: caller(identity, route, from: peer, requestID: requestID),
                identity: identity,
                peer: peer,
                channel: channel
            )
            try admit(exchange)
            answer = try await trace.within { try await handle(exchange, body: &body) }
            if answer.status == .ok { remember(exchange, over: transport) }
        } catch {
            if case AccessRefusal.limited = error { try? await Task.sleep(for: HTTPLimits.limitedPause) }
            answer = errorAnswer(for: error, to: request, of: identity, requestID: requestID)
        }
        addCommonHeaders(to: &answer, of: repository, requestID: requestID)
        let reusable = isReusable(after: body, request: request)
        let closes = transport.isHTTP1 && (!reusable || request.headers[.connection] == "close")
        if closes { answer.headers[.connection] = "close" }
        let isHead = request.method == .head
        let failure = await write(answer, at: body.pace, isHead: isHead, to: writer, channel: channel, over: transport)
        let isBodiless = isHead || failure != nil
        let outcome = Outcome(
            method: Outcome.method(request.method),
            target: request.head.path ?? "",
            named: named,
            repository: repository,
            status: answer.status.code,
            digest: answer.digest,
            errorCode: answer.errorCode,
            requestID: requestID,
            principal: identity?.principal.description ?? "anonymous",
            address: peer.address,
            received: body.received,
            sent: isBodiless ? 0 : answer.length,
            elapsed: ContinuousClock.now - start,
            failure: failure,
            trace: trace.kept
        )
        record(outcome)
        trace.end(outcome, request, transport)
        if let failure { throw failure }
        if !reusable { try await end(channel, over: transport, body: &body) }
    }

    /// Ends a connection whose client may still be sending: it sees the end of the answer at once, and loses none of it
    /// to a reset.
    private func end(_ channel: any Channel, over transport: Transport, body: inout IncomingBody) async throws {
        if transport == .http1 { try? await channel.close(mode: .output) }
        _ = await body.discard()
        try await channel.close()
    }

    private static func query(_ text: Substring) throws(RequestError) -> Query {
        guard let query = Query(parsing: text) else {
            throw .badQuery("the query is malformed or has over \(HTTPLimits.queryItems) items")
        }
        return query
    }

    private func addCommonHeaders(to answer: inout Answer, of repository: RepositoryName?, requestID: String) {
        if let repository, let namespace = namespace(of: repository) { answer.headers[Header.namespace] = namespace }
        answer.headers[Header.requestID] = requestID
        answer.headers[Header.apiVersion] = "registry/2.0"
        answer.headers[Header.noSniff] = "nosniff"
        answer.headers[.date] = dates.now()
    }

    private func errorAnswer(
        for error: any Error,
        to request: Request,
        of identity: Identity?,
        requestID: String
    ) -> Answer {
        let translated = registry.translated(error)
        let answer = ErrorTable.answer(for: translated)
        if answer.status.code >= 500 {
            logger.error(
                "request failed",
                metadata: ["request_id": "\(requestID)", "error": "\(error)"]
            )
        }
        if PageResource.isPage((request.head.path ?? "").prefix { $0 != "?" }) {
            return errorPage(answer, identity, requestID: requestID)
        }
        var result = answer.answer
        if case RegistryError.uploadOutOfOrder(let offset, _) = translated {
            result.headers[.range] = UploadResponder.range(offset)
        } else if case RegistryError.uploadBusy(let offset) = translated {
            result.headers[.range] = UploadResponder.range(offset)
        }
        return result
    }

    /// Whether the connection can take another request: not when more of a refused body is to come than is worth
    /// reading, or the client was never told to send it.
    private func isReusable(after body: IncomingBody, request: Request) -> Bool {
        if body.broken { return false }
        let carriesBody = (body.declaredLength ?? 0) > 0 || request.headers[.transferEncoding] != nil
        guard carriesBody, !body.finished else { return true }
        let remaining = (body.declaredLength ?? .max) - body.received
        return remaining <= HTTPLimits.refusedBody && request.headers[.expect] == nil
    }

    /// - Returns: The error that broke the answer off, if any.
    private func write(
        _ answer: Answer,
        at pace: Pace?,
        isHead: Bool,
        to writer: consuming ResponseWriter,
        channel: any Channel,
        over transport: Transport
    ) async -> (any Error)? {
        var head = HTTPResponse(status: answer.status, headerFields: answer.headers)
        if answer.status != .noContent && answer.status != .notModified {
            head.headerFields[.contentLength] = String(answer.length)
        }
        do {
            switch answer.body {
            case _ where isHead, .none:
                try await writer.writeResponse(head)
            case .bytes(let buffer):
                try await pace?.take(Int64(buffer.readableBytes))
                try await writer.write(response: head, body: ResponseBody(byteBuffer: buffer))
            case .blob(let file, let range):
                guard let file, !range.isEmpty else {
                    try await writer.writeResponse(head)
                    return nil
                }
                var bodyWriter: any ResponseBodyWriter = try await writer.writeHead(head)
                try await BlobBody(
                    file: file,
                    range: range,
                    channel: channel,
                    acceptsRegions: transport.acceptsRegions,
                    pace: pace
                ).write(to: &bodyWriter)
                try await bodyWriter.finish(nil)
            case .arriving(let blob, let range):
                var bodyWriter: any ResponseBodyWriter = try await writer.writeHead(head)
                try await ArrivingBody(blob: blob, range: range, pace: pace).write(to: &bodyWriter)
                try await bodyWriter.finish(nil)
            }
            return nil
        } catch {
            return error
        }
    }

    /// Picks the endpoint's handler.
    private func handle(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        switch exchange.route {
        case .base: try base(exchange)
        case .blob(let name, let digest): try await blob(exchange, name, digest)
        case .uploads(let name): try await startUpload(exchange, name, body: &body)
        case .upload(let name, let id): try await upload(exchange, name, id, body: &body)
        case .manifest(let name, let reference): try await manifest(exchange, name, reference, body: &body)
        case .tags(let name): try await tags(exchange, name)
        case .referrers(let name, let digest): try await referrers(exchange, name, digest)
        case .catalog: try await catalog(exchange)
        case .live: try live(exchange)
        case .ready: try await ready(exchange)
        case .metrics: try scrape(exchange)
        case .token: try await token(exchange, body: &body)
        case .audit: try await audit(exchange)
        case .denials: try await denials(exchange)
        case .log(let resource): try await log(exchange, resource, body: &body)
        case .proof(let name, let reference): try await proof(exchange, name, reference)
        case .history(let name, let tag): try await history(exchange, name, tag)
        case .trust(let name, let reference): try await trust(exchange, name, reference)
        case .warm(let name, let reference): try await warm(exchange, name, reference)
        case .quarantines: try await quarantines(exchange)
        case .quarantine(let digest): try await quarantine(exchange, digest, body: &body)
        case .scrub: try await scrub(exchange, body: &body)
        case .collection: try await collection(exchange)
        case .decide: try await decide(exchange, body: &body)
        case .usage: try await usage(exchange)
        case .storage: try await storage(exchange)
        case .regions(let resource): try await regions(exchange, resource, body: &body)
        case .retention(let resource): try await retention(exchange, resource, body: &body)
        case .pins: try await pins(exchange, body: &body)
        case .deployments: try await deployments(exchange, body: &body)
        case .releases(let resource): try await releases(exchange, resource, body: &body)
        case .webhooks: try await webhooks(exchange)
        case .webhook(let name, let action): try await webhook(exchange, name, action)
        case .inspect(let name, let reference): try await inspect(exchange, name, reference)
        case .page(let resource): try await page(exchange, resource)
        case .objectives: try tellObjectives(exchange)
        case .maintenance: try await maintenance(exchange, body: &body)
        }
    }

    private func base(_ exchange: Exchange) throws -> Answer {
        try exchange.require([.get, .head])
        return Answer(.ok, headers: [.contentType: "application/json"], body: .bytes(ByteBuffer(string: "{}")))
    }
}

extension Responder.Exchange {
    /// - Throws: `RequestError.methodNotAllowed` unless the request's method is one of these.
    func require(_ methods: [HTTPRequest.Method]) throws(RequestError) {
        guard methods.contains(request.method) else {
            throw .methodNotAllowed(allowed: methods.map(\.rawValue).joined(separator: ", "))
        }
    }

    /// The page length that the client asked for, clamped; nil where it asked for none.
    func pageLength() throws(RequestError) -> Int? {
        guard let text = query["n"] else { return nil }
        guard let number = DecimalNumber.parse(text) else {
            throw .badQuery("n must be a whole number, not '\(text.prefix(32))'")
        }
        return Int(min(number, Int64(HTTPLimits.page)))
    }

    /// A whole number of the query; nil where it has none of that name.
    func number(_ key: String) throws(RequestError) -> Int64? {
        guard let text = query[key] else { return nil }
        guard let number = DecimalNumber.parse(text) else {
            throw .badQuery("\(key) must be a whole number, not '\(text.prefix(32))'")
        }
        return number
    }
}
