// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Where everything lies, and the only place that makes a path.
///
/// ```
/// <root>/
///   FORMAT                    what wrote this store, and what may read it
///   LOCK                      held by flock for the life of the process; its pid inside, for people
///   oci-layout, index.json    make blobs/ a valid OCI image layout
///   blobs/<algorithm>/<hex>   whole, verified, durable; 0444
///   uploads/<uuid>            bytes on their way in
///   quarantine/<hex>.<n>      corrupt bytes, kept for study
///   meta/registry.db          the catalog
///   BALLAST                   room that is given back when the disk is full
/// ```
///
/// Repository names, tags and whatever else a client chooses never reach a path: only a parsed `Digest`, an
/// `UploadID` and numbers of our own do, and none of them can hold a slash or a dot.
package struct Layout: Hashable, Sendable {
    /// Absolute, without a slash at its end.
    package let root: String

    init(root: String) {
        self.root = root
    }

    package var format: String { root + "/FORMAT" }
    package var lock: String { root + "/LOCK" }
    package var ociLayout: String { root + "/oci-layout" }
    package var index: String { root + "/index.json" }
    package var ballast: String { root + "/BALLAST" }
    package var meta: String { root + "/meta" }
    package var database: String { root + "/meta/registry.db" }
    package var blobs: String { root + "/blobs" }
    package var uploads: String { root + "/uploads" }
    package var quarantine: String { root + "/quarantine" }

    package func blobs(_ algorithm: Digest.Algorithm) -> String { "\(root)/blobs/\(algorithm.name)" }
    package func blob(_ digest: Digest) -> String { "\(root)/blobs/\(digest.algorithm.name)/\(digest.hex)" }
    package func upload(_ id: UploadID) -> String { "\(root)/uploads/\(id.description)" }
    package func quarantined(_ digest: Digest, _ number: Int) -> String { "\(root)/quarantine/\(digest.hex).\(number)" }

    /// The directories that a store consists of, each after its parent.
    var directories: [String] {
        [blobs] + Digest.Algorithm.allCases.map { blobs($0) } + [uploads, quarantine, meta]
    }

    /// What may stand in the root of a store.
    static let names: Set<String> = [
        "FORMAT", "FORMAT.new", "LOCK", "oci-layout", "index.json", "BALLAST", "blobs", "uploads", "quarantine",
        "meta", "log", "lost+found",
    ]
}
