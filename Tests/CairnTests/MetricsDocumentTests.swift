// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct MetricsDocumentTests {
    /// The tables of docs/metrics.md are the program's own words.
    @Test func theTablesAreThoseOfTheProgram() async throws {
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let document = try String(contentsOf: checkout.appending(path: "docs/metrics.md"), encoding: .utf8)
        let (begin, end) = (
            "<!-- cairn observability metrics: begin -->\n", "<!-- cairn observability metrics: end -->"
        )
        let start = try #require(document.range(of: begin)?.upperBound)
        let stop = try #require(document.range(of: end)?.lowerBound)
        let directory = try TemporaryDirectory()
        let result = try await CairnProcess.run(["observability", "metrics"], directory: directory.path)
        #expect(result.status == 0)
        #expect(
            result.output.trimmingCharacters(in: .newlines)
                == document[start..<stop].trimmingCharacters(in: .newlines),
            "run `cairn observability metrics` and put what it prints into docs/metrics.md"
        )
    }
}
