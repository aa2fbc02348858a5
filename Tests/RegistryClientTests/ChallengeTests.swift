// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import RegistryClient
import Testing

@Suite("Challenges")
struct ChallengeTests {
    @Test func parametersAreReadQuotedAndBare() throws {
        let field = #"Bearer realm="https://a.example/token",service="a \"b\" \\", scope=x , Error="invalid_token""#
        let challenge = try #require(try Challenge.parse([field]).first)
        #expect(challenge.scheme == "bearer" && challenge["realm"] == "https://a.example/token")
        #expect(
            challenge["service"] == #"a "b" \"# && challenge["scope"] == "x" && challenge["error"] == "invalid_token"
        )
    }

    @Test func severalAreReadFromOneFieldAndFromMore() throws {
        let one = try Challenge.parse([#"Negotiate, Basic realm="a", Bearer realm="b",service="c""#])
        #expect(one.map(\.scheme) == ["negotiate", "basic", "bearer"])
        #expect(one[1].parameters == ["realm": "a"] && one[2]["service"] == "c")
        let more = try Challenge.parse(["Basic realm=a", "NTLM dGVzdA==", ""])
        #expect(more.map(\.scheme) == ["basic", "ntlm"])
    }

    @Test(arguments: [
        #"Bearer realm="a"#, #"Bearer realm="a" service="b""#, #"Bearer realm="a",realm="b""#,
        "Bearer realm=a,service=",
        #"="a""#, "Bearer realm=\"a\u{1}\"", #"Bearer realm="a\"#, "\u{e9}",
    ]) func otherTextsAreRefused(field: String) throws {
        let error = #expect(throws: ClientError.self) { _ = try Challenge.parse([field]) }
        #expect(error?.code == .network)
    }

    @Test func boundsHold() throws {
        #expect(throws: ClientError.self) { _ = try Challenge.parse([String(repeating: "a ,", count: 10_000)]) }
        let many = (0..<17).map { "p\($0)=1" }.joined(separator: ",")
        #expect(throws: ClientError.self) { _ = try Challenge.parse(["Basic " + many]) }
        #expect(throws: ClientError.self) { _ = try Challenge.parse([String](repeating: "Basic realm=a", count: 17)) }
    }

    @Test func anyBytesAreReadOrRefused() throws {
        var state: UInt64 = 7
        let alphabet = Array("ab=,\"\\ \u{1}\tA~\u{e9}")
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            _ = try? Challenge.parse([text])
        }
    }
}
