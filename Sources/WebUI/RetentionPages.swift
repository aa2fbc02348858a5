// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The runs of retention, and a way to ask about an image.
package struct RetentionPage: WebPage {
    package struct Row: Sendable {
        let name: String
        let href: String
        let state: Badge
        let scope: String
        let planned: Moment
        let actor: String
        let tags: String
        let manifests: String
        let bytes: String

        package init(
            name: String,
            href: String,
            state: Badge,
            scope: String,
            planned: Moment,
            actor: String,
            tags: String,
            manifests: String,
            bytes: String
        ) {
            self.name = name
            self.href = href
            self.state = state
            self.scope = scope
            self.planned = planned
            self.actor = actor
            self.tags = tags
            self.manifests = manifests
            self.bytes = bytes
        }
    }

    package let title = "Retention"
    let rows: [Row]
    let pager: Pager

    package init(rows: [Row], pager: Pager) {
        self.rows = rows
        self.pager = pager
    }

    package static let template = WebTemplate(
        "retention",
        """
        {{<layout}}{{$main}}
        <h1>Retention</h1>
        <p class="lead">Plans say what the rules would delete and why; nothing is deleted from here.\
         <code>cairn retention plan</code> makes one.</p>
        <h2 id="ask">Why does an image stay or go?</h2>
        <form class="search" action="/ui/retention/explain" method="get">
        <label for="repository">Repository</label>
        <input id="repository" name="repository" maxlength="255" autocapitalize="none" spellcheck="false" required>
        <label for="reference">Tag or digest</label>
        <input id="reference" name="reference" maxlength="255" autocapitalize="none" spellcheck="false" required>
        <button type="submit">Explain</button>
        </form>
        <h2 id="runs">Runs</h2>
        {{^empty(rows)}}
        <table class="list" role="table">
        <caption>Runs, the newest first</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Run</th>\
        <th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Repositories</th>\
        <th role="columnheader" scope="col">Planned</th><th role="columnheader" scope="col">By</th>\
        <th role="columnheader" scope="col" class="number">Tags to go</th>\
        <th role="columnheader" scope="col" class="number">Manifests to go</th>\
        <th role="columnheader" scope="col" class="number">Freed</th></tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row"><a href="{{.href}}">{{.name}}</a></th>\
        <td role="cell" data-label="State"><span class="badge {{.state.tone}}">{{.state.text}}</span></td>\
        <td role="cell" data-label="Repositories">{{.scope}}</td>\
        <td role="cell" data-label="Planned">{{#.planned}}{{>moment}}{{/.planned}}</td>\
        <td role="cell" data-label="By">{{.actor}}</td>\
        <td role="cell" data-label="Tags to go" class="number">{{.tags}}</td>\
        <td role="cell" data-label="Manifests to go" class="number">{{.manifests}}</td>\
        <td role="cell" data-label="Freed" class="number">{{.bytes}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{/empty(rows)}}
        {{#empty(rows)}}<p class="empty">There is no run that can be shown to you.</p>{{/empty(rows)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}

/// One run of retention, with its decisions.
package struct RetentionRunPage: WebPage {
    package struct Share: Sendable {
        let rule: String
        let tags: String
        let manifests: String
        let bytes: String

        package init(rule: String, tags: String, manifests: String, bytes: String) {
            self.rule = rule
            self.tags = tags
            self.manifests = manifests
            self.bytes = bytes
        }
    }

    package struct Row: Sendable {
        let what: LinkedText
        let verdict: Badge
        let rule: String?
        let reason: String
        let became: String

        package init(what: LinkedText, verdict: Badge, rule: String?, reason: String, became: String) {
            self.what = what
            self.verdict = verdict
            self.rule = rule
            self.reason = reason
            self.became = became
        }
    }

    package let title: String
    let name: String
    let facts: [Fact]
    let warnings: [String]
    let shares: [Share]
    let rows: [Row]
    let pager: Pager

    package init(
        name: String,
        facts: [Fact],
        warnings: [String],
        shares: [Share],
        rows: [Row],
        pager: Pager
    ) {
        title = "Retention \(name)"
        self.name = name
        self.facts = facts
        self.warnings = warnings
        self.shares = shares
        self.rows = rows
        self.pager = pager
    }

    package static let template = WebTemplate(
        "retention-run",
        """
        {{<layout}}{{$main}}
        <nav class="crumbs" aria-label="Where you are"><a href="/ui/retention">Retention</a></nav>
        <h1>{{name}}</h1>
        <dl class="facts">
        {{#facts}}{{>fact}}{{/facts}}
        </dl>
        {{#warnings}}<p class="note warn">{{.}}</p>{{/warnings}}
        {{^empty(shares)}}
        <h2 id="rules">What each rule deletes</h2>
        <table class="list" role="table">
        <caption>By rule; what only several rules free together stands apart</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Rule</th>\
        <th role="columnheader" scope="col" class="number">Tags</th>\
        <th role="columnheader" scope="col" class="number">Manifests</th>\
        <th role="columnheader" scope="col" class="number">Freed</th></tr></thead>
        <tbody role="rowgroup">
        {{#shares}}<tr role="row"><th role="rowheader" scope="row">{{.rule}}</th>\
        <td role="cell" data-label="Tags" class="number">{{.tags}}</td>\
        <td role="cell" data-label="Manifests" class="number">{{.manifests}}</td>\
        <td role="cell" data-label="Freed" class="number">{{.bytes}}</td></tr>
        {{/shares}}
        </tbody>
        </table>
        {{/empty(shares)}}
        <h2 id="decisions">Decisions</h2>
        {{^empty(rows)}}
        <table class="list" role="table">
        <caption>In the order of work</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Image</th>\
        <th role="columnheader" scope="col">Verdict</th><th role="columnheader" scope="col">Rule</th>\
        <th role="columnheader" scope="col">Why</th><th role="columnheader" scope="col">State</th></tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row" class="break">{{#.what}}{{>label}}{{/.what}}</th>\
        <td role="cell" data-label="Verdict"><span class="badge {{.verdict.tone}}">{{.verdict.text}}</span></td>\
        <td role="cell" data-label="Rule">{{.rule}}</td>\
        <td role="cell" data-label="Why" class="break">{{.reason}}</td>\
        <td role="cell" data-label="State">{{.became}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{/empty(rows)}}
        {{#empty(rows)}}<p class="empty">No decision can be shown to you on this page.</p>{{/empty(rows)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}

/// Why an image stays or goes, by the rules as they are now.
package struct ExplanationPage: WebPage {
    package struct Row: Sendable {
        let what: String
        let verdict: Badge
        let rule: String?
        let reason: String

        package init(what: String, verdict: Badge, rule: String?, reason: String) {
            self.what = what
            self.verdict = verdict
            self.rule = rule
            self.reason = reason
        }
    }

    package let title = "Why it stays or goes"
    let image: LinkedText
    let hasRules: Bool
    let rows: [Row]
    let more: Int?
    let protections: [String]
    let past: [String]

    /// `more` is how many verdicts there are beside `rows`.
    package init(
        image: LinkedText,
        hasRules: Bool,
        rows: [Row],
        more: Int?,
        protections: [String],
        past: [String]
    ) {
        self.image = image
        self.hasRules = hasRules
        self.rows = rows
        self.more = more
        self.protections = protections
        self.past = past
    }

    package static let template = WebTemplate(
        "explanation",
        """
        {{<layout}}{{$main}}
        <nav class="crumbs" aria-label="Where you are"><a href="/ui/retention">Retention</a></nav>
        <h1>Why it stays or goes</h1>
        <p class="lead">{{#image}}{{>label}}{{/image}}</p>
        {{^hasRules}}<p class="note calm">No rule of retention is about this repository: everything stays.</p>\
        {{/hasRules}}
        {{^empty(rows)}}
        <table class="list" role="table">
        <caption>What the rules say now</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Of</th>\
        <th role="columnheader" scope="col">Verdict</th><th role="columnheader" scope="col">Rule</th>\
        <th role="columnheader" scope="col">Why</th></tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row" class="break">{{.what}}</th>\
        <td role="cell" data-label="Verdict"><span class="badge {{.verdict.tone}}">{{.verdict.text}}</span></td>\
        <td role="cell" data-label="Rule">{{.rule}}</td>\
        <td role="cell" data-label="Why" class="break">{{.reason}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{#more}}<p class="quiet">and {{.}} more</p>{{/more}}
        {{/empty(rows)}}
        {{^empty(protections)}}<h2 id="kept">What keeps it whatever the rules say</h2>
        <ul>{{#protections}}<li>{{.}}</li>{{/protections}}</ul>{{/empty(protections)}}
        {{^empty(past)}}<h2 id="past">What runs did with it before</h2>
        <ul>{{#past}}<li>{{.}}</li>{{/past}}</ul>{{/empty(past)}}
        {{/main}}{{/layout}}
        """
    )
}
