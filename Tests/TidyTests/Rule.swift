// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing

/// A rule of the house about one file, with the samples that prove that it can say no, and that it says no to nothing
/// else.
struct Rule: Sendable, CustomTestStringConvertible {
    struct Sample: Sendable {
        var path: String
        var text: String

        init(_ path: String, _ text: String) {
            self.path = path
            self.text = text
        }
    }

    var name: String
    /// Each must be found fault with.
    var bad: [Sample]
    /// None must be found fault with.
    var good: [Sample]
    var check: @Sendable (SourceFile) -> [Finding]

    var testDescription: String { name }

    static let all: [Rule] = [
        header, fileLength, lineLength, functionLength, noCrash, safetyComments, noLooseEnds, noSleepInTests,
        noMachinePaths, noUnescapedTemplates,
        arrows, sqlOnlyInCatalog, systemCallsOnlyInTheirPlace,
    ]
}
