// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of what a file of settings holds.
package enum SettingsLimits {
    /// Entries of one list.
    package static let entriesLimit = 4096
    /// Bytes of one text.
    package static let textBytesLimit = 1024
    /// Seconds of a span of time: a hundred years.
    package static let secondsLimit: Int64 = 100 * 366 * 86_400
    /// Bytes of a name.
    package static let wordBytesLimit = 128
}
