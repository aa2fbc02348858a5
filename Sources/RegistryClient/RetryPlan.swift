// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How long to wait before a request is sent again. Pure: the clock and chance are handed in.
package struct RetryPlan: Sendable {
    /// - Parameters:
    ///   - error: The last failure.
    ///   - failures: Attempts that failed, at least one.
    ///   - random: A number below the bound.
    /// - Returns: Milliseconds; nil where the request is given up.
    package static func pause(after error: ClientError, failures: Int, random: (Int) -> Int) -> Int? {
        guard failures < ClientLimits.attempts else { return nil }
        switch error.retry {
        case .never: return nil
        case .after(let seconds):
            // Not before the time asked for, and not all clients in the same moment.
            guard seconds <= ClientLimits.retryAfterSeconds else { return nil }
            return seconds * 1_000 + random(ClientLimits.retryPause)
        case .later:
            let doubled = ClientLimits.retryPause << (failures - 1)
            let longest = min(doubled, ClientLimits.retryPauseLimit)
            return longest / 2 + random(longest / 2 + 1)
        }
    }
}
