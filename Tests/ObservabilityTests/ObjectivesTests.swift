// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Testing

/// What objectives come to: windows, missing samples, maintenance, warming up, budgets and burn rates.
@Suite struct ObjectivesTests {
    /// The begin of a minute.
    private static let begin: Int64 = 1_700_000_040
    private static let region = "eu"

    private static func book(
        clean: Bool = false,
        at start: Int64 = begin,
        cleanAt: Int64? = nil,
        objectives: [ServiceLevelObjective] = ServiceLevelObjective.defaults,
        probed: Set<String> = [region, "us"]
    ) -> ObjectivesBook {
        ObjectivesBook(
            objectives,
            region: region,
            expected: 2,
            probed: probed,
            start: StartOfRun(at: start, isClean: clean, cleanAt: cleanAt)
        )
    }

    /// Rows of the prober, two samples a minute, from `begin` on.
    private static func rows(_ good: [Int64?], region: String = region) -> [SampledMinute] {
        good.enumerated().compactMap { index, good in
            good.map { good in
                SampledMinute(
                    minute: begin / 60 + Int64(index),
                    region: region,
                    source: "probe",
                    good: good,
                    total: 2
                )
            }
        }
    }

    private static func ratio(_ book: ObjectivesBook, _ window: String, minute: Int, region: String = region) -> Double?
    {
        let report = book.report(at: begin + Int64(minute) * 60)
        let figure = report.availability.first { $0.region == region && $0.source == "probe" }
        return figure?.ratios.first { $0.window.name == window }?.ratio
    }

    @Test func eachMinuteWeighsTheSame() {
        let book = Self.book(at: Self.begin + 600)
        book.load(Self.rows([2, 2, 1, 2]))
        #expect(Self.ratio(book, "1h", minute: 4) == 3.5 / 4)
        #expect(Self.ratio(book, "5m", minute: 4) == 3.5 / 4)
    }

    @Test func aWindowLetsGoOfWhatIsOlder() {
        let book = Self.book(at: Self.begin + 36_000)
        book.load(Self.rows([0, 0, 0] + Array(repeating: 2, count: 100)))
        #expect(Self.ratio(book, "5m", minute: 103) == 1)
        #expect(Self.ratio(book, "1h", minute: 103) == 1)
        let whole = Self.ratio(book, "6h", minute: 103) ?? 0
        #expect(abs(whole - 100.0 / 103) < 1e-12)
    }

    /// A process that was killed leaves no rows: that is an outage, from the first sample ever on.
    @Test func missingMinutesAreBad() {
        let book = Self.book(at: Self.begin + 600)
        book.load(Self.rows([nil, nil, 2, nil, nil, 2]))
        #expect(Self.ratio(book, "1h", minute: 6) == 2.0 / 4)
    }

    @Test func missingMinutesOfMaintenanceAreNot() {
        let book = Self.book(at: Self.begin + 600)
        book.load(Self.rows([2, nil, nil, 2]))
        let span = MaintenanceSpan(
            region: Self.region,
            environment: nil,
            start: Self.begin + 61,
            end: Self.begin + 180,
            reason: ""
        )
        book.setMaintenance([span])
        #expect(Self.ratio(book, "1h", minute: 4) == 1)
        for (region, environment) in [("us", nil), (Self.region, "prod")] as [(String, String?)] {
            book.setMaintenance([
                MaintenanceSpan(
                    region: region,
                    environment: environment,
                    start: span.start,
                    end: span.end,
                    reason: ""
                )
            ])
            #expect(Self.ratio(book, "1h", minute: 4) == 0.5, "that of \(region) \(environment ?? "") is no excuse")
        }
    }

    /// Of other regions nothing is known while this process did not run.
    @Test func anotherRegionIsNotBlamedForTheOwnOutage() {
        let book = Self.book(at: Self.begin + 600)
        book.load(Self.rows([2, nil, 2, 2]))
        book.load(Self.rows([2, nil, nil, 2], region: "us"))
        #expect(Self.ratio(book, "1h", minute: 4, region: "us") == 2.0 / 3)
    }

