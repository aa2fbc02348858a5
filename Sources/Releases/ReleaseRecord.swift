// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A row of the release record.
package struct ReleaseRecord: Sendable, Hashable {
    /// Rises with each row that comes in, whatever its time.
    package let id: Int64
    package let entry: ReleaseEntry
    /// Who did it, or his name in the log of another region.
    package let actor: String
    /// The log that it is of.
    package let region: String

    package init(id: Int64, entry: ReleaseEntry, actor: String, region: String) {
        self.id = id
        self.entry = entry
        self.actor = actor
        self.region = region
    }
}

/// Which rows of the release record are asked for; nil is all.
package struct ReleaseFilter: Sendable, Hashable {
    package var repository: RepositoryName?
    package var environment: PlaceName?

    package init(repository: RepositoryName? = nil, environment: PlaceName? = nil) {
        self.repository = repository
        self.environment = environment
    }
}

/// A place in the record by time: rows that have the same are told apart by their ids.
package struct ReleasePosition: Sendable, Hashable {
    package let time: Int64
    package let id: Int64

    package init(time: Int64, id: Int64 = 0) {
        self.time = time
        self.id = id
    }
}
