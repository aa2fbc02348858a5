// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

let second: Int64 = 1_000
let minute = 60 * second
let hour = 60 * minute
let day = 24 * hour
/// When the windows of the tests begin.
let start: Int64 = 1_700_000_000_000

/// Entries of a record, written shortly. Times are milliseconds after `start`.
struct Record {
    static let prod = PlaceName("prod")
    var entries: [ReleaseEntry] = []
    var repository = "acme/shop"
    var environment = "prod"
    var service: String?

    static func digest(_ image: String) throws -> Digest {
        let bytes = Array(image.utf8) + Array(repeating: 0, count: 32 - image.utf8.count)
        return try #require(Digest(algorithm: .sha256, bytes: bytes))
    }

    mutating func add(_ time: Int64, _ image: String?, _ fact: ReleaseFact) throws {
        let name = try RepositoryName(parsing: repository)
        let digest = try image.map(Self.digest)
        entries.append(ReleaseEntry(time: start + time, repository: name, digest: digest, fact: fact))
    }

    mutating func step(
        _ time: Int64,
        _ phase: DeploymentStep.Phase,
        _ deployment: String = "d1",
        image: String? = "a",
        target: String? = nil,
        configuration: String? = nil
    ) throws {
        let step = DeploymentStep(
            deployment: try PlaceName(parsing: deployment),
            environment: try PlaceName(parsing: environment),
            service: try service.map { try PlaceName(parsing: $0) },
            target: try target.map { try PlaceName(parsing: $0) },
            phase: phase,
            configuration: try configuration.map(Self.digest)
        )
        try add(time, image, .step(step))
    }

    mutating func build(_ time: Int64, _ image: String?, succeeded: Bool = true) throws {
        try add(time, image, .build(BuildReport(succeeded: succeeded)))
    }

    mutating func promote(_ time: Int64, _ image: String?, service: String? = nil) throws {
        let report = PromotionReport(
            environment: try PlaceName(parsing: environment),
            service: try service.map { try PlaceName(parsing: $0) }
        )
        try add(time, image, .promotion(report))
    }

    mutating func scan(_ time: Int64, _ image: String, critical: Int) throws {
        try add(time, image, .scan(ScanCounts(critical: critical, high: 0, medium: 0, low: 0)))
    }

    /// An observation that holds for `hold` milliseconds.
    mutating func report(
        _ time: Int64,
        _ image: String,
        target: String = "host",
        reporter: String = "agent",
        hold: Int64 = day,
        isRunning: Bool = true,
        configuration: String? = nil
    ) throws {
        let report = RunningReport(
            environment: try PlaceName(parsing: environment),
            service: try service.map { try PlaceName(parsing: $0) },
            target: try PlaceName(parsing: target),
            reporter: reporter,
            configuration: try configuration.map(Self.digest),
            isRunning: isRunning,
            until: start + time + hold
        )
        try add(time, image, .running(report))
    }

    /// The figures for a window of so many milliseconds, evaluated so long after `start`, or at the window's end.
    func figures(
        from: Int64 = 0,
        to: Int64 = day,
        at: Int64? = nil,
        repository: String? = nil,
        environment: String? = nil,
        driftAfter: Int64 = 15 * minute,
        openLimit: Int = 1_000
    ) throws -> FigureSet {
        let scope = FigureScope(
            from: start + from,
            to: start + to,
            repository: try repository.map { try RepositoryName(parsing: $0) },
            environment: try environment.map { try PlaceName(parsing: $0) },
            production: [try PlaceName(parsing: "prod")],
            driftAfter: driftAfter
        )
        var figures = ReleaseFigures(scope, openLimit: openLimit)
        for entry in entries { figures.add(entry) }
        return figures.finish(at: start + (at ?? to))
    }
}

/// The counts of a figure, for one comparison.
func counts(_ kind: FigureKind, _ set: FigureSet) throws -> [String: Int] {
    let figure = try #require(set[kind])
    return Dictionary(uniqueKeysWithValues: figure.counts.map { ($0.name, $0.value) })
}
