// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Transparency

/// Where the log lies below the root of a store, and the signer beside it.
///
/// ```
/// <root>/log/checkpoint                     the newest signed note
/// <root>/log/tile/<level>/<index>[.p/<w>]   hashes, as C2SP tlog-tiles has them
/// <root>/log/tile/entries/<index>[.p/<w>]   entries
/// <root>/log/new/<n>                        files on their way to their names
/// <root>/log/former-<size>/                 checkpoint and tiles of a log that was continued under another name
/// <signer>/log-key.pem                      the key that signs, PKCS#8, 0600
/// <signer>/log-key.next.pem                 the key that follows it, while it does
/// <signer>/retired-keys                     public halves of the keys before
/// <signer>/origin                           the name of the log, where it was continued under a new one
/// <signer>/witness-key.pem                  the key that cosigns other logs
/// <signer>/witness-key.pem.former-<n>       one that was, before the catalog forgot what it had cosigned
/// <signer>/region-key.pem                    the key that says what of other regions' logs is here
/// <signer>/checkpoint                       the largest checkpoint that was ever signed
/// ```
package struct JournalLayout: Hashable, Sendable {
    /// The directory `log` of a store.
    package let directory: String

    package init(root: String) {
        directory = root + "/log"
    }

    /// The files of a log that was continued when its tree had that size.
    init(former size: Int64, of layout: JournalLayout) {
        directory = "\(layout.directory)/former-\(size)"
    }

    /// The copy of another registry's log in a directory of its own.
    init(mirror directory: String) {
        self.directory = directory
    }

    /// Where a copy keeps what is not verified yet.
    var staged: JournalLayout { JournalLayout(mirror: directory + "/staged") }

    package var checkpoint: String { directory + "/checkpoint" }
    var temporary: String { directory + "/new" }

    func file(_ path: TilePath) -> String { "\(directory)/\(path)" }

    /// The directories between `log` and a tile, outermost first.
    func directories(of path: TilePath) -> [String] {
        var directories: [String] = []
        var made = directory
        for component in path.description.split(separator: "/").dropLast() {
            made += "/" + component
            directories.append(made)
        }
        return directories
    }
}
