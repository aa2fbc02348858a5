// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A repository: its tags, and what it takes up.
package struct RepositoryPage: WebPage {
    package struct Row: Sendable {
        let tag: String
        let href: String
        let digest: DigestText
        let kind: String
        let size: String
        let set: Moment
        let pulled: Moment?

        package init(
            tag: String,
            href: String,
            digest: DigestText,
            kind: String,
            size: String,
            set: Moment,
            pulled: Moment?
        ) {
            self.tag = tag
            self.href = href
            self.digest = digest
            self.kind = kind
            self.size = size
            self.set = set
            self.pulled = pulled
        }
    }

    package struct Quota: Sendable {
        let name: String
        let text: String
        let meter: Meter?

        package init(name: String, text: String, meter: Meter?) {
            self.name = name
            self.text = text
            self.meter = meter
        }
    }

    package let title: String
    let name: String
    let path: String
    let figures: [Fact]
    let quotas: [Quota]
    let prefix: String
    let rows: [Row]
    let pager: Pager

    package init(
        name: String,
        path: String,
        figures: [Fact],
        quotas: [Quota],
        prefix: String,
        rows: [Row],
        pager: Pager
    ) {
        title = name
        self.name = name
        self.path = path
        self.figures = figures
        self.quotas = quotas
        self.prefix = prefix
        self.rows = rows
        self.pager = pager
    }

    package static let template = WebTemplate(
        "repository",
        """
        {{<layout}}{{$main}}
        <nav class="crumbs" aria-label="Where you are"><a href="/ui/">Repositories</a></nav>
        <h1 class="name">{{name}}</h1>
        <dl class="facts">
        {{#figures}}{{>fact}}{{/figures}}
        {{#quotas}}<div><dt>{{.name}}</dt><dd>{{.text}}{{#.meter}}{{>meter}}{{/.meter}}</dd></div>
        {{/quotas}}</dl>
        <h2 id="tags">Tags</h2>
        <form class="search" action="{{path}}" method="get" role="search">
        <label for="prefix">Tag begins with</label>
        <input id="prefix" name="prefix" value="{{prefix}}" maxlength="128" autocapitalize="none" spellcheck="false"\
         autocomplete="off">
        <button type="submit">Find</button>
        </form>
        {{^empty(rows)}}
        <table class="list" role="table">
        <caption>Tags, by name</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Tag</th>\
        <th role="columnheader" scope="col">Digest</th><th role="columnheader" scope="col">Kind</th>\
        <th role="columnheader" scope="col" class="number">Size</th><th role="columnheader" scope="col">Set</th>\
        <th role="columnheader" scope="col">Last pull</th></tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row"><a href="{{.href}}">{{.tag}}</a></th>\
        <td role="cell" data-label="Digest">{{#.digest}}{{>digest}}{{/.digest}}</td>\
        <td role="cell" data-label="Kind">{{.kind}}</td>\
        <td role="cell" data-label="Size" class="number">{{.size}}</td>\
        <td role="cell" data-label="Set">{{#.set}}{{>moment}}{{/.set}}</td>\
        <td role="cell" data-label="Last pull">{{#.pulled}}{{>moment}}{{/.pulled}}\
        {{^.pulled}}<span class="quiet">not noted</span>{{/.pulled}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{/empty(rows)}}
        {{#empty(rows)}}<p class="empty">There is no such tag.</p>{{/empty(rows)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}
