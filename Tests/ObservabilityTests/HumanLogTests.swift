// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Logging
import Observability
import Testing

struct HumanLogTests {
    private func lines(
        colour: Bool = false,
        limits: LogLimits = LogLimits(),
        _ body: (Logger) -> Void
    ) throws -> [String] {
        try PipeReader.lines(.human(colour: colour), limits: limits) { output in
            body(Logger(label: "cairn.http") { output.handler(label: $0, metadataProvider: nil) })
        }
    }

    @Test func writesForPeople() throws {
        let lines = try lines {
            $0.info(
                "served",
                metadata: ["status": .stringConvertible(200), "path": "/v2/a b", "empty": "", "eq": "a=b"]
            )
            $0.critical("stop", metadata: ["list": ["a", "b"], "map": ["k": "v"]])
        }
        #expect(
            lines == [
                #"2026-09-21T14:13:20.007Z INFO     cairn.http served empty="" eq="a=b" path="/v2/a b" status=200"#,
                #"2026-09-21T14:13:20.007Z CRITICAL cairn.http stop list="[a, b]" map.k=v"#,
            ]
        )
    }

    @Test(arguments: JSONLogTests.hostile)
    func keepsHostileTextOnOneLine(_ text: String) throws {
        let lines = try lines { $0.info("\(text)", metadata: ["value": "\(text)", "k\(text)": "1"]) }
        #expect(lines.count == 1)
        let scalars = lines[0].unicodeScalars
        #expect(scalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(!scalars.contains { $0.properties.generalCategory == .format || $0.value == 0x2028 })
    }

    @Test func coloursOnlyItsOwnWords() throws {
        let plain = try lines { $0.warning("careful", metadata: ["k": "\u{1b}[31mred"]) }
        #expect(!plain[0].contains("\u{1b}"))
        let coloured = try lines(colour: true) { $0.warning("careful", metadata: ["k": "\u{1b}[31mred"]) }
        #expect(coloured[0].contains("\u{1b}[33mWARNING\u{1b}[0m"))
        #expect(!coloured[0].contains("\u{1b}[31m"))
    }

    @Test func boundsTheLine() throws {
        let controls = String(repeating: "\u{1}\u{1}\u{1}é", count: 2000)
        let lines = try lines { logger in
            logger.error("\(controls)", metadata: ["a": "\(controls)", "b": .array([.string(controls)])])
        }
        #expect(lines[0].utf8.count < LogLimits().lineBytes)
        #expect(lines[0].hasSuffix(" …"))
    }

    static let terminals: [(isTerminal: Bool, noColour: String?, terminal: String?, format: LogFormat)] = [
        (false, nil, "xterm", .json), (true, nil, "xterm-256color", .human(colour: true)),
        (true, "1", "xterm", .human(colour: false)), (true, "", "xterm", .human(colour: true)),
        (true, nil, "dumb", .human(colour: false)), (true, nil, nil, .human(colour: false)),
    ]

    @Test(arguments: terminals)
    func suitsTheTerminal(_ row: (isTerminal: Bool, noColour: String?, terminal: String?, format: LogFormat)) {
        let format = LogFormat.detected(isTerminal: row.isTerminal, noColour: row.noColour, terminal: row.terminal)
        #expect(format == row.format)
    }

    @Test func aPipeIsNoTerminal() throws {
        #expect(LogFormat.detected(descriptor: try PipeReader().writeEnd) == .json)
    }
}

struct TimestampTests {
    static let table: [(Int64, Int, String)] = [
        (0, 0, "1970-01-01T00:00:00.000Z"), (-1, 999, "1969-12-31T23:59:59.999Z"),
        (951_782_399, 1, "2000-02-28T23:59:59.001Z"), (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
        (951_868_800, 0, "2000-03-01T00:00:00.000Z"), (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        (4_107_542_399, 50, "2100-02-28T23:59:59.050Z"), (1_798_761_599, 0, "2026-12-31T23:59:59.000Z"),
        (253_402_300_799, 999, "9999-12-31T23:59:59.999Z"), (-62_135_596_800, 0, "0001-01-01T00:00:00.000Z"),
    ]

    @Test(arguments: table)
    func isWrittenAsRFC3339(_ seconds: Int64, _ milliseconds: Int, _ text: String) {
        #expect(Timestamp(seconds: seconds, milliseconds: milliseconds).description == text)
    }
}
