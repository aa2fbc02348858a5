// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Releases

/// Answers questions about a record with the figures of this registry: `ReleaseFiguresProbe ENTRIES QUESTIONS`.
///
/// Both are files of JSON lines. For each question one line is written to standard output.
enum Probe {
    static func run(_ arguments: [String]) throws {
        guard arguments.count == 3 else {
            throw EntryReader.Failure(reason: "usage: ReleaseFiguresProbe ENTRIES QUESTIONS")
        }
        let entries = try lines(arguments[1]).map(EntryReader.entry)
        for question in try lines(arguments[2]) { print(try answer(question, entries)) }
    }

    private static func lines(_ path: String) throws -> [JSONValue] {
        let data = try Data(contentsOf: URL(filePath: path))
        return try data.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
    }

    private static func answer(_ question: JSONValue, _ entries: [ReleaseEntry]) throws -> String {
        let at = try EntryReader.number(question, "at")
        let known = entries.prefix { $0.time <= at }
        var figures = ReleaseFigures(try scope(question))
        var flapping = Flapping()
        for entry in known {
            figures.add(entry)
            flapping.add(entry)
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("figures")
            figures.finish(at: at).write(to: &writer)
            writer.key("flapping")
            writer.array { writer in
                for flap in flapping.cases(at: at) { write(flap, to: &writer) }
            }
        }
        return writer.text
    }

    private static func scope(_ question: JSONValue) throws -> FigureScope {
        FigureScope(
            from: try EntryReader.number(question, "from"),
            to: try EntryReader.number(question, "to"),
            repository: try question["repository"]?.text.map { try RepositoryName(parsing: $0) },
            environment: try EntryReader.name(question, "environment"),
            production: Set(
                try (question["production"]?.elements ?? []).compactMap(\.text).map { try PlaceName(parsing: $0) }
            ),
            driftAfter: try EntryReader.number(question, "driftAfter")
        )
    }

    private static func write(_ flap: Flapping.Case, to writer: inout JSONWriter) {
        let names = [
            flap.repository.description, flap.environment.description, flap.service?.description ?? "",
            flap.deployment.description, flap.target?.description ?? "", flap.digest.description,
        ]
        writer.array { writer in
            for name in names { writer.string(name) }
            writer.integer(flap.flips)
            writer.integer(flap.lastFlip)
        }
    }
}

do {
    try Probe.run(CommandLine.arguments)
} catch let failure as EntryReader.Failure {
    FileHandle.standardError.write(Data((failure.reason + "\n").utf8))
    exit(2)
}