    @Test func aCleanStartWarmsUpAndACrashDoesNot() {
        for isClean in [true, false] {
            let book = Self.book(clean: isClean, at: Self.begin + 30)
            book.load([
                SampledMinute(minute: Self.begin / 60 - 1, region: Self.region, source: "probe", good: 2, total: 2)
            ])
            let counts = book.count(good: 0, total: 1, of: "probe", in: Self.region, at: Self.begin + 40)
            #expect(counts != isClean)
            _ = book.count(good: 1, total: 1, of: "probe", in: Self.region, at: Self.begin + 59)
            let rows = book.closeMinutes(before: Self.begin + 240)
            let first = rows.first { $0.minute == Self.begin / 60 }
            // After a crash the half of the minute that nobody saw is missing too: here both samples were taken.
            #expect(first?.good == 1 && first?.total == (isClean ? 1 : 2))
            let own = rows.filter { $0.region == Self.region }
            #expect(own.count == (isClean ? 3 : 1), "minutes of warming up have a row, with or without samples")
            // Minute 3 is missing in either case, minutes 1 and 2 only after a crash.
            let expected = isClean ? 2.0 / 3 : 1.5 / 5
            #expect(abs((Self.ratio(book, "1h", minute: 4) ?? 0) - expected) < 1e-12)
        }
    }

    /// A registry that is killed while it warms up goes on warming up, until two minutes after it began; no longer.
    @Test func aCrashDoesNotEndWarmingUp() {
        let book = Self.book(at: Self.begin + 65, cleanAt: Self.begin + 30)
        let isCounted = { (second: Int64) in
            book.count(good: 0, total: 1, of: "probe", in: Self.region, at: Self.begin + second)
        }
        #expect(!isCounted(149))
        #expect(book.report(at: Self.begin + 149).isWarmingUp)
        #expect(isCounted(150))
        #expect(!book.report(at: Self.begin + 150).isWarmingUp)
        let rows = book.closeMinutes(before: Self.begin + 180).filter { $0.region == Self.region }
        #expect(rows.map(\.minute) == (0...2).map { Self.begin / 60 + $0 }, "also that of which the crash left nothing")
        #expect(rows.map(\.total) == [0, 0, 1])
        let alerts = book.report(at: Self.begin + 150).statuses.compactMap(\.alert)
        #expect(!alerts.isEmpty, "what fails after it is an alert")
    }

    /// What a clock that was ahead has written does not keep a registry silent.
    @Test func aCleanStartToComeIsNotKnown() {
        let book = Self.book(at: Self.begin, cleanAt: Self.begin + 1)
        #expect(!book.report(at: Self.begin + 1).isWarmingUp)
    }

    @Test func eachTurnOfABudgetIsToldOnce() {
        var told = ToldBurns()
        #expect(!told.isNews(of: "availability", in: "eu", rule: nil), "calm is no news before anything burned")
        #expect(told.isNews(of: "availability", in: "eu", rule: "fast"))
        told.keep("availability", in: "eu", rule: "fast")
        #expect(!told.isNews(of: "availability", in: "eu", rule: "fast"))
        #expect(told.isNews(of: "availability", in: "us", rule: "fast"), "another region")
        #expect(told.isNews(of: "availability", in: "eu", rule: "slow"))
        #expect(told.isNews(of: "availability", in: "eu", rule: nil))
        told.keep("availability", in: "eu", rule: nil)
        #expect(!told.isNews(of: "availability", in: "eu", rule: nil))
        #expect(told.isNews(of: "availability", in: "eu", rule: "fast"), "it burns again")
    }

    @Test func aMinuteThatIsHalfSeenAfterACrashIsHalfBad() {
        let book = Self.book(at: Self.begin + 31)
        book.count(good: 1, total: 1, of: "probe", in: Self.region, at: Self.begin + 45)
        let row = book.closeMinutes(before: Self.begin + 60).first
        #expect(row?.good == 1 && row?.total == 2)
    }

    @Test func theMinuteThatGoesOnCountsAsFarAsItWent() {
        let book = Self.book(at: Self.begin)
        book.load(Self.rows([2]))
        book.count(good: 0, total: 1, of: "probe", in: Self.region, at: Self.begin + 65)
        #expect(Self.ratio(book, "1h", minute: 1) == 1 / 1.5)
        #expect(book.closeAll(at: Self.begin + 70).count == 1)
        #expect(Self.ratio(book, "1h", minute: 1) == 1 / 1.5, "also once it is written")
    }

    /// A minute is over when it is over, not when somebody writes it down.
    @Test func aMinuteThatIsNotWrittenYetCounts() {
        let book = Self.book(at: Self.begin + 1)
        for second in [5, 35] {
            book.count(good: 1, total: 1, of: "probe", in: Self.region, at: Self.begin + Int64(second))
        }
        #expect(Self.ratio(book, "1h", minute: 1) == 1)
        // A round that began before the end of the minute may end after it.
        book.count(good: 0, total: 1, of: "probe", in: Self.region, at: Self.begin + 59)
        #expect(Self.ratio(book, "1h", minute: 1) == 2.0 / 3)
        let rows = book.closeMinutes(before: Self.begin + 60)
        #expect(rows.map(\.total).reduce(0, +) == 3 && rows.map(\.good).reduce(0, +) == 2)
    }

