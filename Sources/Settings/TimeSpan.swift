// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Spans of time as people write them.
package enum TimeSpan {
    /// Reads a span above zero, in seconds: `90s`, `15m`, `24h`, `7d` or `4w`; nil for what is none, and for more than
    /// `SettingsLimits.secondsLimit`.
    package static func seconds(_ text: some StringProtocol) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit: Int64? =
            switch text[digits.endIndex...] {
            case "s": 1
            case "m": 60
            case "h": 3600
            case "d": 86_400
            case "w": 604_800
            default: nil
            }
        guard let unit, let number = Int64(digits), number > 0, number <= SettingsLimits.secondsLimit / unit else {
            return nil
        }
        return number * unit
    }
}
