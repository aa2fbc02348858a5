// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Synchronization

/// Shows on standard error how far some work is: a bar that is drawn over itself on a terminal, else JSON lines, one a
/// second at most.
final class StepProgress: Sendable {
    private let isTerminal = isatty(FileHandle.standardError.fileDescriptor) == 1
    private let last = Mutex<ContinuousClock.Instant?>(nil)
    private static let width = 30

    /// Shows `done` of `total` steps, or just `done` where nobody knows how many there are.
    func show(_ work: String, done: Int64, total: Int64?, isLast: Bool) {
        let isDue = last.withLock { last in
            guard !isTerminal, !isLast else { return true }
            let now = ContinuousClock.now
            if let last, now - last < .seconds(1) { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let text = isTerminal ? Self.bar(work, done, total) + (isLast ? "\n" : "") : Self.json(work, done, total) + "\n"
        FileHandle.standardError.write(Data(text.utf8))
    }

    private static func bar(_ work: String, _ done: Int64, _ total: Int64?) -> String {
        guard let total, total > 0 else { return "\r\u{1B}[K\(work): \(done)" }
        let filled = min(max(Int(done * Int64(width) / total), 0), width)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        return "\r\u{1B}[K[\(bar)] \(work): \(done) of \(total)"
    }

    private static func json(_ work: String, _ done: Int64, _ total: Int64?) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("work")
            writer.string(work)
            writer.key("done")
            writer.integer(done)
            guard let total else { return }
            writer.key("total")
            writer.integer(total)
        }
        return writer.text
    }
}