    @Test func requestsAreCountedEach() {
        let book = Self.book(at: Self.begin)
        book.count(good: 999, total: 1_000, of: "requests", in: Self.region, at: Self.begin + 1)
        book.count(good: 0, total: 1, of: "requests", in: Self.region, at: Self.begin + 3_660)
        let status = book.report(at: Self.begin + 3_700).statuses.first { $0.objective.name == "requests" }
        #expect(status?.ratios.first { $0.window.name == "6h" }?.ratio == 999.0 / 1_001)
        #expect(status?.ratios.first { $0.window.name == "5m" }?.ratio == 0)
        // Two of 1001 were bad, one may be: twice the budget is gone.
        #expect(abs((status?.budget ?? 0) - (1 - 2 / 1.001)) < 1e-9)
    }

    @Test func theBudgetOfTimeIsThatOfTheWholeWindow() {
        let objective = ServiceLevelObjective(name: "a", kind: .availability(.probe), target: 0.999)
        // 30 days have 43.2 minutes of budget.
        let left = ErrorBudget.remaining(Tally(good: 50, total: 60), of: objective) ?? 0
        #expect(abs(left - (1 - 10 / 43.2)) < 1e-9)
        #expect(ErrorBudget.remaining(Tally(), of: objective) == nil)
        let perfect = ServiceLevelObjective(name: "b", kind: .durability, target: 1)
        #expect(ErrorBudget.remaining(Tally(good: 5, total: 5), of: perfect) == 1)
        #expect(ErrorBudget.remaining(Tally(good: 4, total: 5), of: perfect) ?? 0 < -1_000)
    }

    @Test func burnRates() {
        #expect(abs(BurnRate.rate(of: 0.99, target: 0.999) - 10) < 1e-9)
        #expect(BurnRate.rate(of: 1, target: 1) == 0)
        #expect(BurnRate.rate(of: 0.5, target: 1) == ObjectivesLimits.burnRate)
    }

    @Test func anAlertNeedsBothWindows() {
        #expect(BurnRateRule.first(satisfiedBy: ["1h": 15, "5m": 15])?.name == "fast")
        #expect(BurnRateRule.first(satisfiedBy: ["1h": 15, "5m": 0]) == nil, "it is over")
        #expect(BurnRateRule.first(satisfiedBy: ["1h": 0, "5m": 15]) == nil, "it does not matter yet")
        #expect(BurnRateRule.first(satisfiedBy: ["6h": 7, "30m": 7])?.name == "medium")
        #expect(BurnRateRule.first(satisfiedBy: ["1d": 2.5, "2h": 2.5])?.severity == .page)
        #expect(BurnRateRule.first(satisfiedBy: ["1d": 2, "2h": 2]) == nil, "twice is not more than twice")
        #expect(BurnRateRule.first(satisfiedBy: ["3d": 1.5, "6h": 1.5])?.severity == .ticket)
        for rule in BurnRateRule.all {
            #expect((rule.factor >= 2) == (rule.severity == .page))
            let known = MeasuredWindow.all.map(\.name)
            #expect(known.contains(rule.long) && known.contains(rule.short))
        }
    }

    @Test func anOutageAlertsAndMaintenanceSilencesIt() {
        let book = Self.book(at: Self.begin + 3_600)
        book.load(Self.rows(Array(repeating: 2, count: 50) + Array(repeating: 0, count: 10)))
        let now = Self.begin + 3_600
        func alert() -> BurnRateRule? {
            book.report(at: now).statuses.first { $0.objective.name == "availability" }?.alert
        }
        #expect(alert()?.name == "fast")
        book.setMaintenance([
            MaintenanceSpan(region: Self.region, environment: nil, start: now - 60, end: now + 60, reason: "")
        ])
        #expect(alert() == nil)
    }

    @Test func samplesInMaintenanceAreNoEvents() {
        let book = Self.book(at: Self.begin)
        let span = MaintenanceSpan(
            region: Self.region,
            environment: nil,
            start: Self.begin,
            end: Self.begin + 60,
            reason: ""
        )
        book.setMaintenance([span])
        #expect(!book.count(good: 0, total: 1, of: "probe", in: Self.region, at: Self.begin + 59))
        #expect(book.count(good: 0, total: 1, of: "probe", in: Self.region, at: Self.begin + 60))
        #expect(book.count(good: 0, total: 1, of: "probe", in: "us", at: Self.begin + 59))
    }

