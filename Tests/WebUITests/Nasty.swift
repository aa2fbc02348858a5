// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import WebUI

/// Values as somebody writes them who wants more than to be shown.
enum Nasty {
    static let texts = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg onload=alert(1)>", "</title><script>",
        "{{{title}}}{{&title}}", "javascript:alert(1)", "`onmouseover=alert(1)",
        // A mark that joins the quote before it: another character to whoever counts those.
        "\"\u{0301} onfocus=alert(1) autofocus x=\"\u{0301}", "<\u{0301}script>", "&lt;script&gt;", "\u{202E}gpj.exe",
        "\u{0}\u{1B}[31m", "]]><!--", "\u{FEFF}<b>",
    ]
    /// All of them in one.
    static let text = texts.joined(separator: " ")

    /// As many as there are `texts`: these themselves for all of them in one, else the text so many times.
    static func each(_ text: String) -> [String] { text == Self.text ? texts : texts.map { _ in text } }

    static func time(_ text: String) -> Moment { Moment(iso: text, secondsAgo: 5) }
    static func digest(_ text: String) -> DigestText { DigestText(text) }
    static func linkedDigest(_ text: String) -> DigestText { DigestText(text, href: text) }
    static func link(_ text: String) -> LinkedText { LinkedText(foreign: text) }
    static func ownLink(_ text: String) -> LinkedText { LinkedText(text, href: text) }
    static func badge(_ text: String) -> Badge { Badge(text, .bad) }
    static func fact(_ text: String) -> Fact { Fact(text, text) }
    static func pager(_ text: String) -> Pager { Pager(what: text, first: text, next: text) }
    static func meter(_ text: String) -> Meter { Meter(share: .nan, text: text, tone: .warn) }
    static func shell(_ text: String) -> WebShell {
        WebShell(items: [WebShell.Item(text, text, isCurrent: true)], who: text, signIn: text, now: text)
    }
    static let plainShell = WebShell(
        items: [WebShell.Item("Repositories", "/ui/", isCurrent: false)],
        who: nil,
        signIn: nil,
        now: "2026-11-27T12:00:00Z"
    )
}
