// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Metrics

/// What fetching counts. The names of sources come from the configuration, so there are few.
struct FetchMetrics: Sendable {
    private let joined = Counter(label: "cairn_fetch_joined_total")
    private let seconds = Timer(label: "cairn_fetch_seconds")

    /// What a source was asked for.
    enum Kind: String { case blob, manifest, tag }

    /// Has the counters there that are alerted on, before they count: the growth of one that begins at 1 is seen by no
    /// alert.
    func begin(_ source: String, _ kinds: [Kind]) {
        for kind in kinds { count(0, source, kind, SourceFault.wrongBytes.rawValue) }
        count(0, source, .blob, SourceFault.tooLong.rawValue)
    }

    func asked(_ source: String, _ kind: Kind, result: String) {
        count(1, source, kind, result)
    }

    private func count(_ amount: Int, _ source: String, _ kind: Kind, _ result: String) {
        let dimensions = [("kind", kind.rawValue), ("source", source), ("result", result)]
        Counter(label: "cairn_fetches_total", dimensions: dimensions).increment(by: amount)
    }

    func received(_ bytes: Int64, from source: String) {
        Counter(label: "cairn_fetch_bytes_total", dimensions: [("source", source)]).increment(by: bytes)
    }

    /// Somebody waits for what is being fetched already.
    func hasJoined() { joined.increment() }

    func took(_ duration: Duration) {
        seconds.recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }
}
