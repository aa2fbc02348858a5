// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Observability
import Settings
import Yams

/// The section `objectives` of the configuration file: what the registry promises.
///
/// ```yaml
/// objectives:
///   - {name: availability, kind: availability, source: probe, target: 99.9%, window: 30d}
///   - {name: requests, kind: availability, source: requests, limited: good, target: 99.9%}
///   - {name: manifests, kind: latency, class: manifest, within: 250ms, target: 99%}
///   - {name: lag, kind: freshness, within: 60s, target: 99.9%}
///   - {name: durability, kind: durability}
/// ```
struct ObjectivesSettings: Sendable, Hashable {
    static let section = "objectives"

    var objectives = ServiceLevelObjective.defaults
    /// Whether a request that is refused with 429 counts as good.
    var limitedIsGood: Bool { limitedWasGood ?? true }
    /// What an objective says of it; nil where none does.
    private var limitedWasGood: Bool?

    private typealias Fields = YAMLFields<SectionError>

    init() {}

    init(_ node: Node) throws(SectionError) {
        guard let elements = node.sequence, (1...ObjectivesLimits.objectives).contains(elements.count) else {
            throw SectionError(
                .invalid,
                "'\(Self.section)' is a list of 1 to \(ObjectivesLimits.objectives) objectives",
                line: node.mark?.line
            )
        }
        objectives = []
        for element in elements {
            let fields = try Fields(
                element,
                "an objective",
                keys: ["name", "kind", "source", "limited", "class", "within", "target", "window"]
            )
            let name = try fields.word(try fields.required("name"), "name")
            guard name.utf8.count <= ObjectivesLimits.nameBytes, !objectives.contains(where: { $0.name == name }) else {
                throw fields.error("name", "is of another objective, or over \(ObjectivesLimits.nameBytes) letters")
            }
            let kind = try kind(fields)
            let target = try Self.target(fields, kind)
            let seconds = try fields.seconds("window") ?? MeasuredWindow.longest.minutes * 60
            guard MeasuredWindow.all.contains(where: { $0.minutes * 60 == seconds }) else {
                let known = MeasuredWindow.all.map(\.name).joined(separator: ", ")
                throw fields.error("window", "is one of \(known)")
            }
            objectives.append(
                ServiceLevelObjective(name: name, kind: kind, target: target, windowMinutes: seconds / 60)
            )
        }
    }

    private mutating func kind(_ fields: Fields) throws(SectionError) -> ServiceLevelObjective.Kind {
        let kind = try fields.required("kind")
        let allowed: Set<String>
        let result: ServiceLevelObjective.Kind
        switch kind {
        case "availability":
            allowed = ["source", "limited"]
            let text = try fields.text("source") ?? ServiceLevelObjective.Source.probe.rawValue
            guard let source = ServiceLevelObjective.Source(rawValue: text) else {
                throw fields.error("source", "is probe or requests")
            }
            if let limited = try fields.text("limited") {
                guard source == .requests, ["good", "bad"].contains(limited) else {
                    throw fields.error("limited", "is good or bad, of an objective of requests")
                }
                let isGood = limited == "good"
                guard limitedWasGood ?? isGood == isGood else {
                    throw fields.error("limited", "is one word for all objectives: another one says otherwise")
                }
                limitedWasGood = isGood
            }
            result = .availability(source)
        case "latency":
            allowed = ["class", "within"]
            guard let requests = RequestClass(rawValue: try fields.required("class")) else {
                let known = RequestClass.allCases.map(\.rawValue).joined(separator: ", ")
                throw fields.error("class", "is one of \(known)")
            }
            result = .latency(requests, milliseconds: try Self.milliseconds(fields))
        case "freshness":
            allowed = ["within"]
            let milliseconds = try Self.milliseconds(fields)
            guard milliseconds % 1_000 == 0 else {
                throw fields.error("within", "is in whole seconds, of an objective of freshness")
            }
            result = .freshness(seconds: milliseconds / 1_000)
        case "durability":
            allowed = []
            result = .durability
        default: throw fields.error("kind", "is availability, latency, freshness or durability")
        }
        for key in ["source", "limited", "class", "within"] where fields.has(key) && !allowed.contains(key) {
            throw fields.error(key, "says nothing of an objective of \(kind)")
        }
        return result
    }

    /// `250ms`, or a span such as `60s`.
    private static func milliseconds(_ fields: Fields) throws(SectionError) -> Int64 {
        let text = try fields.required("within")
        if text.hasSuffix("ms"), let number = Int64(text.dropLast(2)), (1...3_600_000).contains(number) {
            return number
        }
        guard let seconds = TimeSpan.seconds(text), seconds <= 86_400 else {
            throw fields.error("within", "is a span of time like 250ms, 2s or 1m, a day at most")
        }
        return seconds * 1_000
    }

    /// `99.9%`, or `0.999`. Only what counts findings may have to be perfect: of anything else there is always one.
    private static func target(
        _ fields: Fields,
        _ kind: ServiceLevelObjective.Kind
    ) throws(SectionError) -> Double {
        guard let text = try fields.text("target") else {
            guard kind == .durability else { throw fields.error("needs 'target', such as 99.9%") }
            return 1
        }
        let isPercent = text.hasSuffix("%")
        let digits = text.dropLast(isPercent ? 1 : 0).filter { $0 != " " }
        guard let number = Double(digits), number.isFinite else {
            throw fields.error("target", "is a part like 99.9%, not '\(ParsingError.quotable(text))'")
        }
        let target = isPercent ? number / 100 : number
        guard ObjectivesLimits.targets.contains(target), target < 1 || kind == .durability else {
            throw fields.error("target", "is from 50% to below 100%; only durability is 100%")
        }
        return target
    }
}
