// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry
import WebUI

/// The pages for people. They change nothing, and show what the API tells the same caller.
extension Responder {
    func page(_ exchange: Exchange, _ resource: PageResource) async throws -> Answer {
        try exchange.require([.get, .head])
        switch resource {
        case .root: return Self.redirect(to: PageResource.prefix)
        case .stylesheet: return Self.stylesheet(exchange.request.head.path ?? "")
        case .signIn:
            try requireSignIn(exchange)
            return Self.redirect(to: PageResource.prefix)
        case .repositories: return try await repositoriesPage(exchange)
        case .repository(let name): return try await repositoryPage(exchange, name)
        case .image(let name, let reference): return try await imagePage(exchange, name, reference)
        case .proof(let name, let reference):
            var answer = Self.text(try await registry.proof(of: reference, in: name))
            answer.headers[.cacheControl] = "no-store"
            return answer
        case .retention: return try await retentionPage(exchange)
        case .run(let id): return try await runPage(exchange, id)
        case .explain: return try await explanationPage(exchange)
        case .regions: return try await regionsPage(exchange)
        case .audit: return try await auditPage(exchange)
        case .denials: return try await denialsPage(exchange)
        case .storage: return try await storagePage(exchange)
        case .log: return try await logPage(exchange)
        case .objectives: return try objectivesPage(exchange)
        case .environments: return try await environmentsPage(exchange)
        }
    }

    /// The route of a request. A browser that asks for the root is sent to the pages; for others there is nothing.
    static func route(_ path: Substring, _ request: Request) throws(RouteError) -> Route {
        let wantsPage = path == "/" && request.headers[values: .accept].contains { $0.contains("text/html") }
        return wantsPage ? .page(.root) : try Route(path: path)
    }

    // MARK: Answers

    /// Nothing from elsewhere, no script, no form to elsewhere, and no page of others around it.
    private static let securityPolicy = """
        default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; \
        base-uri 'none'
        """

    func html<Content: WebPage>(
        _ content: Content,
        _ exchange: Exchange,
        status: HTTPResponse.Status = .ok
    ) -> Answer {
        html(content, shell(exchange.identity, at: exchange.route), status: status)
    }

    /// A page is of its reader and its moment: nobody keeps it.
    private func html<Content: WebPage>(_ content: Content, _ shell: WebShell, status: HTTPResponse.Status) -> Answer {
        guard let pages else { return Answer(.internalServerError) }
        return Answer(
            status,
            headers: [
                .contentType: "text/html; charset=utf-8", .cacheControl: "no-store",
                Header.securityPolicy: Self.securityPolicy, Header.referrerPolicy: "no-referrer",
            ],
            body: .bytes(ByteBuffer(string: pages.render(content, in: shell)))
        )
    }

    private static let stylesheetText = ByteBuffer(string: WebStylesheet.text)

    /// The stylesheet of this version, whichever one a page of another version names. Only under its own name it stays
    /// what it is.
    private static func stylesheet(_ target: String) -> Answer {
        let isOwn = target.prefix { $0 != "?" } == WebStylesheet.path
        return Answer(
            .ok,
            headers: [
                .contentType: "text/css; charset=utf-8",
                .cacheControl: isOwn ? "public, max-age=31536000, immutable" : "no-store",
                Header.securityPolicy: securityPolicy,
            ],
            body: .bytes(stylesheetText)
        )
    }

    private static func redirect(to path: String) -> Answer {
        Answer(.found, headers: [.location: path, .cacheControl: "no-store", .vary: "Accept"])
    }

    private func requireSignIn(_ exchange: Exchange) throws {
        guard let identity = exchange.identity, identity.principal.kind == .anonymous else { return }
        throw AccessRefusal.unauthenticated(
            challenge: text(of: exchange.challenge(error: nil)),
            reason: "sign in with a name and a password of this registry"
        )
    }

    /// What an error answer says, as a page.
    func errorPage(_ error: ErrorAnswer, _ identity: Identity?, requestID: String) -> Answer {
        let isUnknownPath = error.status == .notFound && error.entry.code == .unsupported
        let details = error.entry.detail.map { name, value in
            switch value {
            case .text(let text): Fact(name, Self.cut(text))
            case .number(let number): Fact(name, String(number))
            case .list(let items): Fact(name, Self.cut(items.joined(separator: ", ")))
            }
        }
        let content = ErrorPage(
            status: error.status.code,
            title: error.status.reasonPhrase,
            message: isUnknownPath ? "there is no page of this address" : Self.cut(error.entry.message),
            details: details,
            request: requestID,
            canSignIn: access != nil && identity?.principal.kind ?? .anonymous == .anonymous
        )
        var answer = html(content, shell(identity, at: nil), status: error.status)
        for field in error.headers { answer.headers[field.name] = field.value }
        answer.errorCode = error.entry.code.rawValue
        return answer
    }

    // MARK: Around pages

    private func shell(_ identity: Identity?, at route: Route?) -> WebShell {
        let isKnown = identity.map { $0.principal.kind != .anonymous } ?? (access == nil)
        func may(_ actions: [Action]) -> Bool {
            guard let identity else { return access == nil }
            return actions.contains { identity.allows($0, nil) }
        }
        var places: [(String, PageResource, String)] = [("Repositories", .repositories, PageResource.prefix)]
        if isKnown { places.append(("Environments", .environments, PageAddress.environments)) }
        if isKnown, registry.retention != nil { places.append(("Retention", .retention, "/ui/retention")) }
        if may([.audit, .admin]) {
            places.append(("Regions", .regions, "/ui/regions"))
            if objectives != nil { places.append(("Objectives", .objectives, "/ui/objectives")) }
            places.append(("Storage", .storage, "/ui/storage"))
        }
        if may([.audit]) { places.append(("Audit", .audit, "/ui/audit")) }
        if registry.journal != nil { places.append(("Log", .log, "/ui/log")) }
        let current = if case .page(let resource) = route { resource.section } else { nil as PageResource? }
        return WebShell(
            items: places.map { WebShell.Item($0.0, $0.2, isCurrent: $0.1 == current) },
            who: identity.flatMap { $0.principal.kind == .anonymous ? nil : $0.principal.description },
            signIn: access != nil && !isKnown ? "/ui/sign-in" : nil,
            now: String(Timestamp(seconds: dates.seconds()).description.prefix(19)) + "Z"
        )
    }

    // MARK: Values

    /// Of a time that may be anything: documents of others say some of them.
    func moment(_ seconds: Int64) -> Moment {
        let (ago, isOver) = dates.seconds().subtractingReportingOverflow(seconds)
        return Moment(
            iso: Timestamp(seconds: seconds).description,
            secondsAgo: isOver ? (seconds < 0 ? .max : .min) : ago
        )
    }

    /// A text of others, no longer than is shown.
    static func cut(_ text: String) -> String {
        guard text.unicodeScalars.count > HTTPLimits.shownText else { return text }
        return String(text.unicodeScalars.prefix(HTTPLimits.shownText)) + "…"
    }

    static func count(_ number: Int64) -> String { Figures.grouped(number) }
    static func count(_ number: Int) -> String { Figures.grouped(Int64(number)) }
}

extension PageResource {
    /// The page that stands for it in the list of pages.
    fileprivate var section: PageResource {
        switch self {
        case .run, .explain: .retention
        case .denials: .audit
        case .repository, .image, .proof: .repositories
        default: self
        }
    }
}
