// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of pins, of reports of deployments and of pull times.
package enum ProtectionLimits {
    /// Pins, holds and locks of one repository together.
    package static let pinsPerRepository = 10_000
    /// UTF-8 bytes of the reason of a pin.
    package static let pinReasonBytes = 512
    /// How far ahead a lock may end, in years: what is locked by mistake stays for as long.
    package static let lockYears: Int64 = 20
    static let lockSeconds = lockYears * 366 * 86_400
    /// Reports that are kept of one caller, and of one repository.
    package static let reportsPerReporter = 10_000
    package static let reportsPerRepository = 50_000
    /// Former images that are kept of each service of an environment.
    package static let imagesPerService = 20
    /// How long a report may say that it holds, in seconds.
    package static let reportSeconds: ClosedRange<Int64> = 60...(90 * 86_400)
    /// A report that says what the last one said writes nothing within so many seconds of it.
    package static let heartbeatSeconds: Int64 = 60
    /// How long what was reported is protected after its report went stale, in seconds, unless a setting says else.
    package static let graceSeconds: Int64 = 30 * 86_400
    /// How often the log is told of a report that is renewed, in seconds: often enough that other regions, which know
    /// of it by the log alone, never take the image for one that runs nowhere.
    static func logSpan(grace: Int64) -> Int64 { max(3_600, min(7 * 86_400, grace / 4)) }
    /// How long after its time an entry of another region's log may protect an image, in seconds.
    static let loggedReportSeconds: Int64 = 400 * 86_400
    /// How long an entry of a log holds that does not say so itself, in seconds.
    static let unsaidReportSeconds: Int64 = 86_400
    /// Rows that one transaction or one read of this part looks at.
    static let page = 1_000
    /// Services of a repository that one read looks at for former images.
    static let servicesPerRead = 200
    /// Stale reports that are counted.
    static let staleCount = 100_000
    /// Services that ran an image which a transaction looks at; an image that more ran is kept.
    static let servicesOfImage = 2_000
    /// Times of pulls that one transaction writes.
    package static let pullsPerWrite = 256
}
