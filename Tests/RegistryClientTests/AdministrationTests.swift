// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOHTTP1
import OCI
import RegistryClient
import TestSupport
import Testing

@Suite("Questions to a registry of this kind")
struct AdministrationTests {
    private let registry = DoubleRegistry()
    private let digest: Digest
    private let one: Reference
    private let tag: OCI.Tag

    init() throws {
        digest = try Sample.digest([1])
        one = try Reference(parsing: "1")
        tag = try OCI.Tag(parsing: "1")
    }

    /// Runs work with a client of the registry as a whole, and answers with the requests too.
    private func administer<Result: Sendable>(
        _ work: @Sendable @escaping (QuarantineClient) async throws(ClientError) -> Result
    ) async throws -> (result: Result, requests: [DoubleRequest]) {
        try await registry.with { server in
            let client = try ClientFixture(Credentials(user: "user", password: "secret"))
            let result = try await Transport.with(client.options) { transport async throws(ClientError) in
                let origin = try Origin(parsing: server.authority, tls: .beyondLoopback)
                return try await work(
                    QuarantineClient(
                        RemoteRegistry(origin: origin, credentials: client.credentials, transport: transport)
                    )
                )
            }
            return (result, server.requests)
        }
    }

    private func ask<Result: Sendable>(
        _ work: @Sendable @escaping (RemoteRepository) async throws(ClientError) -> Result
    ) async throws -> Result {
        try await registry.with { server in
            try await ClientFixture().at([server]) { regions async throws(ClientError) in
                try await work(regions.repositories[0])
            }
        }
    }

    // MARK: Quarantine

    @Test func aQuarantineIsSetWithItsReason() async throws {
        registry.lie { _, _ in .status(204, [("Cairn-Event", "12")]) }
        let (event, requests) = try await administer { [digest] client async throws(ClientError) in
            try await client.set(digest, reason: "a \"door\"\n&")
        }
        #expect(event == "12" && requests.map(\.method) == [.PUT])
        #expect(requests[0].target == "/api/v1/quarantine/\(digest)")
        #expect(try JSONValue(parsing: requests[0].body)["reason"]?.text == "a \"door\"\n&")
    }

    @Test func aQuarantineIsLiftedWithItsReason() async throws {
        registry.lie { _, _ in .status(204, [("Cairn-Event", "13")]) }
        let (_, requests) = try await administer { [digest] client async throws(ClientError) in
            try await client.lift(digest, reason: "new & ok")
        }
        #expect(requests.map(\.method) == [.DELETE])
        #expect(requests[0].target == "/api/v1/quarantine/\(digest)?reason=new%20%26%20ok")
    }

    @Test func whatWasNotDoneIsNotSaidToBe() async throws {
        for (status, code) in [(404, ClientError.Code.notFound), (403, .denied), (200, .network)] {
            registry.lie { _, _ in .status(status) }
            let error = try await failure {
                _ = try await administer { [digest] client async throws(ClientError) in
                    try await client.lift(digest, reason: "x")
                }
            }
            #expect(error?.code == code)
        }
        let error = try await failure {
            _ = try await administer { [digest] client async throws(ClientError) in
                try await client.set(digest, reason: "")
            }
        }
        #expect(error?.code == .usage)
    }

