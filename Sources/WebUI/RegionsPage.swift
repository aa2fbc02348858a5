// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Other regions: how far what they change is here, and tags that regions have set to different images.
package struct RegionsPage: WebPage {
    package struct Region: Sendable {
        let name: String
        let state: Badge
        let reason: String?
        let facts: [Fact]

        package init(name: String, state: Badge, reason: String?, facts: [Fact]) {
            self.name = name
            self.state = state
            self.reason = reason
            self.facts = facts
        }
    }

    package struct Side: Sendable {
        let digest: DigestText?
        let region: String
        let time: Moment

        package init(digest: DigestText?, region: String, time: Moment) {
            self.digest = digest
            self.region = region
            self.time = time
        }
    }

    package struct Conflict: Sendable {
        let tag: LinkedText
        let winner: Side
        let loser: Side
        let opened: Moment

        package init(tag: LinkedText, winner: Side, loser: Side, opened: Moment) {
            self.tag = tag
            self.winner = winner
            self.loser = loser
            self.opened = opened
        }
    }

    package let title = "Regions"
    /// The name of this registry's log; nil where no region is followed.
    let origin: String?
    let facts: [Fact]
    let regions: [Region]
    let conflicts: [Conflict]
    let pager: Pager

    package init(origin: String?, facts: [Fact], regions: [Region], conflicts: [Conflict], pager: Pager) {
        self.origin = origin
        self.facts = facts
        self.regions = regions
        self.conflicts = conflicts
        self.pager = pager
    }

    package static let template = WebTemplate(
        "regions",
        """
        {{<layout}}{{$main}}
        <h1>Regions</h1>
        {{#origin}}<p class="lead">This region's log is <code>{{.}}</code>.</p>{{/origin}}
        {{^empty(facts)}}<dl class="facts">
        {{#facts}}{{>fact}}{{/facts}}
        </dl>{{/empty(facts)}}
        {{#empty(regions)}}<p class="empty">No other region is followed.</p>{{/empty(regions)}}
        {{^empty(regions)}}<ul class="cards">
        {{#regions}}<li class="card">
        <h2>{{.name}} <span class="badge {{.state.tone}}">{{.state.text}}</span></h2>
        {{#.reason}}<p class="bad-text">{{.}}</p>{{/.reason}}
        <dl class="facts">
        {{#.facts}}{{>fact}}{{/.facts}}
        </dl>
        </li>
        {{/regions}}</ul>{{/empty(regions)}}
        <h2 id="conflicts">Open conflicts</h2>
        {{^empty(conflicts)}}
        <table class="list" role="table">
        <caption>Tags that two regions set without knowing of each other</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Tag</th>\
        <th role="columnheader" scope="col">What counts</th><th role="columnheader" scope="col">What lost</th>\
        <th role="columnheader" scope="col">Since</th></tr></thead>
        <tbody role="rowgroup">
        {{#conflicts}}<tr role="row"><th role="rowheader" scope="row" class="break">{{#.tag}}{{>label}}{{/.tag}}</th>\
        <td role="cell" data-label="What counts">{{#.winner}}{{>side}}{{/.winner}}</td>\
        <td role="cell" data-label="What lost">{{#.loser}}{{>side}}{{/.loser}}</td>\
        <td role="cell" data-label="Since">{{#.opened}}{{>moment}}{{/.opened}}</td></tr>
        {{/conflicts}}
        </tbody>
        </table>
        {{/empty(conflicts)}}
        {{#empty(conflicts)}}<p class="empty">There is none.</p>{{/empty(conflicts)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}

extension WebTemplate {
    static let side = WebTemplate(
        "side",
        """
        {{#.digest}}{{>digest}}{{/.digest}}{{^.digest}}deleted{{/.digest}} <span class="quiet">by</span> {{.region}}\
         {{#.time}}{{>moment}}{{/.time}}
        """
    )
}
