// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOHTTP1
import OCI
import TestSupport
import Testing

/// What is mistyped is refused: taken for what is left out, it would be about more than was meant.
@Suite(.serialized, .timeLimit(.minutes(1))) struct MistypedTests {
    private static let maintenance = "/api/v1/maintenance"

    /// How many windows of maintenance are declared.
    private static func declared(_ server: TestServer) async throws -> Int? {
        let reply = try await server.send(.GET, maintenance)
        return (reply.object?["maintenance"] as? [Any])?.count
    }

    @Test(arguments: [
        #"{"seconds":60,"reason":"r","environment":["prod"]}"#, #"{"seconds":60,"reason":"r","env":"prod"}"#,
        #"{"seconds":60,"reason":"r","environment":""}"#, #"{"seconds":60,"reason":"r","environment":7}"#,
        #"{"seconds":60,"reason":["r"],"environment":"prod"}"#, #"{"seconds":"60","reason":"r"}"#,
    ])
    func maintenanceOfAnEnvironmentIsNotThatOfTheRegion(_ body: String) async throws {
        try await TestServer.with { server in
            let reply = try await server.send(.POST, Self.maintenance, text: body)
            #expect(reply.status == 400, "\(reply)")
            #expect(try await Self.declared(server) == 0)
        }
    }

    @Test func maintenanceTakesNoOtherParameters() async throws {
        try await TestServer.with { server in
            let body = #"{"seconds":60,"reason":"r","environment":null}"#
            #expect(try await server.send(.POST, "\(Self.maintenance)?environment=prod", text: body).status == 400)
            #expect(try await server.send(.POST, Self.maintenance, text: body).status == 201)
            for query in ["env=prod", "environment=", "environment=prod&x=1", "ID=7"] {
                let reply = try await server.send(.DELETE, "\(Self.maintenance)?\(query)")
                #expect(reply.status == 400, "\(query): \(reply)")
            }
            #expect(try await server.send(.GET, "\(Self.maintenance)?al=true").status == 400)
            #expect(try await Self.declared(server) == 1)
            #expect(try await server.send(.DELETE, "\(Self.maintenance)?environment=prod").status == 404)
            #expect(try await server.send(.DELETE, Self.maintenance).status == 200)
            #expect(try await Self.declared(server) == 0)
        }
    }

    @Test(arguments: [
        ("/api/v1/rollbacks", #""env":"prod","service":"web","deployment":"r","digest":5"#),
        ("/api/v1/rollbacks", #""env":"prod","service":5,"deployment":"r""#),
        ("/api/v1/rollbacks", #""env":"prod","service":"web","deployment":"r","repository":["team/app"]"#),
        ("/api/v1/promotions", #"IMAGE,"env":"prod","service":{}"#),
        ("/api/v1/promotions", #"IMAGE,"env":"prod","service":"web","from":true"#),
        ("/api/v1/rollouts", #"IMAGE,"env":"prod","service":0.5,"deployment":"d","phase":"started""#),
        ("/api/v1/builds", #""image":{"repository":"team/app","digest":5},"outcome":"failed""#),
        ("/api/v1/deployments", #"IMAGE,"env":"prod","target":"t","service":["web"]"#),
        ("/api/v1/deployments", #"IMAGE,"env":"prod","target":"t","config":7"#),
        ("/api/v1/pins", #""repository":"team/app","tag":"v1","kind":false"#),
        ("/api/v1/retention/runs", #""repositories":["team/**"]"#),
    ])
    func aMemberOfAnotherKindIsRefused(_ path: String, _ members: String) async throws {
        try await TestServer.with { server in
            let digests = [
                try await server.pushImage(seed: 1, tag: "v1").digest, try await server.pushImage(seed: 2).digest,
            ]
            let images = digests.map { #""image":{"repository":"team/app","digest":"\#($0)"}"# }
            for image in images {
                let body = #"{\#(image),"env":"prod","service":"web"}"#
                #expect(try await server.send(.POST, "/api/v1/promotions", text: body).status == 200)
            }
            let body = "{\(members.replacing("IMAGE", with: images[0]))}"
            let reply = try await server.send(.POST, path, text: body)
            #expect(reply.status == 400 && reply.errorMessage?.contains("is a text, not ") == true, "\(reply)")
            let list = try await server.send(.GET, "/api/v1/environments/prod/images")
            #expect(list.text.contains("\(digests[1])") && !list.text.contains("\"digest\":\"\(digests[0])"))
        }
    }

    @Test(arguments: [
        ("/api/v1/promotions", #"IMAGE,"env":"slip","servcie":"web""#, "servcie"),
        ("/api/v1/promotions", #""image":{"repository":"team/app","digset":"x"},"env":"prod""#, "digset"),
        ("/api/v1/rollouts", #"IMAGE,"env":"prod","deployment":"d","phase":"started","sevice":"web""#, "sevice"),
        ("/api/v1/rollbacks", #""env":"prod","deployment":"r","servise":"web""#, "servise"),
        ("/api/v1/builds", #"IMAGE,"outcome":"succeeded","revison":"abc""#, "revison"),
        (
            "/api/v1/rollouts/traffic",
            #""repository":"team/app","env":"e","deployment":"d","role":"canary","requests":1,"errors":0,"servce":"w""#,
            "servce"
        ), ("/api/v1/deployments", #"IMAGE,"env":"prod","target":"t","expire":60"#, "expire"),
        ("/api/v1/pins", #""repository":"team/app","tag":"v1","reason":"r","untill":"2027-01-01T00:00:00Z""#, "untill"),
        ("/api/v1/retention/runs", #""repository":"team/app""#, "repository"),
    ])
    func aMemberOfAnotherNameIsRefused(_ path: String, _ members: String, _ name: String) async throws {
        try await TestServer.with { server in
            let digest = try await server.pushImage(seed: 1, tag: "v1").digest
            let image = #""image":{"repository":"team/app","digest":"\#(digest)"}"#
            let reply = try await server.send(.POST, path, text: "{\(members.replacing("IMAGE", with: image))}")
            #expect(reply.status == 400, "\(reply)")
            #expect(reply.errorMessage?.contains("\"\(name)\" is not one of ") == true, "\(reply)")
            let entries = try await server.send(.GET, "/api/v1/releases")
            #expect((entries.object?["releases"] as? [Any])?.isEmpty == true, "\(entries)")
        }
    }

    @Test func aWithdrawalTakesNoOtherParameters() async throws {
        try await TestServer.with { server in
            let digest = try await server.pushImage(seed: 1, tag: "v1").digest
            let (path, list) = ("/api/v1/promotions", "/api/v1/environments/prod/images")
            let order = #""image":{"repository":"team/app","digest":"\#(digest)"},"env":"prod""#
            #expect(try await server.send(.POST, "\(path)?service=web", text: "{\(order)}").status == 400)
            for body in ["{\(order)}", #"{\#(order),"service":"web"}"#] {
                #expect(try await server.send(.POST, path, text: body).status == 200)
            }
            let place = "repository=team/app&env=prod"
            let refused = try await server.send(.DELETE, "\(path)?\(place)&servce=web")
            #expect(refused.status == 400 && refused.errorMessage?.contains("servce") == true, "\(refused)")
            let before = try await server.send(.GET, list)
            #expect((before.object?["images"] as? [Any])?.count == 2, "\(before)")
            #expect(try await server.send(.DELETE, "\(path)?\(place)&service=web").status == 200)
            let after = try await server.send(.GET, list)
            #expect((after.object?["images"] as? [Any])?.count == 1, "\(after)")
            let verdict = try await server.send(.GET, "/api/v1/rollouts/verdict?\(place)&deployment=d&servce=web")
            #expect(verdict.status == 400, "\(verdict)")
        }
    }

    @Test(arguments: [
        ("https://hooks.example?token=S", "hooks.example"), ("https://hooks.example#S", "hooks.example"),
        ("https://hooks.example:8443/services/S?token=S", "hooks.example:8443"),
        ("https://S@hooks.example/", "hooks.example"),
        ("https://user:S@hooks.example", "hooks.example"), ("http://[::1]:80/S", "[::1]:80"), ("hooks.example?S", ""),
    ])
    func ofAWebhookOnlyTheHostIsTold(_ url: String, _ host: String) {
        #expect(Responder.hookHost(of: url) == host)
    }
}
