// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing
import WebUI

@Suite struct RenderTests {
    private static func render(_ page: any WebPage) throws -> String {
        try WebRenderer().render(page, in: Nasty.shell(Nasty.text))
    }

    /// What is between `<` and `>`, attributes with their values among it.
    private static func tags(_ html: String) -> [String] {
        html.unicodeScalars.split(separator: "<").dropFirst().map { String($0.prefix { $0 != ">" }) }
    }

    @Test func everyPageIsMade() throws {
        let renderer = try WebRenderer()
        for page in Samples.pages("plain") {
            let html = renderer.render(page, in: Nasty.plainShell)
            #expect(html.hasPrefix("<!doctype html>"), "\(type(of: page))")
            #expect(html.contains("<h1"), "\(type(of: page))")
            #expect(html.contains("</html>"), "\(type(of: page))")
            #expect(!html.contains("Optional("), "\(type(of: page))")
            #expect(!html.contains("{{#") && !html.contains("{{>"), "\(type(of: page))")
        }
    }

    /// A page of hostile values has the very tags that a page of harmless ones has, and no attribute more.
    @Test func noValueMakesATag() throws {
        let renderer = try WebRenderer()
        for (nasty, plain) in zip(Samples.pages(Nasty.text), Samples.pages("plain")) {
            let found = Self.tags(renderer.render(nasty, in: Nasty.shell(Nasty.text)))
            let wanted = Self.tags(renderer.render(plain, in: Nasty.shell("plain")))
            let shape = { (tag: String) in Self.shape(tag) }
            #expect(found.map(shape) == wanted.map(shape), "\(type(of: nasty))")
        }
    }

    /// The name of a tag and those of its attributes, by the rules of HTML for what is in quotes.
    private static func shape(_ tag: String) -> [String] {
        var names: [String] = []
        var word = ""
        var isQuoted = false
        for scalar in tag.unicodeScalars {
            if scalar == "\"" {
                isQuoted.toggle()
            } else if isQuoted {
                continue
            } else if scalar == " " || scalar == "\n" {
                if !word.isEmpty { names.append(word) }
                word = ""
            } else {
                word.unicodeScalars.append(scalar)
            }
        }
        if !word.isEmpty { names.append(word) }
        return names
    }

    @Test(arguments: Nasty.texts)
    func everyScalarIsLookedAt(_ text: String) throws {
        let page = AuditPage(principal: text, repository: "", rows: [], pager: Nasty.pager(text))
        let html = try Self.render(page)
        let start = try #require(html.firstRange(of: "id=\"principal\" name=\"principal\" value=\""))
        let value = html.unicodeScalars[start.upperBound...].prefix { $0 != "\"" }
        let forbidden = "<>'`\u{0}\u{1B}\u{202E}\u{FEFF}".unicodeScalars
        #expect(!value.contains { forbidden.contains($0) }, "\(String(value))")
        #expect(html.unicodeScalars[value.endIndex...].starts(with: "\" maxlength=".unicodeScalars))
    }

    @Test(arguments: [
        "javascript:alert(1)", "JAVASCRIPT:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x",
        "//example.org", "/\\example.org", "http:/example.org", "https://", "https://\u{202E}x", "https://a b",
        "https://a\" onclick=\"x", "https://a<b>", "http://user@example.org", "https://ex\u{0430}mple.org",
        "ftp://example.org", "java\nscript:alert(1)", "http://\\example.org",
    ])
    func onlyAddressesOfTheWebBecomeLinks(_ text: String) throws {
        let html = try Self.render(
            ExplanationPage(
                image: LinkedText(foreign: text),
                hasRules: true,
                rows: [],
                more: nil,
                protections: [],
                past: []
            )
        )
        #expect(!html.contains("noreferrer"), "\(text)")
    }

    @Test(arguments: [
        "https://example.org/a?b=c&d#e", "http://example.org:8080", "HTTPS://EXAMPLE.ORG/", "https://[::1]/",
    ])
    func anAddressOfTheWebIsALink(_ text: String) throws {
        let html = try Self.render(
            ExplanationPage(
                image: LinkedText(foreign: text),
                hasRules: true,
                rows: [],
                more: nil,
                protections: [],
                past: []
            )
        )
        let address = text.split(separator: "&").joined(separator: "&amp;")
        #expect(html.contains("<a href=\"\(address)\" rel=\"noreferrer noopener nofollow\">"))
    }

    @Test func theStylesheetIsNamedByItsText() {
        #expect(WebStylesheet.path == "/ui/style-\(WebStylesheet.digest).css")
        #expect(!WebStylesheet.text.contains("url("))
        #expect(!WebStylesheet.text.contains("@import"))
    }

    @Test(
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (1_536, "1.5 KiB"), (10_485_760, "10 MiB"),
            (1 << 40, "1 TiB"), (Int64.max, "8 EiB"),
        ] as [(Int64, String)]
    )
    func sizesAreReadable(_ size: (bytes: Int64, text: String)) {
        #expect(Figures.bytes(size.bytes) == size.text)
    }

    @Test func numbersAreReadable() {
        #expect(Figures.grouped(1_234_567) == "1,234,567")
        #expect(Figures.grouped(-1_000) == "-1,000")
        #expect(Figures.grouped(12) == "12")
        #expect(Figures.decimal(0.05) == "0.05")
        #expect(Figures.decimal(-2.5) == "-2.5")
        #expect(Figures.decimal(.nan) == "0")
        let shares: [(Double, String)] = [
            (0, "0 %"), (0.5, "50 %"), (0.5432, "54.32 %"), (0.99, "99 %"), (0.9905, "99.05 %"), (0.999, "99.9 %"),
            (0.9999, "99.99 %"), (0.99999, "99.999 %"), (0.9999877, "99.9988 %"), (0.999_999_999, "99.9999999 %"),
            (1.0.nextDown, "99.99999999 %"), (1, "100 %"), (.nan, "0 %"),
        ]
        for (share, text) in shares { #expect(Figures.percent(share) == text) }
        #expect(Moment.span(59) == "59 s")
        #expect(Moment.span(7_200) == "2 h")
    }

    @Test func aBudgetOfWhichNothingIsKnownIsNotShownAsWhole() throws {
        func html(_ budget: Double?) throws -> String {
            let objective = ObjectivesPage.Objective(
                id: "a",
                name: "a",
                about: "a",
                standing: Badge("no data", .calm),
                facts: [],
                budgetLeft: budget,
                chart: nil,
                burns: []
            )
            return try Self.render(ObjectivesPage(objectives: [objective], maintenance: nil))
        }
        #expect(try html(1).contains("100 % of the error budget is left"))
        let unknown = try html(nil)
        #expect(!unknown.contains("error budget") && !unknown.contains("class=\"meter"))
    }

    @Test func aChartSaysInWordsWhatItShows() throws {
        let html = try Self.render(Samples.objectives("2026-11-27"))
        #expect(
            html.contains("aria-label=\"Burn rate from 2026-11-27 to 2026-11-27: now 1, at most 3, too fast above 2\"")
        )
        #expect(html.contains("40 % of the error budget is left"))
        // What is not known is a gap: two lines, one on each side of it and of what is no number.
        #expect(html.components(of: "<polyline") == 3)
        #expect(html.contains("too fast"))
        #expect(html.contains("no data"))
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
