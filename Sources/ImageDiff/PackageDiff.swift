// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The packages that two images have not in common.
package struct PackageDiff: Hashable, Sendable {
    package struct Change: Hashable, Sendable {
        package let name: PackageList.Name
        /// Sorted; none where the package is not there.
        package let old: [String]
        package let new: [String]
    }

    /// What was compared: `spdx`, `databases`.
    package var source: String
    /// Sorted by kind and name.
    package let changes: [Change]
    /// What the reader should know, a sentence each.
    package var notes: [String]

    package var isEmpty: Bool { changes.isEmpty }
    package var added: Int { changes.count { $0.old.isEmpty } }
    package var removed: Int { changes.count { $0.new.isEmpty } }
    package var changed: Int { changes.count - added - removed }

    package init(_ old: PackageList, _ new: PackageList, source: String, notes: [String] = []) {
        self.source = source
        self.notes = notes
        let names = Set(old.versions.keys).union(new.versions.keys)
        changes = names.filter { old.versions[$0] != new.versions[$0] }.sorted().map { name in
            Change(
                name: name,
                old: (old.versions[name] ?? []).sorted(),
                new: (new.versions[name] ?? []).sorted()
            )
        }
    }
}
