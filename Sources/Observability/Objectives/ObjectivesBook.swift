// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// Keeps what was sampled, minute by minute, and says what the objectives come to. Reads no clock: all times are handed
/// in.
///
/// Samples of the minute that goes on are added to what is kept when it is over: `closeMinutes` hands out its rows to
/// be written. Where the process died in between, they are lost, and that minute counts as far as it was not seen.
package final class ObjectivesBook: Sendable {
    struct Key: Hashable {
        let region: String
        let source: String
    }

    struct Pending: Hashable {
        let key: Key
        let minute: Int64
    }

    struct State {
        var series: [Key: MinuteSeries] = [:]
        var pending: [Pending: (good: Int64, total: Int64)] = [:]
        var maintenance: [MaintenanceSpan] = []
        /// The first minute that is not over.
        var open: Int64
        /// Rows of minutes that are over and were not handed out.
        var settled: [SampledMinute] = []
        /// Samples that were added as missing to the minute of a start after a crash, and have not come since; nil
        /// until that minute was ended.
        var missing: Int64?
    }

    package let objectives: [ServiceLevelObjective]
    /// The name of the own region.
    package let region: String
    /// Samples that the prober takes in a minute of each region that it probes.
    private let expected: Int64
    /// The regions that are probed.
    private let probed: Set<String>
    private let start: StartOfRun
    private let state: Mutex<State>

    /// - Parameters:
    ///   - objectives: What is promised.
    ///   - region: The name of the own region.
    ///   - expected: Samples that the prober takes in a minute of each region that it probes.
    ///   - probed: The regions that are probed. Of any other one nothing is missing.
    ///   - start: Since when the process runs.
    package init(
        _ objectives: [ServiceLevelObjective],
        region: String,
        expected: Int64,
        probed: Set<String>,
        start: StartOfRun
    ) {
        precondition(objectives.count <= ObjectivesLimits.objectives)
        self.objectives = objectives
        self.region = region
        self.expected = expected
        self.probed = probed
        self.start = start
        let first = min(start.at / 60, start.warmUp?.lowerBound ?? start.at / 60)
        state = Mutex(State(open: max(first, start.at / 60 - Int64(ObjectivesLimits.minutes))))
    }

    // MARK: Samples

    /// Takes what earlier runs have written. What a clock that was ahead has written is not taken.
    package func load(_ rows: [SampledMinute]) {
        state.withLock { state in
            for row in rows where row.minute <= start.at / 60 { Self.keep(row, in: &state) }
        }
    }

    /// Counts samples of the minute that a time is in. Bad ones do not count while the process warms up.
    ///
    /// - Returns: Whether they count: not in maintenance, nor while the process warms up.
    @discardableResult
    package func count(
        good: Int64,
        total: Int64,
        of source: String,
        in region: String,
        at seconds: Int64
    ) -> Bool {
        let isWarmingUp = start.isWarmingUp(at: seconds)
        let (good, total) = isWarmingUp ? (good, good) : (good, total)
        return state.withLock { state in
            let place = Pending(key: Key(region: region, source: source), minute: seconds / 60)
            let known = state.pending[place] ?? (0, 0)
            if state.pending.count < ObjectivesLimits.unsavedRows || state.pending[place] != nil {
                state.pending[place] = (known.good + good, known.total + total)
            }
            return !isWarmingUp && !state.isInMaintenance(region, at: seconds)
        }
    }

    /// Replaces what is known of declared maintenance.
    package func setMaintenance(_ spans: [MaintenanceSpan]) {
        state.withLock { $0.maintenance = Array(spans.prefix(ObjectivesLimits.spans)) }
    }

    package func isInMaintenance(_ region: String, at seconds: Int64) -> Bool {
        state.withLock { $0.isInMaintenance(region, at: seconds) }
    }

    /// Ends the minutes before a time, and hands out their rows.
    package func closeMinutes(before seconds: Int64) -> [SampledMinute] {
        take(until: seconds / 60, at: seconds)
    }

    /// Hands out the rows of the minute that goes on too: the process ends.
    package func closeAll(at seconds: Int64) -> [SampledMinute] {
        take(until: seconds / 60 + 1, at: seconds)
    }

    private func take(until end: Int64, at seconds: Int64) -> [SampledMinute] {
        state.withLock { state in
            settle(until: end, at: seconds, &state)
            defer { state.settled = [] }
            return state.settled.sorted { ($0.minute, $0.region, $0.source) < ($1.minute, $1.region, $1.source) }
        }
    }

    /// Ends the minutes before one: their samples are kept, and wait to be handed out.
    private func settle(until end: Int64, at seconds: Int64, _ state: inout State) {
        if let warmUp = start.warmUp {
            // A row of nothing says that the minute does not count, also where a run that crashed has left none.
            for minute in warmUp where minute >= state.open && minute < end {
                for region in probed {
                    let key = Key(region: region, source: ServiceLevelObjective.Source.probe.rawValue)
                    let place = Pending(key: key, minute: minute)
                    if state.pending[place] == nil, state.series[key]?[minute] == nil { state.pending[place] = (0, 0) }
                }
            }
        }
        addCrash(until: end, &state)
        for (place, counts) in state.pending where place.minute < end {
            state.pending[place] = nil
            let row = row(place, counts, at: seconds, &state)
            Self.keep(row, in: &state)
            if state.settled.count < ObjectivesLimits.unsavedRows { state.settled.append(row) }
        }
        state.open = max(state.open, end)
    }

    /// Whether something is missing of the minute in which the process started.
    private var isStartCharged: Bool {
        probed.contains(region) && !start.isClean && start.isCharged(start.at / 60)
    }

    /// A minute of which an earlier run has written something is looked at though this one has sampled nothing of it.
    private func addCrash(until end: Int64, _ state: inout State) {
        let place = Pending(
            key: Key(region: region, source: ServiceLevelObjective.Source.probe.rawValue),
            minute: start.at / 60
        )
        guard isStartCharged, state.missing == nil, place.minute < end, state.pending[place] == nil,
            let written = state.series[place.key]?[place.minute], written.total < expected
        else { return }
        state.pending[place] = (0, 0)
    }

    /// In the minute in which the process started after a crash, what was not sampled is missing, up to a clean end
    /// within that minute. It is added once. Failed samples that come later are those that were missing.
    private func row(
        _ place: Pending,
        _ counts: (good: Int64, total: Int64),
        at seconds: Int64,
        _ state: inout State
    ) -> SampledMinute {
        var total = counts.total
        let isOwn = place.key == Key(region: region, source: ServiceLevelObjective.Source.probe.rawValue)
        if isOwn, isStartCharged, place.minute == start.at / 60 {
            if let missing = state.missing {
                let known = min(missing, max(0, counts.total - counts.good))
                state.missing = missing - known
                total -= known
            } else {
                let due = expected * min(60, seconds - place.minute * 60) / 60
                let written = Int64(state.series[place.key]?[place.minute]?.total ?? 0)
                let missing = max(0, due - written - total)
                state.missing = missing
                total += missing
            }
        }
        return SampledMinute(
            minute: place.minute,
            region: place.key.region,
            source: place.key.source,
            good: counts.good,
            total: total
        )
    }

    private static func keep(_ row: SampledMinute, in state: inout State) {
        let key = Key(region: row.region, source: row.source)
        guard state.series[key] != nil || state.series.count < ObjectivesLimits.series else { return }
        state.series[key, default: MinuteSeries()].add(
            good: UInt32(clamping: row.good),
            total: UInt32(clamping: row.total),
            at: row.minute
        )
    }

    // MARK: Figures

    /// What everything comes to, with the minute that goes on as far as it went.
    package func report(at seconds: Int64) -> ObjectivesReport {
        let isWarmingUp = start.isWarmingUp(at: seconds)
        return state.withLock { state in
            settle(until: seconds / 60, at: seconds, &state)
            let keys = Set(state.series.keys).union(state.pending.keys.map(\.key))
                .sorted { ($0.region, $0.source) < ($1.region, $1.source) }
            var tallies: [Key: [Tally]] = [:]
            for key in keys { tallies[key] = self.tallies(of: key, state, at: seconds) }
            let statuses = objectives.flatMap { objective in
                keys.filter { $0.source == objective.source }.map { key in
                    status(of: objective, in: key.region, tallies[key] ?? [], state, at: seconds)
                }
            }
            let told = keys.filter { ServiceLevelObjective.Source(rawValue: $0.source) != nil }
            return ObjectivesReport(
                at: seconds,
                region: region,
                statuses: statuses,
                availability: told.map { key in
                    ObjectivesReport.Availability(
                        region: key.region,
                        source: key.source,
                        ratios: zip(MeasuredWindow.all, tallies[key] ?? []).map { ($0, $1.ratio) }
                            .filter { MeasuredWindow.told.contains($0.0.name) }
                    )
                },
                maintenance: state.maintenance.filter { $0.isActive(at: seconds) },
                isWarmingUp: isWarmingUp
            )
        }
    }

    /// Burn rates of an objective over an hour each, at equal distances over the last day, from the oldest on; nil
    /// where nothing was measured.
    package func burnRates(
        of objective: ServiceLevelObjective,
        in region: String,
        at seconds: Int64
    ) -> [Double?] {
        let key = Key(region: region, source: objective.source)
        return state.withLock { state in
            guard let series = state.series[key] else { return [] }
            let exempt = MinuteSet(
                state.maintenance.filter { $0.region == region && $0.environment == nil }.map(\.minutes)
            )
            let isOfTime = key.source == ServiceLevelObjective.Source.probe.rawValue || objective.isOfTime
            let weighing = weighing(of: key, state, isOfTime: isOfTime)
            let points = ObjectivesLimits.chartPoints
            return (1...points).map { point in
                let end = seconds / 60 - (points - point) * ObjectivesLimits.chartMinutes
                let tally = series.tallies([60], before: end, weighing, exempt: exempt).first
                return tally?.ratio.map { BurnRate.rate(of: $0, target: objective.target) }
            }
        }
    }

    private func tallies(of key: Key, _ state: State, at seconds: Int64) -> [Tally] {
        let now = seconds / 60
        let exempt = MinuteSet(
            state.maintenance.filter { $0.region == key.region && $0.environment == nil }.map(\.minutes)
        )
        let isOfTime =
            key.source == ServiceLevelObjective.Source.probe.rawValue
            || objectives.contains { $0.source == key.source && $0.isOfTime }
        let weighing = weighing(of: key, state, isOfTime: isOfTime)
        let lengths = MeasuredWindow.all.map(\.minutes)
        // The minutes that are over count one less: the one that goes on is the last of each window.
        let series = state.series[key] ?? MinuteSeries()
        var sums = series.tallies(lengths.map { $0 - 1 }, before: now, weighing, exempt: exempt)
        guard !exempt.contains(now) else { return sums }
        let place = Pending(key: key, minute: now)
        var current = state.pending[place] ?? (0, 0)
        if let written = series[now] {
            current = (current.good + Int64(written.good), current.total + Int64(written.total))
        }
        guard current.total > 0 else { return sums }
        let (good, total) = (Double(current.good), Double(current.total))
        // A minute that goes on weighs as much as was sampled of it.
        let whole = key.source == ServiceLevelObjective.Source.probe.rawValue ? Double(max(1, expected)) : 1
        let weight = isOfTime ? max(whole, total) : 1
        for index in sums.indices { sums[index].add(good: good / weight, total: total / weight) }
        return sums
    }

    /// A minute without a sample of the prober is bad where the region is probed. Of another region it says nothing
    /// where this process did not run itself: there was nobody to see.
    private func weighing(of key: Key, _ state: State, isOfTime: Bool) -> MinuteSeries.Weighing {
        guard isOfTime else { return .bySample }
        guard key.source == ServiceLevelObjective.Source.probe.rawValue, probed.contains(key.region) else {
            return .byMinute { _ in false }
        }
        guard key.region != region else { return .byMinute { _ in true } }
        guard let own = state.series[Key(region: region, source: key.source)] else { return .byMinute { _ in false } }
        return .byMinute { minute in own[minute].map { $0.total > 0 } ?? false }
    }

    private func status(
        of objective: ServiceLevelObjective,
        in region: String,
        _ tallies: [Tally],
        _ state: State,
        at seconds: Int64
    ) -> ObjectivesReport.Status {
        let measured = Array(zip(MeasuredWindow.all, tallies))
        let rates = measured.map { window, tally in
            (window: window, rate: tally.ratio.map { BurnRate.rate(of: $0, target: objective.target) })
        }
        var known: [String: Double] = [:]
        for (window, rate) in rates { known[window.name] = rate }
        let isSilent = state.isInMaintenance(region, at: seconds) || start.isWarmingUp(at: seconds)
        let counted = measured.last { $0.0.minutes <= objective.windowMinutes }?.1 ?? Tally()
        return ObjectivesReport.Status(
            objective: objective,
            region: region,
            ratios: measured.map { ($0, $1.ratio) },
            burnRates: rates,
            budget: ErrorBudget.remaining(counted, of: objective),
            alert: isSilent ? nil : BurnRateRule.first(satisfiedBy: known)
        )
    }
}

extension ObjectivesBook.State {
    func isInMaintenance(_ region: String, at seconds: Int64) -> Bool {
        maintenance.contains { $0.region == region && $0.environment == nil && $0.isActive(at: seconds) }
    }
}
