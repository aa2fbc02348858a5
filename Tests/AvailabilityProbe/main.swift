// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Observability

/// Lives the life of a registry that is told in a file, and says what its availability comes to:
/// `AvailabilityProbe LIFE`.
///
/// The file has JSON lines, each an array that begins with a word:
///
///     ["start", SECONDS, CLEAN, SAMPLES IN A MINUTE]    a process begins, after a clean end or a crash
///     ["sample", SECONDS, REGION, SOURCE, GOOD, TOTAL]
///     ["tick", SECONDS]                                 minutes that are over are written
///     ["stop", SECONDS], ["crash"]                      the process ends
///     ["maintenance", [[REGION, ENVIRONMENT or null, START, END], ...]]
///     ["ask", SECONDS]                                  answered by one line on standard output
struct Life {
    struct Failure: Error {
        let reason: String
    }

    /// The region whose registry it is.
    private static let region = "eu"

    private var book: ObjectivesBook?
    /// What was written: the table.
    private var written: [SampledMinute] = []
    private var maintenance: [MaintenanceSpan] = []
    /// When a process began last that did so after a clean end, as the catalog keeps it.
    private var cleanAt: Int64?

    mutating func live(_ line: JSONValue) throws {
        guard let fields = line.elements, let word = fields.first?.text else {
            throw Failure(reason: "a line is an array that begins with a word")
        }
        switch word {
        case "start":
            let (at, isClean) = (try Self.number(fields, 1), fields[2] == .bool(true))
            if isClean { cleanAt = at }
            let start = StartOfRun(at: at, isClean: isClean, cleanAt: cleanAt)
            let expected = try Self.number(fields, 3)
            let begun = ObjectivesBook(
                ServiceLevelObjective.defaults,
                region: Self.region,
                expected: expected,
                probed: [Self.region, "us"],
                start: start
            )
            begun.load(written)
            begun.setMaintenance(maintenance)
            book = begun
        case "sample":
            try running().count(
                good: try Self.number(fields, 4),
                total: try Self.number(fields, 5),
                of: try Self.text(fields, 3),
                in: try Self.text(fields, 2),
                at: try Self.number(fields, 1)
            )
        case "tick": written += try running().closeMinutes(before: try Self.number(fields, 1))
        case "stop":
            written += try running().closeAll(at: try Self.number(fields, 1))
            book = nil
        case "crash": book = nil
        case "maintenance":
            maintenance = try (fields[1].elements ?? []).map(Self.span)
            book?.setMaintenance(maintenance)
        case "ask": print(Self.answer(try running().report(at: try Self.number(fields, 1))))
        default: throw Failure(reason: "unknown: \(word)")
        }
    }

    private func running() throws -> ObjectivesBook {
        guard let book else { throw Failure(reason: "no process runs") }
        return book
    }

    private static func number(_ fields: [JSONValue], _ index: Int) throws -> Int64 {
        guard index < fields.count, let number = fields[index].number else {
            throw Failure(reason: "field \(index) is no number: \(fields)")
        }
        return number
    }

    private static func text(_ fields: [JSONValue], _ index: Int) throws -> String {
        guard index < fields.count, let text = fields[index].text else {
            throw Failure(reason: "field \(index) is no text: \(fields)")
        }
        return text
    }

    private static func span(_ value: JSONValue) throws -> MaintenanceSpan {
        let fields = value.elements ?? []
        return MaintenanceSpan(
            region: try text(fields, 0),
            environment: fields[1].text,
            start: try number(fields, 2),
            end: try number(fields, 3),
            reason: "told"
        )
    }

    private static func answer(_ report: ObjectivesReport) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            for figure in report.availability {
                writer.key("\(figure.region) \(figure.source)")
                writer.object { writer in
                    for (window, ratio) in figure.ratios {
                        writer.key(window.name)
                        if let ratio { writer.raw("\(ratio)") } else { writer.null() }
                    }
                }
            }
        }
        return writer.text
    }
}

do {
    guard CommandLine.arguments.count == 2 else { throw Life.Failure(reason: "usage: AvailabilityProbe LIFE") }
    var life = Life()
    let data = try Data(contentsOf: URL(filePath: CommandLine.arguments[1]))
    for line in data.split(separator: UInt8(ascii: "\n")) { try life.live(try JSONValue(parsing: Array(line))) }
} catch let failure as Life.Failure {
    FileHandle.standardError.write(Data((failure.reason + "\n").utf8))
    exit(2)
}
