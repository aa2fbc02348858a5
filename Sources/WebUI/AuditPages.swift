// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What was changed, by whom.
package struct AuditPage: WebPage {
    package struct Row: Sendable {
        let time: Moment
        let kind: String
        let who: String
        let method: String
        let address: String?
        let place: LinkedText?
        let subject: String?
        let request: String

        package init(
            time: Moment,
            kind: String,
            who: String,
            method: String,
            address: String?,
            place: LinkedText?,
            subject: String?,
            request: String
        ) {
            self.time = time
            self.kind = kind
            self.who = who
            self.method = method
            self.address = address
            self.place = place
            self.subject = subject
            self.request = request
        }
    }

    package let title = "Audit"
    let principal: String
    let repository: String
    let rows: [Row]
    let pager: Pager

    package init(principal: String, repository: String, rows: [Row], pager: Pager) {
        self.principal = principal
        self.repository = repository
        self.rows = rows
        self.pager = pager
    }

    package static let template = WebTemplate(
        "audit",
        """
        {{<layout}}{{$main}}
        <h1>Audit</h1>
        <nav class="tabs" aria-label="Records"><a href="/ui/audit" aria-current="page">Changes</a>\
         <a href="/ui/denials">Denials</a></nav>
        <form class="search" action="/ui/audit" method="get">
        <label for="principal">Who</label>
        <input id="principal" name="principal" value="{{principal}}" maxlength="256" autocapitalize="none"\
         spellcheck="false">
        <label for="repository">Repository</label>
        <input id="repository" name="repository" value="{{repository}}" maxlength="255" autocapitalize="none"\
         spellcheck="false">
        <button type="submit">Show</button>
        </form>
        {{^empty(rows)}}
        <table class="list" role="table">
        <caption>Changes, the newest first</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Time</th>\
        <th role="columnheader" scope="col">Change</th><th role="columnheader" scope="col">Who</th>\
        <th role="columnheader" scope="col">Repository</th><th role="columnheader" scope="col">Of what</th>\
        <th role="columnheader" scope="col">Request</th></tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row">{{#.time}}{{>moment}}{{/.time}}</th>\
        <td role="cell" data-label="Change">{{.kind}}</td>\
        <td role="cell" data-label="Who" class="break">{{.who}} <span class="quiet">{{.method}}\
        {{#.address}} from {{.}}{{/.address}}</span></td>\
        <td role="cell" data-label="Repository" class="break">{{#.place}}{{>label}}{{/.place}}</td>\
        <td role="cell" data-label="Of what" class="break clip">{{.subject}}</td>\
        <td role="cell" data-label="Request" class="break"><span class="quiet">{{.request}}</span></td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{/empty(rows)}}
        {{#empty(rows)}}<p class="empty">Nothing is on record for this.</p>{{/empty(rows)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}

/// What was refused, to whom.
package struct DenialsPage: WebPage {
    package struct Row: Sendable {
        let time: Moment
        let action: String
        let who: String
        let method: String
        let address: String?
        let place: String?
        let subject: String?
        let reason: String
        let count: String

        package init(
            time: Moment,
            action: String,
            who: String,
            method: String,
            address: String?,
            place: String?,
            subject: String?,
            reason: String,
            count: String
        ) {
            self.time = time
            self.action = action
            self.who = who
            self.method = method
            self.address = address
            self.place = place
            self.subject = subject
            self.reason = reason
            self.count = count
        }
    }

    package let title = "Denials"
    let principal: String
    let repository: String
    let rows: [Row]
    let pager: Pager

    package init(principal: String, repository: String, rows: [Row], pager: Pager) {
        self.principal = principal
        self.repository = repository
        self.rows = rows
        self.pager = pager
    }

    package static let template = WebTemplate(
        "denials",
        """
        {{<layout}}{{$main}}
        <h1>Denials</h1>
        <nav class="tabs" aria-label="Records"><a href="/ui/audit">Changes</a>\
         <a href="/ui/denials" aria-current="page">Denials</a></nav>
        <form class="search" action="/ui/denials" method="get">
        <label for="principal">Who</label>
        <input id="principal" name="principal" value="{{principal}}" maxlength="256" autocapitalize="none"\
         spellcheck="false">
        <label for="repository">Repository</label>
        <input id="repository" name="repository" value="{{repository}}" maxlength="255" autocapitalize="none"\
         spellcheck="false">
        <button type="submit">Show</button>
        </form>
        {{^empty(rows)}}
        <table class="list" role="table">
        <caption>Refused requests, the newest first</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Time</th>\
        <th role="columnheader" scope="col">Action</th><th role="columnheader" scope="col">Who</th>\
        <th role="columnheader" scope="col">Repository</th><th role="columnheader" scope="col">Of what</th>\
        <th role="columnheader" scope="col">Why</th><th role="columnheader" scope="col" class="number">Times</th>\
        </tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row">{{#.time}}{{>moment}}{{/.time}}</th>\
        <td role="cell" data-label="Action">{{.action}}</td>\
        <td role="cell" data-label="Who" class="break">{{.who}} <span class="quiet">{{.method}}\
        {{#.address}} from {{.}}{{/.address}}</span></td>\
        <td role="cell" data-label="Repository" class="break">{{.place}}</td>\
        <td role="cell" data-label="Of what" class="break clip">{{.subject}}</td>\
        <td role="cell" data-label="Why" class="break">{{.reason}}</td>\
        <td role="cell" data-label="Times" class="number">{{.count}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{/empty(rows)}}
        {{#empty(rows)}}<p class="empty">Nothing is on record for this.</p>{{/empty(rows)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}