    /// What was written and read back is what was counted, also over a restart.
    @Test func rowsComeBackAsTheyWere() {
        let book = Self.book(at: Self.begin)
        for second in 0..<1_800 {
            let isGood = second % 7 != 0
            book.count(good: isGood ? 1 : 0, total: 1, of: "probe", in: Self.region, at: Self.begin + Int64(second))
            book.count(good: 1, total: 1, of: "requests", in: Self.region, at: Self.begin + Int64(second))
        }
        let rows = book.closeMinutes(before: Self.begin + 1_800)
        #expect(book.closeMinutes(before: Self.begin + 1_800).isEmpty, "each is handed out once")
        let other = Self.book(at: Self.begin + 1_800)
        other.load(rows)
        for window in ["5m", "1h", "6h", "3d", "30d"] {
            #expect(Self.ratio(book, window, minute: 30) == Self.ratio(other, window, minute: 30))
        }
    }

    /// Where nobody probes nothing is missing: behind TLS without a name, a region that is only followed, one of
    /// before.
    @Test func nobodyMissesWhatNobodyTakes() {
        for isClean in [true, false] {
            let book = Self.book(clean: isClean, at: Self.begin + 600, probed: [])
            book.load(Self.rows([2, 1], region: "former"))
            book.count(good: 1, total: 1, of: "objective:freshness", in: "us", at: Self.begin + 610)
            for minute in 11...100 { _ = book.closeMinutes(before: Self.begin + Int64(minute) * 60) }
            let report = book.report(at: Self.begin + 6_000)
            for region in [Self.region, "us"] { #expect(Self.ratio(book, "5m", minute: 100, region: region) == nil) }
            #expect(Self.ratio(book, "6h", minute: 100, region: "former") == 0.75)
            #expect(report.statuses.filter { $0.region != "former" }.allSatisfy { $0.alert == nil })
        }
    }

    /// Warming up is no sample: before the first one nothing is missing.
    @Test func nothingIsMissingBeforeTheFirstSample() {
        let book = Self.book(clean: true)
        for minute in 1...9 { _ = book.closeMinutes(before: Self.begin + Int64(minute) * 60) }
        #expect(Self.ratio(book, "1h", minute: 9) == nil)
        for second in [5, 35] {
            book.count(good: 1, total: 1, of: "probe", in: Self.region, at: Self.begin + 540 + Int64(second))
        }
        #expect(Self.ratio(book, "1h", minute: 10) == 1)
    }

    /// What a clock that was ahead has written does not hold up what comes.
    @Test func rowsOfTheFutureAreNotTaken() {
        let book = Self.book(at: Self.begin + 600)
        book.load(
            Self.rows([2, 2]) + [
                SampledMinute(
                    minute: Self.begin / 60 + 100_000,
                    region: Self.region,
                    source: "probe",
                    good: 0,
                    total: 2
                )
            ]
        )
        #expect(Self.ratio(book, "5m", minute: 2) == 1)
    }

    /// 30 days are kept in memory, and what is older says nothing.
    @Test func theLongestWindowHasAnEnd() {
        let book = Self.book(at: Self.begin + 43_301 * 60)
        let minute = Self.begin / 60
        book.load([SampledMinute(minute: minute, region: Self.region, source: "probe", good: 0, total: 2)])
        book.load(
            (1...43_300).map { offset in
                SampledMinute(minute: minute + offset, region: Self.region, source: "probe", good: 2, total: 2)
            }
        )
        #expect(Self.ratio(book, "30d", minute: 43_301) == 1)
    }

    @Test func requestsAreJudged() {
        let objectives = [
            ServiceLevelObjective(name: "fast", kind: .latency(.manifest, milliseconds: 250), target: 0.99)
        ]
        let judge = RequestJudge(objectives)
        judge.judge(route: "manifest", method: "GET", status: 200, elapsed: .milliseconds(250))
        judge.judge(route: "manifest", method: "GET", status: 200, elapsed: .milliseconds(251))
        judge.judge(route: "manifest", method: "GET", status: 404, elapsed: .milliseconds(900))
        judge.judge(route: "manifest", method: "GET", status: 500, elapsed: .milliseconds(1))
        judge.judge(route: "blob", method: "GET", status: 503, elapsed: .milliseconds(1))
        judge.judge(route: "blob", method: "GET", status: 429, elapsed: .milliseconds(1))
        judge.judge(route: "metrics", method: "GET", status: 500, elapsed: .milliseconds(1))
        let counts = Dictionary(uniqueKeysWithValues: judge.counts.map { ($0.source, $0.counts) })
        #expect(counts["requests"] == RequestJudge.Counts(good: 4, total: 6))
        #expect(counts["objective:fast"] == RequestJudge.Counts(good: 1, total: 2))
        let strict = RequestJudge(objectives, limitedIsGood: false)
        strict.judge(route: "blob", method: "GET", status: 429, elapsed: .milliseconds(1))
        #expect(strict.counts[0].counts == RequestJudge.Counts(good: 0, total: 1))
    }
}
