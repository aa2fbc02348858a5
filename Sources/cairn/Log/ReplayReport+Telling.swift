// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Journal
import Logging

extension ReplayReport {
    /// The sentences that an operator has to read.
    private var summary: String {
        "\(entries) entries of the log were brought back into a catalog that was older"
            + (recordedAnew > 0 ? "; \(recordedAnew) changes that only it had were recorded after them" : "")
    }

    /// Says it to the server's log.
    func tell(_ logger: Logger) {
        logger.warning("\(summary)", metadata: ["missing": "\(missingCount)", "note": "\(Self.notCarried)"])
        for sentence in missing { logger.error("the log has what is not here", metadata: ["what": "\(sentence)"]) }
    }

    /// Says it to who runs a command.
    func tell() {
        print(summary)
        for sentence in missing { print("missing: \(sentence)") }
        if missingCount > missing.count { print("missing: \(missingCount - missing.count) more") }
        print("note: \(Self.notCarried)")
    }
}
