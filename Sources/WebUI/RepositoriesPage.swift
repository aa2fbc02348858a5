// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The repositories that the reader may pull from.
package struct RepositoriesPage: WebPage {
    package struct Row: Sendable {
        let name: String
        let href: String
        let tags: String
        let size: String

        package init(name: String, href: String, tags: String, size: String) {
            self.name = name
            self.href = href
            self.tags = tags
            self.size = size
        }
    }

    package let title = "Repositories"
    let prefix: String
    let rows: [Row]
    /// There may be more although this page is empty.
    let isCutShort: Bool
    let isAnonymous: Bool
    let pager: Pager

    package init(prefix: String, rows: [Row], isAnonymous: Bool, pager: Pager) {
        self.prefix = prefix
        self.rows = rows
        self.isAnonymous = isAnonymous
        self.pager = pager
        isCutShort = rows.isEmpty && pager.next != nil
    }

    package static let template = WebTemplate(
        "repositories",
        """
        {{<layout}}{{$main}}
        <h1>Repositories</h1>
        <form class="search" action="/ui/" method="get" role="search">
        <label for="prefix">Name begins with</label>
        <input id="prefix" name="prefix" value="{{prefix}}" maxlength="255" autocapitalize="none" spellcheck="false"\
         autocomplete="off">
        <button type="submit">Find</button>
        </form>
        {{^empty(rows)}}
        <table class="list" role="table">
        <caption>Repositories, by name</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Repository</th>\
        <th role="columnheader" scope="col" class="number">Tags</th>\
        <th role="columnheader" scope="col" class="number">Size</th></tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row"><a href="{{.href}}">{{.name}}</a></th>\
        <td role="cell" data-label="Tags" class="number">{{.tags}}</td>\
        <td role="cell" data-label="Size" class="number">{{.size}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{/empty(rows)}}
        {{#empty(rows)}}
        {{#isCutShort}}<p class="empty">None of those looked at can be shown to you. There may be more.</p>\
        {{/isCutShort}}
        {{^isCutShort}}<p class="empty">There is no repository here that can be shown to you.\
        {{#isAnonymous}} <a href="/ui/sign-in">Sign in</a> to see more.{{/isAnonymous}}</p>{{/isCutShort}}
        {{/empty(rows)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}
