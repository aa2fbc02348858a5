// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a running server says of itself. What could not be asked is nil.
package struct ProductionServer: Sendable {
    package struct Region: Sendable {
        package var name: String
        package var state: String
        package var secondsBehind: Int64

        package init(name: String, state: String, secondsBehind: Int64) {
            self.name = name
            self.state = state
            self.secondsBehind = secondsBehind
        }
    }

    /// What of its metrics counts here.
    package struct Metrics: Sendable {
        /// Readings of the metrics that were answered with them since the start, and seconds since then.
        package var scrapes: Int64
        package var uptime: Int64
        package var openFiles: UInt64?
        package var logFindings: Int64
        package var auditFindings: Int64

        package init(scrapes: Int64, uptime: Int64, openFiles: UInt64?, logFindings: Int64, auditFindings: Int64) {
            self.scrapes = scrapes
            self.uptime = uptime
            self.openFiles = openFiles
            self.logFindings = logFindings
            self.auditFindings = auditFindings
        }

        /// What samples say at a time in seconds since 1970.
        package init(_ samples: MetricSamples, now: Int64) {
            self.init(
                scrapes: samples.whole("cairn_http_requests_total", with: "route=\"metrics\"", "code=\"200\"") ?? 0,
                uptime: samples.whole("process_start_time_seconds").map { max(0, now - $0) } ?? 0,
                openFiles: samples.whole("process_max_fds").map { UInt64(max(0, $0)) },
                logFindings: samples.whole("cairn_log_scrub_findings_total") ?? 0,
                auditFindings: samples.whole("cairn_gc_audit_findings") ?? 0
            )
        }
    }

    /// What keeps it from full service.
    package var problems: [String]?
    package var regions: [Region]?
    package var damagedBlobs: Int64?
    package var metrics: Metrics?
    /// Why something could not be asked.
    package var failure: String?

    package init(
        problems: [String]? = nil,
        regions: [Region]? = nil,
        damagedBlobs: Int64? = nil,
        metrics: Metrics? = nil,
        failure: String? = nil
    ) {
        self.problems = problems
        self.regions = regions
        self.damagedBlobs = damagedBlobs
        self.metrics = metrics
        self.failure = failure
    }

    package var findings: [ProductionFinding] { [readiness] + regionFindings + [damage, scraped] }

    /// The lines that only a running server can tell, where none was named.
    package static var unasked: [ProductionFinding] {
        [ProductionCheck.following, .lag, .damage, .ready, .metrics].map { check in
            check.manual("no running server was asked", do: "name it: --registry HOST")
        }
    }

    private func unknown(_ check: ProductionCheck) -> ProductionFinding {
        check.warning(
            "could not be asked: \(failure ?? "no answer")",
            do: "name a server that runs, and somebody who has the right 'audit'"
        )
    }

    private var readiness: ProductionFinding {
        guard let problems else {
            return ProductionCheck.ready.problem(
                "does not answer: \(failure ?? "no answer")",
                do: "follow the runbook for a registry that is down"
            )
        }
        guard !problems.isEmpty else { return ProductionCheck.ready.ok("the server is in full service") }
        return ProductionCheck.ready.problem(
            "the server says: \(problems.joined(separator: ", "))",
            do: "follow the runbook for a full disk, or for a registry that is down"
        )
    }

    private var regionFindings: [ProductionFinding] {
        guard let regions else { return [unknown(.following), unknown(.lag)] }
        let known = regions.filter { $0.state != "retired" }
        guard !known.isEmpty else {
            return [ProductionCheck.following, .lag].map { check in
                check.problem("no other region is followed", do: "add one: cairn region add NAME URL --config FILE")
            }
        }
        let others = known.filter { $0.state != "following" }.map { "\($0.name) is \($0.state)" }
        let following =
            others.isEmpty
            ? ProductionCheck.following.ok("\(known.map(\.name).joined(separator: ", ")): followed")
            : ProductionCheck.following.problem(
                others.joined(separator: ", "),
                do: "cairn region status --registry HOST says why"
            )
        let lag = known.map(\.secondsBehind).max() ?? 0
        return [following, lagFinding(lag)]
    }

    private func lagFinding(_ seconds: Int64) -> ProductionFinding {
        let found = "the oldest change that does not count here is \(seconds) s old"
        let action = "cairn region status --registry HOST says what waits, and why"
        if seconds >= ProductionLimits.lagSeconds.problem { return ProductionCheck.lag.problem(found, do: action) }
        if seconds >= ProductionLimits.lagSeconds.warning { return ProductionCheck.lag.warning(found, do: action) }
        return ProductionCheck.lag.ok(found)
    }

    private var damage: ProductionFinding {
        let check = ProductionCheck.damage
        let counts = [damagedBlobs, metrics?.logFindings, metrics?.auditFindings]
        guard counts.allSatisfy({ $0 ?? 0 == 0 }) else {
            let told = counts.map { $0.map { "\($0)" } ?? "an unknown number of" }
            return check.problem(
                "\(told[0]) blobs are damaged, \(told[1]) findings in the log, \(told[2]) of the collection's audit",
                do: "follow the runbook for damaged blobs"
            )
        }
        guard !counts.contains(nil) else { return unknown(check) }
        return check.ok("no damaged blobs, no findings in the log")
    }

    private var scraped: ProductionFinding {
        let check = ProductionCheck.metrics
        guard let metrics else { return unknown(check) }
        let found = "the metrics were read \(metrics.scrapes) times in \(metrics.uptime) s"
        guard metrics.scrapes > 0, metrics.scrapes >= metrics.uptime / ProductionLimits.scrapeSeconds else {
            return check.warning(found, do: "have Prometheus scrape /metrics each 15 s to 60 s")
        }
        return check.ok(found)
    }
}

/// Samples of the text format of Prometheus, as far as the checklist needs them.
package struct MetricSamples: Sendable {
    private var samples: [(name: Substring, labels: Substring, value: Double)] = []

    package init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            let series = line[..<space]
            let brace = series.firstIndex(of: "{") ?? series.endIndex
            samples.append((series[..<brace], series[brace...], value))
        }
    }

    /// The sum over all series of a name whose labels have those texts in them; nil where there is none.
    package func sum(_ name: String, with labels: String...) -> Double? { sum(name, labels) }

    /// The same as a whole number, cut to what is far beyond any count or time; nil also where it is no number.
    package func whole(_ name: String, with labels: String...) -> Int64? {
        guard let sum = self.sum(name, labels), sum.isFinite else { return nil }
        return Int64(min(max(sum, -Self.bound), Self.bound))
    }

    private static let bound = 1e18

    private func sum(_ name: String, _ labels: [String]) -> Double? {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels.contains($0) }
        }
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }
}
