// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What an image consists of.
package struct ManifestView: Sendable {
    package struct Part: Sendable {
        let role: String
        let digest: DigestText
        let type: String
        let size: String

        package init(role: String, digest: DigestText, type: String, size: String) {
            self.role = role
            self.digest = digest
            self.type = type
            self.size = size
        }
    }

    package struct Annotation: Sendable {
        let name: String
        let value: LinkedText

        package init(name: String, value: LinkedText) {
            self.name = name
            self.value = value
        }
    }

    let parts: [Part]
    /// How many parts there are beside those.
    let more: Int?
    let annotations: [Annotation]
    let moreAnnotations: Int?

    package init(parts: [Part], more: Int?, annotations: [Annotation], moreAnnotations: Int?) {
        self.parts = parts
        self.more = more
        self.annotations = annotations
        self.moreAnnotations = moreAnnotations
    }
}

/// What a tag was.
package struct HistoryView: Sendable {
    package struct Row: Sendable {
        let time: Moment
        let what: Badge
        let digest: DigestText?
        let who: String
        let why: String?
        let index: String

        package init(time: Moment, what: Badge, digest: DigestText?, who: String, why: String?, index: String) {
            self.time = time
            self.what = what
            self.digest = digest
            self.who = who
            self.why = why
            self.index = index
        }
    }

    let rows: [Row]
    let pager: Pager

    package init(rows: [Row], pager: Pager) {
        self.rows = rows
        self.pager = pager
    }
}

extension WebTemplate {
    static let imageManifest = WebTemplate(
        "image-manifest",
        """
        <h2 id="contents">Contents</h2>
        {{^empty(parts)}}
        <table class="list" role="table">
        <caption>What the manifest refers to, in its order</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Part</th>\
        <th role="columnheader" scope="col">Digest</th><th role="columnheader" scope="col">Type</th>\
        <th role="columnheader" scope="col" class="number">Size</th></tr></thead>
        <tbody role="rowgroup">
        {{#parts}}<tr role="row"><th role="rowheader" scope="row">{{.role}}</th>\
        <td role="cell" data-label="Digest">{{#.digest}}{{>digest}}{{/.digest}}</td>\
        <td role="cell" data-label="Type" class="break">{{.type}}</td>\
        <td role="cell" data-label="Size" class="number">{{.size}}</td></tr>
        {{/parts}}
        </tbody>
        </table>
        {{/empty(parts)}}
        {{#more}}<p class="quiet">and {{.}} more</p>{{/more}}
        {{^empty(annotations)}}
        <h3 id="annotations">Annotations</h3>
        <dl class="pairs">
        {{#annotations}}<div><dt>{{.name}}</dt><dd>{{#.value}}{{>label}}{{/.value}}</dd></div>
        {{/annotations}}</dl>
        {{#moreAnnotations}}<p class="quiet">and {{.}} more</p>{{/moreAnnotations}}
        {{/empty(annotations)}}
        """
    )

    static let imageHistory = WebTemplate(
        "image-history",
        """
        <h2 id="history">History of the tag</h2>
        <table class="list" role="table">
        <caption>What the tag was, the newest first, as the log has it</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Time</th>\
        <th role="columnheader" scope="col">Change</th><th role="columnheader" scope="col">Digest</th>\
        <th role="columnheader" scope="col">By</th><th role="columnheader" scope="col">Why</th>\
        <th role="columnheader" scope="col" class="number">Entry</th></tr></thead>
        <tbody role="rowgroup">
        {{#rows}}<tr role="row"><th role="rowheader" scope="row">{{#.time}}{{>moment}}{{/.time}}</th>\
        <td role="cell" data-label="Change"><span class="badge {{.what.tone}}">{{.what.text}}</span></td>\
        <td role="cell" data-label="Digest">{{#.digest}}{{>digest}}{{/.digest}}</td>\
        <td role="cell" data-label="By">{{.who}}</td><td role="cell" data-label="Why">{{.why}}</td>\
        <td role="cell" data-label="Entry" class="number">{{.index}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        {{#pager}}{{>pager}}{{/pager}}
        """
    )
}
