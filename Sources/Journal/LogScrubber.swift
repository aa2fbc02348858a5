// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Logging
internal import ServiceLifecycle

/// Reads the whole log again and again, slowly, while the server runs, and tells of what is not as it was signed.
package struct LogScrubber: Service {
    private let journal: Journal
    private let sleep: @Sendable (Duration) async throws -> Void

    package init(journal: Journal, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.journal = journal
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
        journal.metrics.scrubbed(findings: report.problemCount)
        for problem in report.problems {
            journal.logger.critical("the log is damaged", metadata: ["problem": "\(problem)"])
        }
        return report
    }
}
