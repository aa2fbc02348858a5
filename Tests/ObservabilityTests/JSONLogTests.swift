// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Logging
import Observability
import Testing

struct JSONLogTests {
    struct Broken: Error, CustomStringConvertible {
        var description: String
    }

    private func lines(
        limits: LogLimits = LogLimits(),
        provider: Logger.MetadataProvider? = nil,
        _ body: (inout Logger) -> Void
    ) throws -> [String] {
        try PipeReader.lines(.json, limits: limits) { output in
            var logger = Logger(label: "cairn.test") { output.handler(label: $0, metadataProvider: provider) }
            body(&logger)
        }
    }

    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func writesOneObjectALine() throws {
        let lines = try lines { logger in
            logger[metadataKey: "request"] = "r1"
            logger.info(
                "served",
                metadata: [
                    "status": .stringConvertible(200), "seconds": .stringConvertible(0.25),
                    "hit": .stringConvertible(true),
                    "digest": "sha256:00", "http": ["method": "GET", "range": ["first": "0"]],
                    "list": ["a", ["b": "c"], .stringConvertible(3)],
                ]
            )
        }
        #expect(
            lines == [
                #"{"time":"2026-09-21T14:13:20.007Z","level":"info","logger":"cairn.test","message":"served","#
                    + #""digest":"sha256:00","hit":true,"http.method":"GET","http.range.first":"0","#
                    + #""list":["a",{"b":"c"},3],"request":"r1","seconds":0.25,"status":200}"#
            ]
        )
    }

    static let hostile = [
        "line\nfeed", "carriage\rreturn", "quote\"", "back\\slash", "\u{0}\u{1}\u{1f}", "\u{7f}\u{80}\u{9b}31m",
        "\u{1b}[2J\u{1b}]0;title\u{7}", "\u{2028}\u{2029}", "\u{202e}txt.exe", "\u{2066}x\u{2069}", "é漢字😀",
        "\",\"level\":\"critical\",\"x\":\"", "}\n{\"level\":\"critical\"}", "", "\u{feff}",
    ]

    @Test(arguments: hostile)
    func keepsHostileTextOnOneLine(_ text: String) throws {
        let lines = try lines { logger in
            logger.info("\(text)", metadata: ["value": "\(text)", "\(text)k": "1", "d": ["\(text)": "2"]])
        }
        #expect(lines.count == 1)
        let object = try object(lines[0])
        #expect(object["message"] as? String == text)
        #expect(object["value"] as? String == text)
        #expect(object["level"] as? String == "info")
        #expect(object[text + "k"] as? String == "1")
        #expect(object["d." + text] as? String == "2")
        let scalars = lines[0].unicodeScalars
        #expect(scalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(!scalars.contains { $0.properties.generalCategory == .format || $0.value == 0x2028 })
    }

    @Test func cutsLongValues() throws {
        let long = String(repeating: "é", count: 500)
        let lines = try lines { logger in
            logger.info("\(String(repeating: long, count: 5))", metadata: ["value": "\(long)", "list": ["\(long)"]])
        }
        let object = try object(lines[0])
        #expect(object["value"] as? String == String(repeating: "é", count: 128) + "…")
        #expect(object["list"] as? [String] == [String(repeating: "é", count: 128) + "…"])
        #expect((object["message"] as? String)?.utf8.count == 2048 + 3)
    }

    @Test func boundsTheLine() throws {
        let controls = String(repeating: "\u{1}", count: 4000)
        var metadata: Logger.Metadata = ["z": "kept"]
        for number in 0..<50 { metadata["m\(number)"] = "\(controls)" }
        metadata["list"] = .array(Array(repeating: .string(controls), count: 1000))
        metadata["array"] = .array(Array(repeating: .dictionary(["k": .string(controls)]), count: 1000))
        let lines = try lines { logger in logger.error("\(controls)", metadata: metadata) }
        #expect(lines[0].utf8.count < LogLimits().lineBytes)
        let object = try object(lines[0])
        #expect(object["truncated"] as? Bool == true)
        #expect(object["z"] as? String == "kept")
        #expect(try #require(object["message"] as? String).hasPrefix("\u{1}\u{1}\u{1}"))
    }

    @Test func boundsTheDepth() throws {
        var array = Logger.MetadataValue.string("deep")
        var dictionary = Logger.MetadataValue.string("deep")
        for _ in 0..<5000 {
            array = .array([array])
            dictionary = .dictionary(["k": dictionary])
        }
        let lines = try lines { $0.info("m", metadata: ["array": array, "dictionary": dictionary]) }
        #expect(!lines[0].contains("deep"))
        _ = try object(lines[0])
        let shallow = try self.lines { $0.info("m", metadata: ["array": [[[[[[[["deep"]]]]]]]]]) }
        #expect(shallow[0].contains(#""array":[[[[[[[["…"]]]]]]]]"#))
    }

    @Test func metadataCannotPoseAsTheLine() throws {
        let lines = try lines { logger in
            logger.info(
                "true",
                metadata: ["message": "false", "level": "critical", "time": "never", "metadata.time": "twice"]
            )
        }
        let object = try object(lines[0])
        #expect(object["message"] as? String == "true")
        #expect(object["level"] as? String == "info")
        #expect(object["metadata.message"] as? String == "false")
        #expect(lines[0].components(separatedBy: "metadata.time").count == 2)
    }

    @Test func theLastWordWins() throws {
        let provider = Logger.MetadataProvider { ["a": "provider", "b": "provider", "c": "provider"] }
        let lines = try lines(provider: provider) { logger in
            logger[metadataKey: "a"] = "logger"
            logger[metadataKey: "d"] = "logger"
            logger.info("m", metadata: ["b": "call"])
        }
        let object = try object(lines[0])
        #expect(object["a"] as? String == "provider")
        #expect(object["b"] as? String == "call")
        #expect(object["d"] as? String == "logger")
    }

    @Test func showsErrors() throws {
        let text = "broken\n" + String(repeating: "x", count: 2000)
        let lines = try lines { $0.error("m", error: Broken(description: text)) }
        let object = try object(lines[0])
        #expect(try #require(object["error.type"] as? String).hasSuffix("JSONLogTests.Broken"))
        #expect(try #require(object["error.message"] as? String) == String(text.prefix(1024)) + "…")
    }

    @Test func numbersThatJSONLacksAreStrings() throws {
        let lines = try lines {
            $0.info("m", metadata: ["a": .stringConvertible(Double.nan), "b": .stringConvertible(UInt64.max)])
        }
        #expect(lines[0].hasSuffix(#""a":"nan","b":18446744073709551615}"#))
    }

    @Test func levelIsAValue() throws {
        let lines = try lines { logger in
            var quiet = logger
            quiet.logLevel = .error
            quiet.info("hidden")
            logger.info("shown")
        }
        #expect(lines.count == 1)
    }
}
