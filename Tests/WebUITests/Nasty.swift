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

    static let time = Moment(iso: text, secondsAgo: 5)
    static let digest = DigestText(text)
    static let link = LinkedText(foreign: text)
    static let badge = Badge(text, .bad)
    static let fact = Fact(text, text)
    static let pager = Pager(what: text, first: nil, next: nil)
    static let meter = Meter(share: .nan, text: text, tone: .warn)
    static let shell = WebShell(
        items: [WebShell.Item(text, "/ui/", isCurrent: true)],
        who: text,
        signIn: "/ui/sign-in",
        now: text
    )
    static let plainShell = WebShell(
        items: [WebShell.Item("Repositories", "/ui/", isCurrent: false)],
        who: nil,
        signIn: nil,
        now: "2026-11-27T12:00:00Z"
    )
}
