// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Ways to break the collector. The model has to notice each.
package enum Mutant: String, CaseIterable, Sendable {
    /// Files go under locks that pushes do not take.
    case ownLocks = "own-locks"
    /// HEAD says that a blob is here and renews nothing.
    case leaselessHead = "leaseless-head"
    /// What is to go is decided in one transaction and goes in a later one.
    case staleCandidates = "stale-candidates"
    /// The entry of a directory is not made durable before the record.
    case unsyncedDirectory = "unsynced-directory"
    /// The bytes of a file are not made durable before it gets its name.
    case unsyncedData = "unsynced-data"
    /// A file goes because its blob was condemned when the page was read.
    case unconfirmedRemoval = "unconfirmed-removal"
    /// The end of the last reference does not begin a grace.
    case leaselessLoss = "leaseless-loss"
    /// A link that loses its last reference is not queued.
    case unqueuedLoss = "unqueued-loss"
    /// A new link is not queued.
    case unqueuedLink = "unqueued-link"
    /// A manifest in the trash has no edges.
    case edgelessTrash = "edgeless-trash"
    /// The last link of one repository condemns a blob that others link.
    case eagerCondemnation = "eager-condemnation"
    /// The rows of a removed blob go, and its file stays.
    case keptFile = "kept-file"
    /// A blob that is pushed again stays condemned.
    case ignoredPush = "ignored-push"

    var faults: SimulatedDisk.Faults {
        var faults = SimulatedDisk.Faults()
        faults.ignoresDirectorySync = self == .unsyncedDirectory
        faults.ignoresDataSync = self == .unsyncedData
        return faults
    }

    /// What the database does besides what it is told.
    var triggers: String? {
        switch self {
        case .leaselessLoss: Self.onQueue("unreferenced", "UPDATE repo_blob SET lease_until_st = 0", also: "due_st = 0")
        case .unqueuedLoss: Self.onQueue("unreferenced", "DELETE FROM gc_queue", also: nil)
        case .unqueuedLink: Self.onQueue("linked", "DELETE FROM gc_queue", also: nil)
        case .edgelessTrash:
            """
            CREATE TEMP TRIGGER mutant_1 AFTER UPDATE OF live ON main.manifest WHEN NEW.live = 0 BEGIN
                DELETE FROM ref_blob WHERE manifest_id = NEW.id; END;
            """
        case .eagerCondemnation:
            """
            CREATE TEMP TRIGGER mutant_1 AFTER DELETE ON main.repo_blob BEGIN
                UPDATE blob SET state = 'condemned', condemned_st = 0 WHERE digest = OLD.digest; END;
            """
        case .ignoredPush:
            """
            CREATE TEMP TRIGGER mutant_1 AFTER UPDATE OF state ON main.blob
            WHEN OLD.state = 'condemned' AND NEW.state = 'live' BEGIN
                UPDATE blob SET state = 'condemned', condemned_st = OLD.condemned_st WHERE digest = OLD.digest; END;
            """
        default: nil
        }
    }

    static let dropTriggers = "DROP TRIGGER IF EXISTS mutant_1; DROP TRIGGER IF EXISTS mutant_2;"

    private static func onQueue(_ reason: String, _ statement: String, also change: String?) -> String {
        let row = "WHERE repo_id = NEW.repo_id AND digest = NEW.digest"
        let actions = "\(statement) \(row); " + (change.map { "UPDATE gc_queue SET \($0) \(row); " } ?? "")
        return ["INSERT", "UPDATE"].enumerated().map { number, event in
            """
            CREATE TEMP TRIGGER mutant_\(number + 1) AFTER \(event) ON main.gc_queue
            WHEN NEW.reason = '\(reason)' BEGIN \(actions) END;
            """
        }.joined(separator: "\n")
    }
}