    @Test func theListIsReadAndShownSafely() async throws {
        let entry = #"{"digest":"\#(digest)","reason":"a\u001b]0;x\u0007","actor":"user:a","since":"2026"}"#
        registry.lie { _, _ in .answer(status: 200, body: Array(#"{"quarantine":[\#(entry)]}"#.utf8)) }
        let (records, _) = try await administer { client async throws(ClientError) in try await client.list() }
        #expect(records.map(\.digest) == [digest])
        #expect(records[0].line == "\(digest)  since 2026 by user:a: a\\u{1b}]0;x\\u{7}")
        let document = try JSONValue(parsing: Array(QuarantineClient.json(records).utf8))
        #expect(document["quarantine"]?.elements?.first?["reason"]?.text == "a\u{1b}]0;x\u{7}")
    }

    @Test(arguments: ["{}", "[]", #"{"quarantine":[{}]}"#, #"{"quarantine":[{"digest":"x"}]}"#])
    func whatIsNoListIsRefused(body: String) async throws {
        registry.lie { _, _ in .answer(status: 200, body: Array(body.utf8)) }
        let error = try await failure {
            _ = try await administer { client async throws(ClientError) in try await client.list() }
        }
        #expect(error?.code == .network)
    }

    @Test func tokensAreAskedForWithTheRightThatIsNeeded() async throws {
        registry.lie { request, _ in
            if request.path == "/token" { return .answer(status: 200, body: Array(#"{"token":"t"}"#.utf8)) }
            guard request["Authorization"] == "Bearer t" else {
                let realm = "http://\(request["Host"] ?? "")/token"
                return .status(401, [("WWW-Authenticate", #"Bearer realm="\#(realm)""#)])
            }
            guard request.method == .GET else { return .status(204) }
            return .answer(status: 200, body: Array(#"{"quarantine":[]}"#.utf8))
        }
        let (_, requests) = try await administer { [digest] client async throws(ClientError) in
            _ = try await client.set(digest, reason: "x")
            _ = try await client.list()
        }
        #expect(
            requests.map(\.target).filter { $0.hasPrefix("/token") } == [
                "/token?scope=registry%3Aadmin%3Aadmin",
                "/token?scope=registry%3Aadmin%3Aadmin%20registry%3Aaudit%3Aaudit",
            ]
        )
    }

    // MARK: Pins and deployments

    @Test func aPinSaysWhatItIsOnAndUntilWhen() async throws {
        registry.lie { _, _ in .status(204, [("Cairn-Event", "14"), ("Warning", "299 - \"x\"")]) }
        let (name, one) = (try RepositoryName(parsing: "team/app"), one)
        let (set, requests) = try await registry.ask { registry async throws(ClientError) in
            let client = PinClient(registry)
            _ = try await client.remove(.hold, from: one, in: name)
            return try await client.set(.lock, on: one, in: name, reason: "r", until: "2030-01-01T00:00:00Z")
        }
        #expect(set.event == "14" && set.warning == #"299 - "x""#)
        #expect(requests.map(\.method) == [.DELETE, .POST])
        #expect(requests[0].target == "/api/v1/pins?repository=team%2Fapp&kind=hold&tag=1")
        let body = try JSONValue(parsing: requests[1].body)
        #expect(
            ["repository", "tag", "kind", "until"].map { body[$0]?.text } == [
                "team/app", "1", "lock", "2030-01-01T00:00:00Z",
            ]
        )
    }

    @Test func aReportNamesPlaceAndImage() async throws {
        registry.lie { _, _ in .answer(status: 200, body: Array(#"{"stale_at":"2030","warning":"w"}"#.utf8)) }
        let place = DeploymentClient.Place(
            environment: try PlaceName(parsing: "prod"),
            target: try PlaceName(parsing: "web-3"),
            service: nil
        )
        let (name, digest) = (try RepositoryName(parsing: "team/app"), digest)
        let (receipt, requests) = try await registry.ask { registry async throws(ClientError) in
            try await DeploymentClient(registry).report(place, runs: digest, of: name, deployment: nil, expires: 60)
        }
        #expect(receipt.staleAt == "2030" && receipt.warning == "w")
        let body = try JSONValue(parsing: requests[0].body)
        #expect(body["env"]?.text == "prod" && body["image"]?["digest"]?.text == digest.description)
        #expect(body["service"] == nil && body["expires"] == .integer(60))
    }

    @Test func aListIsReadByPagesAndShownSafely() async throws {
        registry.lie { request, _ in
            let isFirst = !request.target.contains("after=")
            let target = isFirst ? #"a\u001b"# : "b"
            let next = [("Link", #"</api/v1/deployments?n=1000&after=1>; rel="next""#)]
            let body = #"{"deployments":[{"env":"prod","target":"\#(target)"}]}"#
            return .answer(status: 200, headers: isFirst ? next : [], body: Array(body.utf8))
        }
        let (list, requests) = try await registry.ask { registry async throws(ClientError) in
            try await DeploymentClient(registry).list(in: nil, environment: nil, limit: 10)
        }
        #expect(requests.count == 2 && !list.hasMore)
        #expect(
            list.lines([("ENV", "env"), ("TARGET", "target"), ("X", "x")]) == [
                "ENV   TARGET   X", #"prod  a\u{1b}  -"#, "prod  b        -",
            ]
        )
    }

    @Test(arguments: ["{}", "[]", #"{"pins":[1]}"#])
    func whatIsNoListOfPinsIsRefused(body: String) async throws {
        registry.lie { _, _ in .answer(status: 200, body: Array(body.utf8)) }
        let error = try await failure {
            _ = try await registry.ask { registry async throws(ClientError) in
                try await PinClient(registry).list(in: nil, limit: 1)
            }
        }
        #expect(error?.code == .network)
    }

    // MARK: Trust

    private func explain(_ body: String, _ reference: Reference? = nil) async throws -> TrustExplanation {
        registry.lie { _, _ in .answer(status: 200, body: Array(body.utf8)) }
        let reference = reference ?? one
        return try await ask { repository async throws(ClientError) in try await repository.explanation(of: reference) }
    }

    private func document(allowed: Bool, satisfied: Bool, _ more: String = "") -> String {
        let requirement = #"""
            {"requirement":"signed by 1 of a","satisfied":\#(satisfied),"reason":"r\u0007","attachments":["sha256:b"],
            "keys":["a","c"],"valid_until":"2027"}
            """#
        return #"""
            {"name":"team/app","digest":"\#(digest)","allowed":\#(allowed)\#(more),
            "rules":[{"enforce":"pull","requirements":[\#(requirement)]}]}
            """#
    }

    @Test func everyRequirementIsExplained() async throws {
        let met = try await explain(document(allowed: true, satisfied: true))
        #expect(met.isAllowed && met.digest == digest)
        #expect(
            met.lines == [
                "team/app 1 is \(digest): allowed", "rule 1, pull: met", "  met      signed by 1 of a: r\\u{7}",
                "           keys: a, c", "           counts: sha256:b", "           holds: until 2027",
            ]
        )
        #expect(try JSONValue(parsing: Array(met.json.utf8))["allowed"] == .bool(true))
        let unmet = try await explain(document(allowed: false, satisfied: false))
        #expect(!unmet.isAllowed && unmet.lines[1] == "rule 1, pull: not met")
        let held = try await explain(document(allowed: false, satisfied: true, #","quarantine":"sha256:x: leak""#))
        #expect(held.lines[0].hasSuffix("kept back") && held.lines[1] == "in quarantine: sha256:x: leak")
    }

    @Test func anExplanationThatContradictsItselfIsRefused() async throws {
        for body in [
            document(allowed: true, satisfied: false), document(allowed: true, satisfied: true, #","quarantine":"x""#),
            "{}", #"{"digest":"\#(digest)","allowed":true}"#,
            #"{"digest":"\#(digest)","allowed":true,"rules":[{"enforce":"pull","requirements":[{}]}]}"#,
        ] {
            let error = try await failure { _ = try await explain(body) }
            #expect(error?.code == .network)
        }
    }

    @Test func anExplanationOfAnotherDigestIsRefused() async throws {
        let other = Reference.digest(try Sample.digest([2]))
        let error = try await failure { _ = try await explain(document(allowed: true, satisfied: true), other) }
        #expect(error?.code == .integrity)
    }

    // MARK: History

    private func page(_ indexes: Range<Int>) -> String {
        let items = indexes.map { #"{"kind":"tag.set","index":\#($0),"time":"T\#($0)","digest":"D","actor":"user:a"}"# }
        return #"{"history":[\#(items.joined(separator: ","))]}"#
    }

    @Test func pagesAreFollowedUpToTheLimit() async throws {
        registry.lie { [self] request, _ in
            if request.target.contains("before") { return .answer(status: 200, body: Array(page(3..<5).utf8)) }
            let link = ("Link", "</v2/team/app/_cairn/history/1?n=3&before=x>; rel=\"next\"")
            return .answer(status: 200, headers: [link], body: Array(page(0..<3).utf8))
        }
        for (limit, count, more) in [(10, 5, false), (5, 5, false), (4, 4, true), (3, 3, true), (2, 2, true)] {
            let history = try await ask { [tag] repository async throws(ClientError) in
                try await repository.history(of: tag, limit: limit)
            }
            #expect(history.items.compactMap(\.index) == (0..<count).map(Int64.init) && history.hasMore == more)
            #expect(history.lines.count == count + (more ? 2 : 1))
        }
    }

    @Test func rowsAreSafeToShow() async throws {
        let item = #"{"kind":"tag.delete","time":"T","actor":"a\u001b[1m","why":"old"}"#
        registry.lie { _, _ in .answer(status: 200, body: Array(#"{"history":[\#(item)]}"#.utf8)) }
        let history = try await ask { [tag] repository async throws(ClientError) in
            try await repository.history(of: tag, limit: 1)
        }
        #expect(history.lines[1] == "T     tag.delete  -      a\\u{1b}[1m  (old)")
        #expect(try JSONValue(parsing: Array(history.json.utf8))["history"]?.elements?.count == 1)
    }

    @Test func aListThatGoesOnElsewhereOrForeverIsNotFollowed() async throws {
        for link in ["<http://127.0.0.2/x>; rel=\"next\"", "<//other.example/x>; rel=next"] {
            registry.lie { [self] _, _ in
                .answer(status: 200, headers: [("Link", link)], body: Array(page(0..<1).utf8))
            }
            let error = try await failure {
                _ = try await ask { [tag] repository async throws(ClientError) in
                    try await repository.history(of: tag, limit: 10)
                }
            }
            #expect(error?.code == .network)
        }
        registry.lie { request, _ in
            let link = ("Link", "<\(request.target)>; rel=\"next\"")
            return .answer(status: 200, headers: [link], body: Array(#"{"history":[]}"#.utf8))
        }
        let endless = try await ask { [tag] repository async throws(ClientError) in
            try await repository.history(of: tag, limit: 10)
        }
        #expect(endless.items.isEmpty && endless.hasMore)
    }
}
