// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Bounds of fetching content from other registries. Sizes are bytes.
package struct FetchLimits: Sendable {
    /// Blobs fetched at once.
    package var atOnce = 16
    /// How many of these may be fetched while no client waits for them.
    package var backfillAtOnce = 8
    /// Blobs that wait for their turn; more are refused for load.
    package var waiting = 10_000
    /// A source that sends fewer than `windowBytes` in this time is left for the next one. Time in which the disk is
    /// waited for does not count.
    package var window: Duration = .seconds(10)
    package var windowBytes: Int64 = 64 << 10
    /// How long the next source waits for what one says of whether it has something, and for how long one that did not
    /// say is asked after all others.
    package var patience: Duration = .milliseconds(500)
    package var silence: Duration = .seconds(30)
    /// How often all sources may fail in a row.
    package var rounds = 5
    /// So many bytes between two failures make a new row of failures.
    package var progressBytes: Int64 = 1 << 20
    /// The pause after the first round of failures; it doubles up to `longestPause`.
    package var pause: Duration = .milliseconds(250)
    package var longestPause: Duration = .seconds(5)

    /// The last bytes of a blob, which nobody is given before its digest was checked.
    package var holdback: Int64 = 64 << 10
    /// For so long nobody is asked again for what none had, and how much of that is remembered.
    package var absence: Duration = .seconds(1)
    package var absences = 10_000
    /// Tags and manifests for which mirrored registries are asked at once; more are refused for load.
    package var mirrorQuestions = 256
    /// How many tags of mirrors are remembered as fresh.
    package var freshTags = 100_000
    /// For so long a mirrored registry that failed is not asked for what is here; it doubles with each failure.
    package var mirrorPause: Duration = .seconds(1)
    package var longestMirrorPause: Duration = .seconds(30)

    package init() {}
}

/// What fetching needs from outside.
package struct FetchOptions: Sendable {
    package var limits = FetchLimits()
    /// Waits; throws when its task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// Time that has passed since some moment, whatever the wall clock does.
    package var elapsed: @Sendable () -> Duration = {
        let origin = ContinuousClock.now
        return { ContinuousClock.now - origin }
    }()

    package init() {}
}
