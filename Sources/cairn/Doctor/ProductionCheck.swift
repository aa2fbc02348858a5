// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A line of the checklist of a registry in production, in the order in which `cairn doctor --production` prints them.
/// The table of docs/production.md is the same list.
package enum ProductionCheck: String, CaseIterable, Sendable {
    case tls
    case access
    case anonymousPush = "anonymous-push"
    case secretFiles = "secret-files"
    case rateLimits = "rate-limits"
    case fileSystem = "file-system"
    case freeSpace = "free-space"
    case fsync
    case openFiles = "open-files"
    case clock
    case logOrigin = "log-origin"
    case signer
    case signerPassphrase = "signer-passphrase"
    case signerBackup = "signer-backup"
    case cosigned
    case regions
    case following
    case lag
    case retention
    case undoWindow = "undo-window"
    case collection
    case scrub
    case damage
    case ready
    case metrics
    case objectives
    case prober
    case paging
    case drill

    /// What must hold.
    package var demand: String {
        switch self {
        case .tls: "TLS with a certificate that does not end soon, or loopback behind a proxy"
        case .access: "rules say who may do what"
        case .anonymousPush: "nobody changes anything without having logged in"
        case .secretFiles: "keys, passwords and robots are in files that others cannot read"
        case .rateLimits: "one principal or address cannot take everything"
        case .fileSystem: "the data are on a file system that keeps what it has confirmed"
        case .freeSpace: "a quarter of the data volume is free"
        case .fsync: "the disk itself keeps what it has confirmed"
        case .openFiles: "the server may open 65,536 files"
        case .clock: "something keeps the clock right"
        case .logOrigin: "the log has a name of its own"
        case .signer: "the signer's directory is on another volume, its owner's alone"
        case .signerPassphrase: "the key of the log is encrypted"
        case .signerBackup: "the key of the log is in a backup that was read back"
        case .cosigned: "a witness or another region cosigns the log"
        case .regions: "there are two regions at least"
        case .following: "every other region is followed"
        case .lag: "what other regions have is here within a minute"
        case .retention: "rules say what goes, and a schedule applies them"
        case .undoWindow: "what was deleted can be brought back for a day at least"
        case .collection: "what nothing refers to is collected"
        case .scrub: "all blobs are read over and again"
        case .damage: "nothing is damaged, neither blobs nor the log"
        case .ready: "the server is in full service"
        case .metrics: "something reads the metrics every five minutes at least"
        case .objectives: "objectives are declared, and their alerts exported"
        case .prober: "a prober pushes and pulls as clients do"
        case .paging: "a page reaches a person who has the runbooks"
        case .drill: "runbooks were carried out here within the last three months"
        }
    }

    /// Where docs/ says more.
    package var document: String {
        switch self {
        case .tls: "access.md#tls"
        case .access, .anonymousPush: "access.md#rules"
        case .secretFiles: "runbooks/key-leaked.md"
        case .rateLimits: "access.md#limits"
        case .fileSystem, .fsync: "reliability.md"
        case .freeSpace: "runbooks/disk-full.md"
        case .openFiles, .clock: "production.md#the-machine"
        case .logOrigin: "log.md#keeping-it"
        case .signer, .signerPassphrase: "log.md#the-signers-directory"
        case .signerBackup: "runbooks/disaster-recovery.md"
        case .cosigned: "log.md#witnesses"
        case .regions, .following: "regions.md#how-it-goes"
        case .lag: "runbooks/replication-behind.md"
        case .retention: "retention.md#runs"
        case .undoWindow, .collection: "admins.md#space"
        case .scrub: "admins.md#damaged-blobs"
        case .damage: "runbooks/damaged-blobs.md"
        case .ready: "runbooks/registry-down.md"
        case .metrics: "metrics.md"
        case .objectives, .prober, .paging: "production.md#watching"
        case .drill: "runbooks/README.md"
        }
    }

    func ok(_ found: String) -> ProductionFinding { ProductionFinding(self, .ok, found, do: nil) }

    func warning(_ found: String, do action: String) -> ProductionFinding {
        ProductionFinding(self, .warning, found, do: action)
    }

    func problem(_ found: String, do action: String) -> ProductionFinding {
        ProductionFinding(self, .problem, found, do: action)
    }

    func manual(_ found: String, do action: String) -> ProductionFinding {
        ProductionFinding(self, .manual, found, do: action)
    }
}

/// From where on a figure is worth a warning, and from where on it is a problem.
enum ProductionLimits {
    /// Parts of the data volume that are free.
    static let freeShare = (warning: 0.25, problem: 0.10)
    static let openFiles = (warning: UInt64(65_536), problem: UInt64(4_096))
    /// Seconds for which a certificate is still good.
    static let certificateSeconds: Int64 = 21 * 86_400
    /// Seconds that the oldest change of another region has waited.
    static let lagSeconds = (warning: Int64(60), problem: Int64(600))
    /// Seconds of service time.
    static let undoSeconds = (warning: Int64(86_400), problem: Int64(3_600))
    /// Seconds between two readings of the metrics.
    static let scrapeSeconds: Int64 = 300
    /// Bytes of a file that is looked into.
    static let fileBytes = 1 << 20
}
