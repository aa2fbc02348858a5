// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// An image of a repository.
struct ReleaseImage: Hashable {
    let repository: RepositoryName
    let digest: Digest
}

/// What builds, promotions and scans said of images: how long they take to production (M4), and their last scan.
struct ImageFigures {
    private struct Image {
        var firstBuild: Int64?
        var isInProduction = false
        var scan: ImageScan?
        var lastTime: Int64
    }

    /// What the last scan of an image found, and when.
    struct ImageScan {
        let time: Int64
        let critical: Int
    }

    private let scope: FigureScope
    private var images: OpenTable<ReleaseImage, Image>
    private var durations = DurationSummary(unit: 60_000, bound: FigureKind.promotions.target.bound)
    private var unbuilt = 0
    private var exemplars = FigureExemplars()

    init(_ scope: FigureScope, limit: Int) {
        self.scope = scope
        images = OpenTable(limit: limit)
    }

    var heldCount: Int { images.count }
    var refused: Int { images.refused }

    mutating func add(build image: ReleaseImage, at time: Int64) {
        change(image, at: time) { $0.firstBuild = $0.firstBuild ?? time }
    }

    mutating func add(_ scan: ScanCounts, of image: ReleaseImage, at time: Int64) {
        change(image, at: time) { $0.scan = ImageScan(time: time, critical: scan.critical) }
    }

    mutating func add(_ promotion: PromotionReport, of image: ReleaseImage, _ opening: Opening) {
        let isToProduction = scope.production.contains(promotion.environment)
        var isFirst = false
        var firstBuild: Int64?
        change(image, at: opening.time) { image in
            isFirst = isToProduction && !image.isInProduction
            firstBuild = image.firstBuild
            if isToProduction { image.isInProduction = true }
        }
        guard isFirst, scope.contains(opening.time) else { return }
        guard let firstBuild else {
            unbuilt += 1
            return
        }
        let duration = opening.time - firstBuild
        durations.add(duration)
        exemplars.offer(
            ExemplarRank(weight: duration, time: opening.time, order: opening.order),
            FigureExemplar(
                repository: image.repository,
                digest: image.digest,
                environment: promotion.environment,
                service: promotion.service,
                time: opening.time,
                value: durations.value(duration)
            )
        )
    }

    private mutating func change(_ image: ReleaseImage, at time: Int64, _ change: (inout Image) -> Void) {
        images.change(image, first: Image(lastTime: time)) { known in
            if Self.isForgotten(known, at: time) { known = Image(lastTime: time) }
            known.lastTime = time
            change(&known)
        }
        if images.needsSweep { _ = images.sweep { Self.isForgotten($1, at: time) } }
    }

    private static func isForgotten(_ image: Image, at time: Int64) -> Bool {
        time - image.lastTime > ReleaseFiguresLimits.imageMemory
    }

    /// The last scan of an image as of a time; nil if there is none, or it is forgotten.
    func scan(of image: ReleaseImage, at time: Int64) -> ImageScan? {
        guard let known = images[image], !Self.isForgotten(known, at: time) else { return nil }
        return known.scan
    }

    func finish() -> Figure {
        Figure(
            .promotions,
            value: durations.percentile(95),
            isMet: durations.isMet(never: 0),
            counts: [
                FigureCount("count", durations.count), FigureCount("within", durations.within),
                FigureCount("unbuilt", unbuilt),
            ],
            statistics: durations.statistics,
            exemplars: exemplars
        )
    }
}
