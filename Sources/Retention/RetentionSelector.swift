// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a rule is about. All conditions that are set must hold; of a list, one entry suffices unless said otherwise.
///
/// Those on names (`tags` to `preRelease`) are about tags and pass over untagged manifests.
package struct RetentionSelector: Sendable, Hashable {
    /// Whether untagged manifests are looked at.
    package enum Untagged: String, Sendable, Hashable, CaseIterable {
        case no = "false"
        case only = "true"
        /// Tags and untagged manifests alike.
        case also
    }

    package struct Annotation: Sendable, Hashable {
        package let key: String
        package let value: Glob

        package init(key: String, value: Glob) {
            self.key = key
            self.value = value
        }
    }

    package var tags: [Glob] = []
    package var notTags: [Glob] = []
    package var tagsMatching: [TagExpression] = []
    package var notTagsMatching: [TagExpression] = []
    /// Each must be met by some tag of the same image.
    package var withTags: [Glob] = []
    package var versions: [VersionRange] = []
    package var preRelease: Bool?
    /// Seconds since the tag was set or the untagged manifest was pushed: more than that.
    package var pushedBefore: Int64?
    /// That or less.
    package var pushedWithin: Int64?
    /// Seconds since the last pull or push, whichever is later: more than that.
    package var pulledBefore: Int64?
    /// Seconds since the last pull: that or less. What was never pulled is not selected.
    package var pulledWithin: Int64?
    package var untagged = Untagged.no
    /// Whether it describes something that is not here.
    package var orphaned: Bool?
    package var mediaTypes: [Glob] = []
    package var artifactTypes: [Glob] = []
    /// Each must hold.
    package var annotations: [Annotation] = []
    /// Picks among those that meet the conditions.
    package var newest: Newest?
    /// Selectors of their own; what one of them selects is not selected here.
    package var except: [RetentionSelector] = []

    package init() {}

    /// Whether anything is asked at all.
    package var isEmpty: Bool { self == RetentionSelector() }

    var asksForVersions: Bool { !versions.isEmpty || preRelease != nil || newest?.needsVersions == true }
}

/// The newest few of what a selector's conditions leave, per group.
package struct Newest: Sendable, Hashable {
    package enum Order: String, Sendable, Hashable, CaseIterable {
        case push, pull, version
    }

    package enum Grouping: Sendable, Hashable {
        case none
        /// The major version, or the major and minor one.
        case major, minor
        /// What stands before the last occurrence of the text; the whole tag where it does not occur.
        case prefix(String)
        /// What the first group of the regular expression matched.
        case capture
    }

    /// What is counted.
    package enum Unit: String, Sendable, Hashable, CaseIterable {
        case tags, images
    }

    package let count: Int
    package var order = Order.push
    package var grouping = Grouping.none
    package var unit = Unit.tags

    package init(_ count: Int) { self.count = count }

    var needsVersions: Bool { order == .version || grouping == .major || grouping == .minor }
}
