// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A file of another region's log, as it is served on here: `/log/mirror/<hexadecimal SHA-256 of its origin>/…`.
public struct MirrorResource: Hashable, Sendable {
    public enum File: Hashable, Sendable {
        /// `checkpoint`: the newest one that is here, as its log has signed it.
        case checkpoint
        /// `applied`: the newest one of which everything is here, with a cosignature of this registry.
        case applied
        /// `tile/…`: hashes, or a bundle of entries.
        case tile(String)
    }

    /// 64 hexadecimal digits.
    public let log: String
    public let file: File

    private static let prefix = "/log/mirror/"

    init?(_ path: String) {
        guard path.hasPrefix(Self.prefix) else { return nil }
        let parts = path.dropFirst(Self.prefix.count).split(
            separator: "/",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard parts.count == 2, parts[0].utf8.count == 64 else { return nil }
        switch parts[1] {
        case "checkpoint": file = .checkpoint
        case "applied": file = .applied
        case let tile where tile.hasPrefix("tile/"): file = .tile(String(tile))
        default: return nil
        }
        log = String(parts[0])
    }

    /// Whether it shows what entries say.
    var isEntries: Bool {
        if case .tile(let path) = file { path.hasPrefix("tile/entries/") } else { false }
    }
}
