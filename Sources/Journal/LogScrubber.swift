// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Logging
internal import ServiceLifecycle
internal import Synchronization

extension Journal {
    /// The last reading of the whole log, and when it ended, in seconds since 1970.
    package struct Scrubbed: Sendable {
        package let report: LogCheck.Report
        package let finishedAt: Int64
    }
}

/// Reads the whole log again and again, slowly, while the server runs, and tells of what is not as it was signed.
package struct LogScrubber: Service {
    private let journal: Journal
    private let now: @Sendable () -> Int64
    private let sleep: @Sendable (Duration) async throws -> Void

    /// `now` gives seconds since 1970.
    package init(
        journal: Journal,
        now: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.journal = journal
        self.now = now
        self.sleep = sleep
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await self.scrub()
                    try await self.sleep(JournalLimits.scrubInterval)
                } catch is CancellationError {
                    return
                } catch {
                    self.journal.logger.error("the log could not be checked", metadata: ["reason": "\(error)"])
                    try? await self.sleep(JournalLimits.scrubInterval)
                }
            }
        }
    }

    /// One reading of the log.
    @discardableResult
    func scrub() async throws -> LogCheck.Report {
        let report = try await journal.check.run { try await sleep(JournalLimits.scrubPause) }
        let finished = Journal.Scrubbed(report: report, finishedAt: now())
        journal.scrubbed.withLock { $0 = finished }
        journal.metrics.scrubbed(findings: report.problemCount)
        for problem in report.problems {
            journal.logger.critical("the log is damaged", metadata: ["problem": "\(problem)"])
        }
        return report
    }
}
