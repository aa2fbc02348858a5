// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What should run where, what does, and what to go back to.
package struct EnvironmentsPage: WebPage {
    package struct Service: Sendable {
        let name: String
        let state: Badge
        let image: LinkedText
        let desired: DigestText?
        let running: String
        let deployed: Moment?
        let deployment: String?
        let rollback: DigestText?

        /// - Parameters:
        ///   - name: The service.
        ///   - state: `healthy`, `drifted`, `rolling out` and so on.
        ///   - image: The repository or tag that it runs.
        ///   - desired: What should run; nil where nobody said.
        ///   - running: How many targets run what should run, in words.
        ///   - deployed: When the last deployment began.
        ///   - deployment: Its id.
        ///   - rollback: The last good image before it.
        package init(
            name: String,
            state: Badge,
            image: LinkedText,
            desired: DigestText?,
            running: String,
            deployed: Moment?,
            deployment: String?,
            rollback: DigestText?
        ) {
            self.name = name
            self.state = state
            self.image = image
            self.desired = desired
            self.running = running
            self.deployed = deployed
            self.deployment = deployment
            self.rollback = rollback
        }
    }

    package struct Environment: Sendable {
        let id: String
        let name: String
        let facts: [Fact]
        let services: [Service]

        /// `id` is an anchor within the page: letters, digits and `-`.
        package init(id: String, name: String, facts: [Fact], services: [Service]) {
            self.id = id
            self.name = name
            self.facts = facts
            self.services = services
        }
    }

    package let title = "Environments"
    let environments: [Environment]
    let pager: Pager

    package init(environments: [Environment], pager: Pager) {
        self.environments = environments
        self.pager = pager
    }

    package static let template = WebTemplate(
        "environments",
        """
        {{<layout}}{{$main}}
        <h1>Environments</h1>
        {{#empty(environments)}}<p class="empty">Nothing is deployed that can be shown to you.</p>\
        {{/empty(environments)}}
        {{#environments}}
        <h2 id="{{.id}}">{{.name}}</h2>
        {{^empty(.facts)}}<dl class="facts">
        {{#.facts}}{{>fact}}{{/.facts}}
        </dl>{{/empty(.facts)}}
        <table class="list" role="table">
        <caption>Services of {{.name}}</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Service</th>\
        <th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Image</th>\
        <th role="columnheader" scope="col">Should run</th><th role="columnheader" scope="col">Runs</th>\
        <th role="columnheader" scope="col">Deployed</th><th role="columnheader" scope="col">Back to</th></tr></thead>
        <tbody role="rowgroup">
        {{#.services}}<tr role="row"><th role="rowheader" scope="row">{{.name}}</th>\
        <td role="cell" data-label="State"><span class="badge {{.state.tone}}">{{.state.text}}</span></td>\
        <td role="cell" data-label="Image" class="break">{{#.image}}{{>label}}{{/.image}}</td>\
        <td role="cell" data-label="Should run">{{#.desired}}{{>digest}}{{/.desired}}</td>\
        <td role="cell" data-label="Runs">{{.running}}</td>\
        <td role="cell" data-label="Deployed">{{#.deployed}}{{>moment}}{{/.deployed}}\
        {{#.deployment}} <span class="quiet">{{.}}</span>{{/.deployment}}</td>\
        <td role="cell" data-label="Back to">{{#.rollback}}{{>digest}}{{/.rollback}}</td></tr>
        {{/.services}}
        </tbody>
        </table>
        {{/environments}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}
