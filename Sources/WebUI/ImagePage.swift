// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// An image, by a tag or by its digest: what it is, whether it may be pulled and why, where it runs.
package struct ImagePage: WebPage {
    package struct Deployment: Sendable {
        let environment: String
        let service: String
        let target: String
        let state: Badge
        let reporter: String
        let reported: Moment

        package init(
            environment: String,
            service: String,
            target: String,
            state: Badge,
            reporter: String,
            reported: Moment
        ) {
            self.environment = environment
            self.service = service
            self.target = target
            self.state = state
            self.reporter = reporter
            self.reported = reported
        }
    }

    package struct Pin: Sendable {
        let kind: String
        let subject: String
        let reason: String
        let actor: String
        let since: Moment
        let until: Moment?

        package init(kind: String, subject: String, reason: String, actor: String, since: Moment, until: Moment?) {
            self.kind = kind
            self.subject = subject
            self.reason = reason
            self.actor = actor
            self.since = since
            self.until = until
        }
    }

    package let title: String
    package var repository: LinkedText
    package var name: String
    package var digest: String
    package var standing: Badge
    /// Why it is kept back.
    package var held: String?
    package var facts: [Fact]
    package var tags: [LinkedText] = []
    package var hasMoreTags = false
    package var links: [LinkedText] = []
    package var trust: TrustView
    package var pins: [Pin] = []
    package var deployments: [Deployment] = []
    package var deploymentPager: Pager
    /// nil where the trust policy keeps it back.
    package var manifest: ManifestView?
    /// nil for what is asked for by its digest.
    package var history: HistoryView?

    package init(
        repository: LinkedText,
        name: String,
        digest: String,
        standing: Badge,
        facts: [Fact],
        trust: TrustView,
        deploymentPager: Pager
    ) {
        title = name
        self.repository = repository
        self.name = name
        self.digest = digest
        self.standing = standing
        self.facts = facts
        self.trust = trust
        self.deploymentPager = deploymentPager
    }

    package static let template = WebTemplate(
        "image",
        """
        {{<layout}}{{$main}}
        <nav class="crumbs" aria-label="Where you are"><a href="/ui/">Repositories</a> <span aria-hidden="true">/\
        </span>\
         {{#repository}}{{>label}}{{/repository}}</nav>
        <h1 class="name">{{name}} <span class="badge {{standing.tone}}">{{standing.text}}</span></h1>
        <p class="copy"><code>{{digest}}</code></p>
        {{#held}}<p class="note bad"><strong>Kept back.</strong> {{.}}</p>{{/held}}
        <dl class="facts">
        {{#facts}}{{>fact}}{{/facts}}
        {{^empty(tags)}}<div class="long"><dt>Tags</dt><dd>{{#tags}}<span class="chip">{{>label}}</span> {{/tags}}\
        {{#hasMoreTags}}and more{{/hasMoreTags}}</dd></div>{{/empty(tags)}}
        </dl>
        <p class="links">{{#links}}{{>label}} {{/links}}</p>
        {{#trust}}{{>image-trust}}{{/trust}}
        <h2 id="runs">Where it runs</h2>
        {{^empty(deployments)}}
        <table class="list" role="table">
        <caption>Places that were reported, by environment</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Environment</th>\
        <th role="columnheader" scope="col">Service</th><th role="columnheader" scope="col">Target</th>\
        <th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Reported</th>\
        <th role="columnheader" scope="col">By</th></tr></thead>
        <tbody role="rowgroup">
        {{#deployments}}<tr role="row"><th role="rowheader" scope="row">{{.environment}}</th>\
        <td role="cell" data-label="Service">{{.service}}</td><td role="cell" data-label="Target">{{.target}}</td>\
        <td role="cell" data-label="State"><span class="badge {{.state.tone}}">{{.state.text}}</span></td>\
        <td role="cell" data-label="Reported">{{#.reported}}{{>moment}}{{/.reported}}</td>\
        <td role="cell" data-label="By">{{.reporter}}</td></tr>
        {{/deployments}}
        </tbody>
        </table>
        {{#deploymentPager}}{{>pager}}{{/deploymentPager}}
        {{/empty(deployments)}}
        {{#empty(deployments)}}<p class="empty">Nobody has reported that it runs anywhere.</p>{{/empty(deployments)}}
        {{^empty(pins)}}
        <h2 id="pins">Pins, holds and locks</h2>
        <table class="list" role="table">
        <caption>What keeps it from being deleted</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Kind</th>\
        <th role="columnheader" scope="col">On</th><th role="columnheader" scope="col">Reason</th>\
        <th role="columnheader" scope="col">By</th><th role="columnheader" scope="col">Since</th>\
        <th role="columnheader" scope="col">Until</th></tr></thead>
        <tbody role="rowgroup">
        {{#pins}}<tr role="row"><th role="rowheader" scope="row">{{.kind}}</th>\
        <td role="cell" data-label="On" class="break">{{.subject}}</td>\
        <td role="cell" data-label="Reason" class="break">{{.reason}}</td>\
        <td role="cell" data-label="By">{{.actor}}</td>\
        <td role="cell" data-label="Since">{{#.since}}{{>moment}}{{/.since}}</td>\
        <td role="cell" data-label="Until">{{#.until}}{{>moment}}{{/.until}}{{^.until}}it is lifted{{/.until}}</td></tr>
        {{/pins}}
        </tbody>
        </table>
        {{/empty(pins)}}
        {{#manifest}}{{>image-manifest}}{{/manifest}}
        {{^manifest}}<h2 id="contents">Contents</h2>
        <p class="empty">They are not shown: the trust policy keeps the image back.</p>{{/manifest}}
        {{#history}}{{>image-history}}{{/history}}
        {{/main}}{{/layout}}
        """
    )
}
