// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The transparency log: its checkpoint, its keys and its newest entries.
package struct LogPage: WebPage {
    package struct Row: Sendable {
        let index: String
        let time: Moment
        let kind: String
        let place: String?
        let subject: String?
        let leaf: String

        package init(index: String, time: Moment, kind: String, place: String?, subject: String?, leaf: String) {
            self.index = index
            self.time = time
            self.kind = kind
            self.place = place
            self.subject = subject
            self.leaf = leaf
        }
    }

    package let title = "Log"
    let facts: [Fact]
    let checkpoint: String?
    let keys: String
    /// nil where the reader may not see entries.
    let entries: [Row]?
    let pager: Pager

    package init(facts: [Fact], checkpoint: String?, keys: String, entries: [Row]?, pager: Pager) {
        self.facts = facts
        self.checkpoint = checkpoint
        self.keys = keys
        self.entries = entries
        self.pager = pager
    }

    package static let template = WebTemplate(
        "log",
        """
        {{<layout}}{{$main}}
        <h1>Log</h1>
        <p class="lead">Every change is an entry of a signed log that only grows. <code>cairn log verify</code> checks\
         it from outside.</p>
        <dl class="facts">
        {{#facts}}{{>fact}}{{/facts}}
        </dl>
        <h2 id="checkpoint">Checkpoint</h2>
        {{#checkpoint}}<pre tabindex="0" aria-label="The signed checkpoint">{{.}}</pre>
        <p class="links"><a href="/log/checkpoint">The checkpoint as a file</a>\
         <a href="/log/vkey">The keys as a file</a></p>{{/checkpoint}}
        {{^checkpoint}}<p class="empty">Nothing has been written to the log yet.</p>{{/checkpoint}}
        <h2 id="keys">Keys</h2>
        <pre tabindex="0" aria-label="The keys of the log">{{keys}}</pre>
        <h2 id="entries">Entries</h2>
        {{^entries}}{{^empty(entries)}}<p class="empty">Entries are shown to who may audit.</p>{{/empty(entries)}}\
        {{/entries}}
        {{#empty(entries)}}<p class="empty">There is none.</p>{{/empty(entries)}}
        <div class="entries">
        {{#entries}}<details><summary><span class="number">{{.index}}</span> <b>{{.kind}}</b>\
         <span class="break">{{.place}} {{.subject}}</span> {{#.time}}{{>moment}}{{/.time}}</summary>\
        <pre tabindex="0" aria-label="Entry {{.index}}">{{.leaf}}</pre></details>
        {{/entries}}
        </div>
        {{#pager}}{{>pager}}{{/pager}}
        {{/main}}{{/layout}}
        """
    )
}
