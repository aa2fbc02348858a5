// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// Where messages go that are no part of a report.
enum StandardError {
    static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
