// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI
internal import Synchronization

/// How far a pull is: counted by those who fetch, read by whoever shows it.
package final class PullProgress: Sendable {
    package struct Snapshot: Hashable, Sendable {
        /// Bytes of all blobs.
        package var bytesTotal: Int64 = 0
        /// Bytes that came over the network.
        package var bytesReceived: Int64 = 0
        /// Bytes that were here already: of an earlier attempt, or of the cache.
        package var bytesReused: Int64 = 0
        package var blobsTotal = 0
        package var blobsDone = 0

        package init() {}
    }

    private let counters = Mutex(Snapshot())

    package init() {}

    package var snapshot: Snapshot { counters.withLock { $0 } }

    package func expect(blobs: Int, bytes: Int64) {
        counters.withLock { counters in
            counters.blobsTotal += blobs
            counters.bytesTotal += bytes
        }
    }

    func received(_ bytes: Int) { counters.withLock { $0.bytesReceived += Int64(bytes) } }
    func reused(_ bytes: Int64) { counters.withLock { $0.bytesReused += bytes } }
    func finished() { counters.withLock { $0.blobsDone += 1 } }

    /// Bytes in the largest binary unit that leaves a number of at least one, with one decimal.
    package static func size(_ bytes: Int64) -> String {
        var value = bytes
        var rest: Int64 = 0
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while value >= 1_024, unit < units.count - 1 {
            rest = value % 1_024
            value /= 1_024
            unit += 1
        }
        return unit == 0 ? "\(value) B" : "\(value).\(rest * 10 / 1_024) \(units[unit])"
    }
}

/// Shows progress while work runs.
package struct ProgressDisplay: Sendable {
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        /// A bar that is drawn over itself, for terminals.
        case bar
        /// A line for people now and then.
        case plain
        /// A JSON object on a line of its own, every second.
        case json
        case none

        fileprivate var interval: Duration? {
            switch self {
            case .bar: .milliseconds(200)
            case .plain: .seconds(5)
            case .json: .seconds(1)
            case .none: nil
            }
        }
    }

    private let mode: Mode
    private let write: @Sendable (String) -> Void

    /// The closure takes text as it is to appear, line ends included.
    package init(mode: Mode, write: @escaping @Sendable (String) -> Void) {
        self.mode = mode
        self.write = write
    }

    /// Runs work and shows its progress, for the last time at its end.
    package func show<Result: Sendable>(
        _ progress: PullProgress,
        during work: @Sendable () async throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        guard let interval = mode.interval else { return try await work() }
        let display = Task {
            while !Task.isCancelled {
                do { try await Task.sleep(for: interval) } catch { return }
                let snapshot = progress.snapshot
                if snapshot.blobsTotal > 0 { write(line(snapshot, isLast: false)) }
            }
        }
        let outcome: Swift.Result<Result, ClientError>
        do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
        display.cancel()
        await display.value
        if progress.snapshot.blobsTotal > 0 { write(line(progress.snapshot, isLast: true)) }
        return try outcome.get()
    }

    package func line(_ snapshot: PullProgress.Snapshot, isLast: Bool) -> String {
        switch mode {
        case .none: return ""
        case .json: return Self.json(snapshot) + "\n"
        case .plain: return Self.text(snapshot) + "\n"
        case .bar:
            let done = snapshot.bytesReceived + snapshot.bytesReused
            let share = snapshot.bytesTotal > 0 ? Double(done) / Double(snapshot.bytesTotal) : 1
            return Self.bar(share, Self.text(snapshot), isLast: isLast)
        }
    }

    /// A bar that is drawn over the former one, for a terminal. `share` goes from 0 to 1.
    package static func bar(_ share: Double, _ text: String, isLast: Bool) -> String {
        let width = 30
        let filled = min(max(Int(share * Double(width)), 0), width)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        return "\r\u{1B}[K[\(bar)] \(text)" + (isLast ? "\n" : "")
    }

    private static func text(_ snapshot: PullProgress.Snapshot) -> String {
        let done = PullProgress.size(snapshot.bytesReceived + snapshot.bytesReused)
        let total = PullProgress.size(snapshot.bytesTotal)
        let reused = PullProgress.size(snapshot.bytesReused)
        let note = snapshot.bytesReused > 0 ? ", \(reused) of them were here" : ""
        return "\(snapshot.blobsDone) of \(snapshot.blobsTotal) blobs, \(done) of \(total)\(note)"
    }

    private static func json(_ snapshot: PullProgress.Snapshot) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("blobs")
            writer.integer(snapshot.blobsTotal)
            writer.key("blobsDone")
            writer.integer(snapshot.blobsDone)
            writer.key("bytes")
            writer.integer(snapshot.bytesTotal)
            writer.key("bytesReceived")
            writer.integer(snapshot.bytesReceived)
            writer.key("bytesReused")
            writer.integer(snapshot.bytesReused)
        }
        return writer.text
    }
}
