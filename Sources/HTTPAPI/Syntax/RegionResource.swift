// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What is below `/api/v1/regions` and `/api/v1/conflicts`.
public enum RegionResource: Hashable, Sendable {
    /// `/api/v1/regions`: how each region is followed.
    case all
    /// `/api/v1/regions/<name>`: what is done about one.
    case region(String)
    /// `/api/v1/conflicts`: tags that regions have set to different images.
    case conflicts
    /// `/api/v1/conflicts/<id>`
    case conflict(Int64)

    private static let regionsPrefix = "/api/v1/regions/"
    private static let conflictsPrefix = "/api/v1/conflicts/"

    /// Reads a path below one of the prefixes; nil for any other.
    init?(_ path: String) {
        if path.hasPrefix(Self.regionsPrefix) {
            let name = path.dropFirst(Self.regionsPrefix.count)
            guard !name.isEmpty, !name.contains("/") else { return nil }
            self = .region(String(name))
        } else if path.hasPrefix(Self.conflictsPrefix) {
            guard let id = DecimalNumber.parse(String(path.dropFirst(Self.conflictsPrefix.count))) else { return nil }
            self = .conflict(id)
        } else {
            return nil
        }
    }
}
