// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Parts that pages share.
extension WebTemplate {
    static let moment = WebTemplate(
        "moment",
        """
        <time datetime="{{.iso}}">{{.shown}}</time> <span class="age">{{.age}}</span>
        """
    )

    static let digest = WebTemplate(
        "digest",
        """
        {{#.href}}<a class="digest" href="{{.}}" title="{{full}}">{{full}}</a>{{/.href}}\
        {{^.href}}<code class="digest" title="{{full}}">{{full}}</code>{{/.href}}
        """
    )

    static let label = WebTemplate(
        "label",
        """
        {{#.href}}<a href="{{.}}"{{#isForeign}} rel="noreferrer noopener nofollow"{{/isForeign}}>{{text}}</a>\
        {{/.href}}{{^.href}}{{text}}{{/.href}}
        """
    )

    static let pager = WebTemplate(
        "pager",
        """
        {{#.isNeeded}}<nav class="pager" aria-label="Pages of {{.what}}">
        {{#.first}}<a href="{{.}}">First page</a>{{/.first}}
        {{#.next}}<a rel="next" href="{{.}}">Next page</a>{{/.next}}
        </nav>{{/.isNeeded}}
        """
    )

    static let fact = WebTemplate(
        "fact",
        """
        <div><dt>{{.name}}</dt><dd>{{.value}}\
        {{#.link}}{{>label}}{{/.link}}{{#.time}}{{>moment}}{{/.time}}{{#.digest}}{{>digest}}{{/.digest}}</dd></div>
        """
    )

    static let meter = WebTemplate(
        "meter",
        """
        <svg class="meter {{.tone}}" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{{.text}}">\
        <rect class="rest" width="100" height="6"/><rect class="done" width="{{.width}}" height="6"/></svg>
        """
    )

    static let severities = WebTemplate(
        "severities",
        """
        <svg class="severity" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false">\
        {{#.bars}}<rect class="{{.name}}" x="{{.x}}" width="{{.width}}" height="6"/>{{/.bars}}</svg>
        <ul class="counts">{{#.bars}}<li><span class="dot {{.name}}"></span>{{.count}} {{.name}}</li>{{/.bars}}</ul>
        """
    )
}

/// How many findings there are of each severity.
package struct SeverityCounts: Sendable {
    struct Bar: Sendable {
        let name: String
        let count: Int
        let x: String
        let width: String
    }

    let bars: [Bar]

    /// The names are those of severities, the worst first.
    package init(_ counts: [(name: String, count: Int)]) {
        let total = Double(max(1, counts.reduce(0) { $0 + $1.count }))
        var x = 0.0
        bars = counts.map { name, count in
            let width = Double(count) / total * 100
            defer { x += width }
            return Bar(name: name, count: count, x: Figures.decimal(x), width: Figures.decimal(width))
        }
    }
}
