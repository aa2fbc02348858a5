// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What stands around every page.
package struct WebShell: Sendable {
    package struct Item: Sendable {
        let text: String
        let href: String
        let isCurrent: Bool

        package init(_ text: String, _ href: String, isCurrent: Bool) {
            self.text = text
            self.href = href
            self.isCurrent = isCurrent
        }
    }

    let stylesheet = WebStylesheet.path
    let items: [Item]
    /// Who is signed in; nil where nobody is, or nobody has to be.
    let who: String?
    /// Where to sign in; nil where nobody has to be, or somebody is.
    let signIn: String?
    /// When the page was made.
    let now: String

    package init(items: [Item], who: String?, signIn: String?, now: String) {
        self.items = items
        self.who = who
        self.signIn = signIn
        self.now = now
    }
}

extension WebTemplate {
    static let layout = WebTemplate(
        "layout",
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="robots" content="noindex">
        <title>{{title}} · Cairn</title>
        <link rel="stylesheet" href="{{shell.stylesheet}}">
        <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E\
        %3Cg fill='%233a6ea5'%3E%3Cellipse cx='16' cy='26' rx='13' ry='4.5'/%3E\
        %3Cellipse cx='16' cy='17' rx='9.5' ry='4'/%3E%3Cellipse cx='16' cy='9' rx='6' ry='3.4'/%3E%3C/g%3E%3C/svg%3E">
        </head>
        <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="top">
        <div class="inner">
        <a class="brand" href="/ui/"><svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"\
         focusable="false"><ellipse cx="16" cy="26" rx="13" ry="4.5"/><ellipse cx="16" cy="17" rx="9.5" ry="4"/>\
        <ellipse cx="16" cy="9" rx="6" ry="3.4"/></svg><span>Cairn</span></a>
        <nav aria-label="Main">
        <ul>
        {{#shell.items}}<li><a href="{{.href}}"{{#.isCurrent}} aria-current="page"{{/.isCurrent}}>{{.text}}</a></li>
        {{/shell.items}}
        </ul>
        </nav>
        {{#shell.who}}<p class="who"><span class="quiet">Signed in as</span> <b>{{.}}</b></p>{{/shell.who}}
        {{#shell.signIn}}<p class="who"><a href="{{.}}">Sign in</a></p>{{/shell.signIn}}
        </div>
        </header>
        <main id="main" tabindex="-1">
        {{#page}}{{$main}}{{/main}}{{/page}}
        </main>
        <footer class="foot"><p>Cairn, made at <time datetime="{{shell.now}}">{{shell.now}}</time>. Times are UTC.</p>\
        </footer>
        </body>
        </html>
        """
    )
}
