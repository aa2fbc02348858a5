// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Service levels: what was promised, what is left of the error budget, and how fast it goes.
package struct ObjectivesPage: WebPage {
    package struct Burn: Sendable {
        let window: String
        let rate: String
        let standing: Badge

        /// - Parameters:
        ///   - window: Such as `1 h`.
        ///   - rate: How many times faster than allowed the budget goes; nil where nothing is known.
        ///   - limit: From there on it is too fast.
        package init(window: String, rate: Double?, limit: Double) {
            self.window = window
            self.rate = rate.map(Figures.decimal) ?? "unknown"
            guard let rate else {
                standing = Badge("no data", .warn)
                return
            }
            standing = rate > limit ? Badge("too fast", .bad) : Badge("within", .good)
        }
    }

    package struct Objective: Sendable {
        let id: String
        let name: String
        let about: String
        let standing: Badge
        let facts: [Fact]
        /// nil where nothing was measured.
        let budget: Meter?
        let chart: BurnChart?
        let burns: [Burn]

        package init(
            id: String,
            name: String,
            about: String,
            standing: Badge,
            facts: [Fact],
            budgetLeft: Double?,
            chart: BurnChart?,
            burns: [Burn]
        ) {
            self.id = id
            self.name = name
            self.about = about
            self.standing = standing
            self.facts = facts
            budget = budgetLeft.map { left in
                let percent = Figures.decimal(left.magnitude * 100)
                return Meter(
                    share: left,
                    text: left < 0
                        ? "the error budget is overdrawn by \(percent) %" : "\(percent) % of the error budget is left",
                    tone: left <= 0 ? .bad : left < 0.25 ? .warn : .good
                )
            }
            self.chart = chart
            self.burns = burns
        }
    }

    package let title = "Objectives"
    let objectives: [Objective]
    /// While maintenance is declared: what was declared, and until when.
    let maintenance: String?

    package init(objectives: [Objective], maintenance: String?) {
        self.objectives = objectives
        self.maintenance = maintenance
    }

    package static let template = WebTemplate(
        "objectives",
        """
        {{<layout}}{{$main}}
        <h1>Objectives</h1>
        {{#maintenance}}<p class="note calm"><strong>Maintenance.</strong> {{.}}</p>{{/maintenance}}
        {{#empty(objectives)}}<p class="empty">No objective is declared.</p>{{/empty(objectives)}}
        {{#objectives}}
        <section class="card" aria-labelledby="{{.id}}">
        <h2 id="{{.id}}">{{.name}} <span class="badge {{.standing.tone}}">{{.standing.text}}</span></h2>
        <p>{{.about}}</p>
        {{#.budget}}{{>meter}}<p class="quiet">{{.text}}</p>{{/.budget}}
        <dl class="facts">
        {{#.facts}}{{>fact}}{{/.facts}}
        </dl>
        {{#.chart}}{{>burn-chart}}{{/.chart}}
        {{^empty(.burns)}}
        <table class="list" role="table">
        <caption>How fast the budget goes; 1 uses it up exactly</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Over</th>\
        <th role="columnheader" scope="col" class="number">Burn rate</th>\
        <th role="columnheader" scope="col">State</th></tr></thead>
        <tbody role="rowgroup">
        {{#.burns}}<tr role="row"><th role="rowheader" scope="row">{{.window}}</th>\
        <td role="cell" data-label="Burn rate" class="number">{{.rate}}</td>\
        <td role="cell" data-label="State"><span class="badge {{.standing.tone}}">{{.standing.text}}</span></td></tr>
        {{/.burns}}
        </tbody>
        </table>
        {{/empty(.burns)}}
        </section>
        {{/objectives}}
        {{/main}}{{/layout}}
        """
    )
}

/// Burn rates over time, as a line.
package struct BurnChart: Sendable {
    /// The picture's size, in its own units.
    private static let (width, height) = (600.0, 120.0)

    let lines: [String]
    let limitY: String
    let limit: String
    let top: String
    let from: String
    let to: String
    let text: String

    /// - Parameters:
    ///   - rates: From the oldest on, at equal distances; nil where nothing was known.
    ///   - limit: From there on it is too fast.
    ///   - from: When the first was.
    ///   - to: When the last was.
    package init(rates: [Double?], limit: Double, from: String, to: String) {
        let known = rates.compactMap { $0 }.filter(\.isFinite)
        let highest = max(known.max() ?? 0, limit, 1) * 1.1
        let step = Self.width / Double(max(1, rates.count - 1))
        var lines: [[String]] = [[]]
        for (index, rate) in rates.enumerated() {
            guard let rate, rate.isFinite else {
                if lines.last?.isEmpty == false { lines.append([]) }
                continue
            }
            let y = Self.height - max(0, rate) / highest * Self.height
            lines[lines.count - 1].append("\(Figures.decimal(Double(index) * step)),\(Figures.decimal(y))")
        }
        self.lines = lines.filter { !$0.isEmpty }.map { $0.joined(separator: " ") }
        limitY = Figures.decimal(Self.height - limit / highest * Self.height)
        self.limit = Figures.decimal(limit)
        top = Figures.decimal(highest)
        self.from = from
        self.to = to
        let now = rates.last.flatMap { $0 }.map(Figures.decimal) ?? "unknown"
        text =
            "Burn rate from \(from) to \(to): now \(now), at most \(Figures.decimal(known.max() ?? 0)), "
            + "too fast above \(Figures.decimal(limit))"
    }
}

extension WebTemplate {
    static let burnChart = WebTemplate(
        "burn-chart",
        """
        <figure class="chart">
        <svg viewBox="0 0 600 120" preserveAspectRatio="none" role="img" aria-label="{{.text}}">\
        <line class="axis" x1="0" y1="120" x2="600" y2="120"/>\
        <line class="limit" x1="0" y1="{{.limitY}}" x2="600" y2="{{.limitY}}"/>\
        {{#.lines}}<polyline points="{{.}}"/>{{/.lines}}</svg>
        <figcaption><span>{{.from}}</span><span>Burn rate, 0 to {{.top}}; dashed: {{.limit}}</span>\
        <span>{{.to}}</span></figcaption>
        </figure>
        """
    )
}
