// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Replication

/// What is below `/api/v1/regions`, `/api/v1/homes` and `/api/v1/conflicts`.
public enum RegionResource: Hashable, Sendable {
    /// `/api/v1/regions`: how each region is followed.
    case all
    /// `/api/v1/regions/<name>`: what is done about one.
    case region(String)
    /// `/api/v1/homes`: in which regions immutable tags of repositories are created.
    case homes
    /// `/api/v1/conflicts`: tags that regions have set to different images.
    case conflicts
    /// `/api/v1/conflicts/<id>`
    case conflict(Int64)

    /// `/api/v1/regions/<name>/audit`: the comparison with one.
    case audit(String)
    /// `/api/v1/state/positions`: how much of each log counts here.
    case positions
    /// `/api/v1/state/pulls`: what was pulled when.
    case pulls
    /// `/api/v1/state`: hashes of what is here, in buckets.
    case hashes
    /// `/api/v1/state/<bucket>`: the rows of one.
    case rows(Int)

    /// Whether it is for other regions, which compare themselves.
    var isState: Bool {
        switch self {
        case .positions, .pulls, .hashes, .rows: true
        case .all, .region, .homes, .conflicts, .conflict, .audit: false
        }
    }

    private static let statePrefix = "/api/v1/state/"
    private static let auditSuffix = "/audit"
    private static let regionsPrefix = "/api/v1/regions/"
    private static let conflictsPrefix = "/api/v1/conflicts/"

    /// Reads a path below one of the prefixes; nil for any other.
    init?(_ path: String) {
        if path.hasPrefix(Self.regionsPrefix) {
            var name = path.dropFirst(Self.regionsPrefix.count)
            let isAudit = name.hasSuffix(Self.auditSuffix)
            if isAudit { name.removeLast(Self.auditSuffix.count) }
            guard !name.isEmpty, !name.contains("/") else { return nil }
            self = isAudit ? .audit(String(name)) : .region(String(name))
        } else if path.hasPrefix(Self.statePrefix) {
            let rest = String(path.dropFirst(Self.statePrefix.count))
            if rest == "positions" {
                self = .positions
            } else if rest == "pulls" {
                self = .pulls
            } else {
                guard let bucket = DecimalNumber.parse(rest), bucket < RegionStateReader.buckets else { return nil }
                self = .rows(Int(bucket))
            }
        } else if path.hasPrefix(Self.conflictsPrefix) {
            guard let id = DecimalNumber.parse(String(path.dropFirst(Self.conflictsPrefix.count))) else { return nil }
            self = .conflict(id)
        } else {
            return nil
        }
    }
}
