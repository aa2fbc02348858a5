// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What speaks for an image, and what the policy makes of it.
package struct TrustView: Sendable {
    package struct Requirement: Sendable {
        let rule: String
        let text: String
        let standing: Badge
        let reason: String
        let keys: String?

        package init(rule: String, text: String, standing: Badge, reason: String, keys: String?) {
            self.rule = rule
            self.text = text
            self.standing = standing
            self.reason = reason
            self.keys = keys
        }
    }

    package struct Finding: Sendable {
        let id: String
        let severity: String
        let part: String
        let fixed: String?

        package init(id: String, severity: String, part: String, fixed: String?) {
            self.id = id
            self.severity = severity
            self.part = part
            self.fixed = fixed
        }
    }

    package struct Report: Sendable {
        let kind: String
        let digest: DigestText
        package var about: String?
        package var scanned: Moment?
        package var counts: SeverityCounts?
        package var findings: [Finding] = []
        package var signers: String?
        package var fault: String?

        package init(kind: String, digest: DigestText) {
            self.kind = kind
            self.digest = digest
        }
    }

    let requirements: [Requirement]
    let reports: [Report]
    /// Not all of what is attached was read.
    let isPart: Bool

    package init(requirements: [Requirement], reports: [Report], isPart: Bool) {
        self.requirements = requirements
        self.reports = reports
        self.isPart = isPart
    }
}

extension WebTemplate {
    static let imageTrust = WebTemplate(
        "image-trust",
        """
        <h2 id="trust">Signatures and policy</h2>
        {{^empty(requirements)}}
        <table class="list" role="table">
        <caption>What the trust policy asks for here</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Requirement</th>\
        <th role="columnheader" scope="col">Verdict</th><th role="columnheader" scope="col">Why</th>\
        <th role="columnheader" scope="col">Keys</th></tr></thead>
        <tbody role="rowgroup">
        {{#requirements}}<tr role="row"><th role="rowheader" scope="row">{{.text}}\
         <span class="quiet">({{.rule}})</span></th>\
        <td role="cell" data-label="Verdict"><span class="badge {{.standing.tone}}">{{.standing.text}}</span></td>\
        <td role="cell" data-label="Why" class="break">{{.reason}}</td>\
        <td role="cell" data-label="Keys">{{.keys}}</td></tr>
        {{/requirements}}
        </tbody>
        </table>
        {{/empty(requirements)}}
        {{#empty(requirements)}}<p class="empty">No rule of the trust policy is about this repository.</p>\
        {{/empty(requirements)}}
        <h2 id="attached">Attached: signatures, SBOM, reports</h2>
        {{^empty(reports)}}
        <ul class="cards">
        {{#reports}}<li class="card">
        <h3>{{.kind}}</h3>
        <p>{{.about}}{{#.scanned}} <span class="quiet">scanned</span> {{>moment}}{{/.scanned}}</p>
        {{#.counts}}{{>severities}}{{/.counts}}
        {{^empty(.findings)}}<ul class="findings">
        {{#.findings}}<li><b>{{.id}}</b> <span class="quiet">{{.severity}}</span> in {{.part}}\
        {{#.fixed}} <span class="quiet">fixed in {{.}}</span>{{/.fixed}}</li>
        {{/.findings}}</ul>{{/empty(.findings)}}
        {{#.signers}}<p class="good-text">Signed by {{.}}</p>{{/.signers}}
        {{#.fault}}<p class="bad-text">{{.}}</p>{{/.fault}}
        <p>{{#.digest}}{{>digest}}{{/.digest}}</p>
        </li>
        {{/reports}}
        </ul>
        {{/empty(reports)}}
        {{#empty(reports)}}<p class="empty">Nothing is attached to it.</p>{{/empty(reports)}}
        {{#isPart}}<p class="quiet">More is attached than is shown here.</p>{{/isPart}}
        """
    )
}
