// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import Settings

/// How many bytes of blobs may be fetched from a region in a second: a rate for each time of the day.
///
/// ```
/// bandwidth: [08:00-18:00 5MiB, 20MiB]
/// ```
/// The first one that has the time counts; where none has it, nothing limits.
struct Bandwidth: Sendable, Hashable {
    /// One rate, of some minutes of the day.
    struct Window: Sendable, Hashable {
        /// Below it, fetching would count as stalled.
        static let leastBytes: Int64 = 1 << 20
        private static let minutesOfDay = 24 * 60

        /// Minutes of the day, UTC, from the first up to, not including, the last; over midnight where that is smaller.
        let start: Int
        let end: Int
        let bytesPerSecond: Int64

        /// `20MiB`, or `08:00-18:00 5MiB`.
        ///
        /// - Throws: `SectionError`, which says what was wrong.
        init(parsing text: String) throws(SectionError) {
            let parts = text.split(separator: " ")
            guard (1...2).contains(parts.count), let last = parts.last, let rate = ByteCount(String(last)) else {
                throw SectionError(.invalid, "'\(text)' is not of the form '20MiB' or '08:00-18:00 5MiB'", line: nil)
            }
            guard rate.bytes >= Self.leastBytes else {
                throw SectionError(.invalid, "'\(text)' is less than 1MiB a second", line: nil)
            }
            bytesPerSecond = rate.bytes
            guard parts.count == 2 else {
                (start, end) = (0, Self.minutesOfDay)
                return
            }
            let times = parts[0].split(separator: "-", omittingEmptySubsequences: false).map(Self.minutes)
            guard times.count == 2, let from = times[0], let until = times[1], from != until else {
                throw SectionError(
                    .invalid,
                    "'\(parts[0])' is not two times of the day, such as 08:00-18:00",
                    line: nil
                )
            }
            (start, end) = (from, until)
        }

        func contains(_ minute: Int) -> Bool {
            start < end ? (start..<end).contains(minute) : minute >= start || minute < end
        }

        private static func minutes(_ text: Substring) -> Int? {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isASCII) }),
                let hour = Int(parts[0]), let minute = Int(parts[1]), (0...24).contains(hour),
                (0..<60).contains(minute), hour * 60 + minute <= minutesOfDay
            else { return nil }
            return hour * 60 + minute
        }
    }

    let windows: [Window]

    /// What may be fetched at a time, in seconds since 1970; nil where nothing limits.
    func bytesPerSecond(at time: Int64) -> Int64? {
        let minute = Int(time / 60 % (24 * 60))
        return windows.first { $0.contains(minute) }?.bytesPerSecond
    }
}

/// Slows what is fetched from a region down to its bandwidth, all blobs together.
struct BandwidthPace: Sendable {
    /// The region's name.
    let key: String
    let bandwidth: Bandwidth
    let limiter: RateLimiter

    /// Waits until so many bytes are paid for. A piece is much smaller than what goes in a second.
    ///
    /// - Throws: `CancellationError`.
    func take(_ bytes: Int) async throws {
        guard !bandwidth.windows.isEmpty,
            let rate = bandwidth.bytesPerSecond(at: Int64(Date().timeIntervalSince1970))
        else { return }
        let seconds = limiter.reserve(
            Double(bytes),
            from: key,
            at: RateLimiter.Rate(perSecond: Double(rate), burst: Double(rate) / 4)
        )
        if seconds > 0 { try await Task.sleep(for: .seconds(seconds)) }
    }
}

extension RegionSettings {
    func pace(_ limiter: RateLimiter) -> BandwidthPace {
        BandwidthPace(key: name, bandwidth: bandwidth, limiter: limiter)
    }
}
