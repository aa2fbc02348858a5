// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The environments that the reader may know.
package struct EnvironmentsPage: WebPage {
    package let title = "Environments"
    let environments: [LinkedText]
    /// There may be more although this page is empty.
    let isCutShort: Bool
    let pager: Pager

    package init(environments: [LinkedText], pager: Pager) {
        self.environments = environments
        self.pager = pager
        isCutShort = environments.isEmpty && pager.next != nil
    }

    package static let template = WebTemplate(
        "environments",
        """
        {{<layout}}{{$main}}
        <h1>Environments</h1>
        {{^empty(environments)}}<ul>
        {{#environments}}<li>{{>label}}</li>
        {{/environments}}</ul>{{/empty(environments)}}
        {{#empty(environments)}}
        {{#isCutShort}}<p class="empty">None of those looked at can be shown to you. There may be more.</p>\
        {{/isCutShort}}
        {{^isCutShort}}<p class="empty">Nothing is deployed that can be shown to you.</p>{{/isCutShort}}
        {{/empty(environments)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}

/// What should run in an environment, what does, and what to go back to.
package struct EnvironmentPage: WebPage {
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
        ///   - state: `as desired`, `drifted`, `stale`, `nothing reported` or `image deleted`.
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

    package let title: String
    let name: String
    let services: [Service]
    /// There may be more although this page is empty.
    let isCutShort: Bool
    let pager: Pager

    package init(name: String, services: [Service], pager: Pager) {
        title = "Environment \(name)"
        self.name = name
        self.services = services
        self.pager = pager
        isCutShort = services.isEmpty && pager.next != nil
    }

    package static let template = WebTemplate(
        "environment",
        """
        {{<layout}}{{$main}}
        <nav class="crumbs" aria-label="Where you are"><a href="/ui/environments">Environments</a></nav>
        <h1 class="name">{{name}}</h1>
        {{^empty(services)}}
        <table class="list" role="table">
        <caption>Services, by repository</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Service</th>\
        <th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Image</th>\
        <th role="columnheader" scope="col">Should run</th><th role="columnheader" scope="col">Runs</th>\
        <th role="columnheader" scope="col">Deployed</th><th role="columnheader" scope="col">Back to</th></tr></thead>
        <tbody role="rowgroup">
        {{#services}}<tr role="row"><th role="rowheader" scope="row">{{.name}}</th>\
        <td role="cell" data-label="State"><span class="badge {{.state.tone}}">{{.state.text}}</span></td>\
        <td role="cell" data-label="Image" class="break">{{#.image}}{{>label}}{{/.image}}</td>\
        <td role="cell" data-label="Should run">{{#.desired}}{{>digest}}{{/.desired}}</td>\
        <td role="cell" data-label="Runs">{{.running}}</td>\
        <td role="cell" data-label="Deployed">{{#.deployed}}{{>moment}}{{/.deployed}}\
        {{#.deployment}} <span class="quiet">{{.}}</span>{{/.deployment}}</td>\
        <td role="cell" data-label="Back to">{{#.rollback}}{{>digest}}{{/.rollback}}</td></tr>
        {{/services}}
        </tbody>
        </table>
        {{/empty(services)}}
        {{#empty(services)}}
        {{#isCutShort}}<p class="empty">None of those looked at can be shown to you. There may be more.</p>\
        {{/isCutShort}}
        {{^isCutShort}}<p class="empty">Nothing is to run there that can be shown to you.</p>{{/isCutShort}}
        {{/empty(services)}}
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}
