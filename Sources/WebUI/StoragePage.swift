// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What is stored, what waits to be collected, and how the reading of all blobs stands.
package struct StoragePage: WebPage {
    package struct Section: Sendable {
        let id: String
        let name: String
        let state: Badge
        let note: String?
        let meter: Meter?
        let facts: [Fact]
        let findings: [String]

        package init(
            id: String,
            name: String,
            state: Badge,
            note: String? = nil,
            meter: Meter? = nil,
            facts: [Fact],
            findings: [String] = []
        ) {
            self.id = id
            self.name = name
            self.state = state
            self.note = note
            self.meter = meter
            self.facts = facts
            self.findings = findings
        }
    }

    package let title = "Storage"
    let sections: [Section]

    package init(sections: [Section]) {
        self.sections = sections
    }

    package static let template = WebTemplate(
        "storage",
        """
        {{<layout}}{{$main}}
        <h1>Storage</h1>
        {{#sections}}
        <h2 id="{{.id}}">{{.name}} <span class="badge {{.state.tone}}">{{.state.text}}</span></h2>
        {{#.note}}<p class="note warn">{{.}}</p>{{/.note}}
        {{#.meter}}{{>meter}}<p class="quiet">{{.text}}</p>{{/.meter}}
        {{^empty(.facts)}}<dl class="facts">
        {{#.facts}}{{>fact}}{{/.facts}}
        </dl>{{/empty(.facts)}}
        {{^empty(.findings)}}<ul class="findings">{{#.findings}}<li class="break">{{.}}</li>{{/.findings}}</ul>\
        {{/empty(.findings)}}
        {{/sections}}
        {{/main}}{{/layout}}
        """
    )
}
