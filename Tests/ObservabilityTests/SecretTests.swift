// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Logging
import Observability
import Testing

struct SecretTests {
    struct Holder {
        var name = "holder"
        var secret = Secret("hunter2")
    }

    @Test func givesItselfAwayOnlyWhenAsked() {
        #expect(Secret("hunter2").reveal() == "hunter2")
    }

    @Test func neverPrints() {
        let secret = Secret("hunter2")
        let bytes = Secret<[UInt8]>(Array("hunter2".utf8))
        var dumped = ""
        dump(Holder(), to: &dumped)
        dump(secret, to: &dumped)
        dump(bytes, to: &dumped)
        let texts = [
            "\(secret)", String(describing: secret), String(reflecting: secret), "\(Holder())", "\([secret])",
            "\(["k": secret])", "\(Optional(secret) as Any)", String(reflecting: Holder()), "\(bytes)",
            "\(Mirror(reflecting: secret).children.map { "\($0)" })", dumped,
        ]
        for text in texts {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("104"))
        }
        #expect("\(secret)" == "<secret>")
    }

    @Test func neverReachesALog() throws {
        for format in [LogFormat.json, .human(colour: false)] {
            let lines = try PipeReader.lines(format) { output in
                let logger = Logger(label: "test") { output.handler(label: $0, metadataProvider: nil) }
                let secret = Secret("hunter2")
                logger.info("\(secret)", metadata: ["a": "\(secret)", "b": .stringConvertible(secret)])
            }
            #expect(lines.count == 1)
            #expect(!lines[0].contains("hunter2"))
            #expect(lines[0].contains("<secret>"))
        }
    }
}
