// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Testing

/// The reader that judges every other test here must itself be able to say no.
struct ExpositionParserTests {
    static let bad: [(String, String)] = [
        ("no end of line", "# TYPE a gauge\na 1"),
        ("blank line", "# TYPE a gauge\n\na 1\n"),
        ("sample without a type", "a 1\n"),
        ("family twice", "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 2\n"),
        ("sample twice", "# TYPE a gauge\na{x=\"1\"} 1\na{x=\"1\"} 2\n"),
        ("label twice", "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n"),
        ("trailing comma", "# TYPE a gauge\na{x=\"1\",} 1\n"),
        ("unescaped quote", "# TYPE a gauge\na{x=\"1\"2\"} 1\n"),
        ("unknown escape", "# TYPE a gauge\na{x=\"\\t\"} 1\n"),
        ("raw line feed in a value", "# TYPE a gauge\na{x=\"1\n2\"} 1\n"),
        ("bad metric name", "# TYPE a.b gauge\na.b 1\n"),
        ("bad label name", "# TYPE a gauge\na{x-y=\"1\"} 1\n"),
        ("reserved label name", "# TYPE a gauge\na{__x=\"1\"} 1\n"),
        ("no value", "# TYPE a gauge\na \n"),
        ("not a number", "# TYPE a gauge\na inf\n"),
        ("time stamp", "# TYPE a gauge\na 1 1700000000\n"),
        ("unknown type", "# TYPE a meter\na 1\n"),
        ("help outside its family", "# TYPE a gauge\na 1\n# HELP a late\n"),
        ("help with a wrong escape", "# TYPE a gauge\n# HELP a b\\q\na 1\n"),
        ("sample of another family", "# TYPE a gauge\nb 1\n"),
        ("negative counter", "# TYPE a_total counter\na_total -1\n"),
        ("family without samples", "# TYPE a gauge\n"),
        ("le outside a bucket", "# TYPE a gauge\na{le=\"1\"} 1\n"),
        ("no +Inf", "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n"),
        (
            "count differs",
            "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 1\n"
        ),
        (
            "buckets fall",
            "# TYPE a histogram\na_bucket{le=\"1\"} 3\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 2\n"
        ),
        (
            "bounds fall",
            "# TYPE a histogram\na_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 1\n"
                + "a_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n"
        ),
        ("no sum", "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\n"),
        (
            "a histogram's sample is another family",
            "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n# TYPE a_sum gauge\na_sum 3\n"
        ),
    ]

    static let badOpenMetrics: [(String, String)] = [
        ("no EOF", "# TYPE a gauge\na 1\n"),
        ("EOF in the middle", "# TYPE a gauge\n# EOF\na 1\n"),
        ("counter without _total", "# TYPE a counter\na 1\n# EOF\n"),
        ("counter's family with _total", "# TYPE a_total counter\na_total 1\n# EOF\n"),
        ("unit that the name lacks", "# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n"),
        ("unescaped quote in help", "# TYPE a gauge\n# HELP a \"b\"\na 1\n# EOF\n"),
        (
            "a bound without a point",
            "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n# EOF\n"
        ),
    ]

    @Test(arguments: bad)
    func rejects(_ reason: String, _ text: String) {
        #expect(throws: ExpositionParser.Failure.self) { try ExpositionParser.parse(Array(text.utf8), .text) }
        #expect(throws: ExpositionParser.Failure.self) {
            try ExpositionParser.parse(Array((text + "# EOF\n").utf8), .openMetrics)
        }
    }

    @Test(arguments: badOpenMetrics)
    func rejectsAsOpenMetrics(_ reason: String, _ text: String) {
        #expect(throws: ExpositionParser.Failure.self) { try ExpositionParser.parse(Array(text.utf8), .openMetrics) }
    }

    @Test func rejectsWhatIsNotUTF8() {
        let bytes = Array("# TYPE a gauge\na{x=\"".utf8) + [0xff] + Array("\"} 1\n".utf8)
        #expect(throws: ExpositionParser.Failure.self) { try ExpositionParser.parse(bytes, .text) }
    }

    @Test func acceptsAndUnescapes() throws {
        let text = "# TYPE a gauge\n# HELP a two\\nlines \\\\\na{x=\"q\\\"b\\\\n\\n,}\",y=\"é\"} 1.5e-05\na -3\n"
        let family = try #require(try ExpositionParser.parse(Array(text.utf8), .text).first)
        #expect(family.help == "two\nlines \\")
        #expect(family.samples[0].labels == ["x": "q\"b\\n\n,}", "y": "é"])
        #expect(family.samples[0].value == 1.5e-05)
        #expect(family.samples[1].value == -3)
    }
}
