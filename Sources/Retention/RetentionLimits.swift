// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of this module.
package enum RetentionLimits {
    /// Policies of the section, and rules of all of them together.
    package static let policiesLimit = 256
    package static let rulesLimit = 1024
    /// Entries of one list of a selector, and selectors under its `except`.
    package static let patternsLimit = 64
    package static let exceptionsLimit = 32
    /// What `newest` may count to.
    package static let newestLimit = 1_000_000
    /// Bytes of a selector's description in a reason.
    package static let summaryBytesLimit = 240

    /// Bytes of a regular expression, steps of the program that it becomes, groups open at once, and the largest number
    /// between braces. Reading one takes at most `expressionWorkLimit` steps.
    package static let expressionBytesLimit = 512
    package static let programLimit = 4096
    package static let expressionDepthLimit = 32
    package static let repetitionLimit = 1000
    package static let expressionWorkLimit = 65_536

    /// Bytes of a range of versions, alternatives in it, and comparisons of one alternative.
    package static let rangeBytesLimit = 256
    package static let rangeAlternativesLimit = 16
    package static let comparisonsLimit = 16
    /// The largest number of a version: 2^53 - 1.
    package static let versionNumberLimit: UInt64 = (1 << 53) - 1

    /// Seconds for which a silent reporter protects, where the settings say nothing, and at most.
    package static let deployGraceDefault: Int64 = 30 * 86_400
    package static let deployGraceLimit: Int64 = 366 * 86_400
    /// The share of a repository's tags, and the number of items, that go in one run without being confirmed.
    package static let tagsPercentDefault = 25
    package static let itemsDefault = 1000
    package static let itemsLimit = 1_000_000_000
    /// Images that an environment ran before the present one and that stay for the way back.
    package static let previousImagesDefault = 2
    package static let previousImagesLimit = 20

    /// Bytes of another registry's rules, and entries of a list in them.
    package static let importBytesLimit = 1 << 20
    package static let importEntriesLimit = 1024
    /// Patterns that one with braces may stand for.
    package static let importPatternsLimit = 64
}
