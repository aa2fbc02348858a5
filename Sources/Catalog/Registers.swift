// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// What can be set and let go again: the quarantine of a digest, or a pin, hold or lock of a tag or digest.
struct RegisterKey: Hashable {
    /// 0 for a quarantine, which is of all repositories.
    let repository: Int64
    /// nil for a quarantine.
    let pin: PinKind?
    let subject: Reference

    var kind: String { pin?.rawValue ?? "quarantine" }

    static func quarantine(_ digest: Digest) -> RegisterKey {
        RegisterKey(repository: 0, pin: nil, subject: .digest(digest))
    }

    init(repository: Int64, pin: PinKind?, subject: Reference) {
        self.repository = repository
        self.pin = pin
        self.subject = subject
    }

    /// What an entry of a log is about; nil for an entry of another kind, or what no register has.
    init?(_ change: LoggedChange, in repository: Int64?) {
        switch EventKind(rawValue: change.kind) {
        case .quarantineSet, .quarantineCleared:
            guard let digest = change.digest("digest") else { return nil }
            self = .quarantine(digest)
        case .holdSet, .holdCleared:
            let subject = change.tag.map(Reference.tag) ?? change.digest("digest").map(Reference.digest)
            guard let repository, let subject, let kind = change.body?["kind"]?.text.flatMap({ PinKind(rawValue: $0) })
            else {
                return nil
            }
            self.init(repository: repository, pin: kind, subject: subject)
        default: return nil
        }
    }
}

/// A change of a register.
enum RegisterChange {
    case set(Stamp, until: Int64?, reason: String, actor: String)
    case cleared(HybridTimestamp)

    init(_ change: LoggedChange, _ stamp: Stamp, actor: String? = nil) {
        switch EventKind(rawValue: change.kind) {
        case .quarantineSet, .holdSet:
            var until: Int64?
            if case .integer(let date)? = change.body?["until"] { until = date }
            let reason = change.body?["reason"]?.text ?? ""
            self = .set(stamp, until: until, reason: reason, actor: actor ?? change.actor)
        default: self = .cleared(stamp.time)
        }
    }
}

/// What a register comes to by all its changes, in whatever order they came.
///
/// The last time that it was set counts, unless it was let go later; at the same time it stands. The date of a lock is
/// the latest that it ever had, and letting it go before that date has no effect.
struct Register {
    private(set) var set = Stamp.never
    private(set) var cleared = HybridTimestamp(rawValue: -1)
    private(set) var until: Int64?
    private(set) var reason = ""
    private(set) var actor = ""

    mutating func apply(_ change: RegisterChange, isLock: Bool) {
        switch change {
        case .cleared(let time): cleared = max(cleared, time)
        case .set(let stamp, let date, let why, let who):
            if isLock { until = [until, date].compactMap { $0 }.max() }
            guard set < stamp else { return }
            set = stamp
            reason = why
            actor = who
            if !isLock { until = date }
        }
    }

    func isInForce(isLock: Bool) -> Bool {
        guard set != .never, !isLock || until != nil else { return false }
        return cleared <= set.time || (isLock && cleared.seconds < until ?? 0)
    }
}

extension SQL {
    static let register = """
        SELECT set_hlc, set_region, cleared_hlc, until, reason, actor FROM register
        WHERE repo_id = ? AND kind = ? AND subject = ?
        """
    static let setRegister = """
        INSERT INTO register(repo_id, kind, subject, set_hlc, set_region, cleared_hlc, until, reason, actor)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, kind, subject) DO UPDATE SET set_hlc = excluded.set_hlc, set_region = excluded.set_region,
            cleared_hlc = excluded.cleared_hlc, until = excluded.until, reason = excluded.reason, actor = excluded.actor
        """
    static let removeTagPin = "DELETE FROM pin WHERE repo_id = ? AND tag = ? AND kind = ?"
    static let removeDigestPin = "DELETE FROM pin WHERE repo_id = ? AND digest = ? AND kind = ?"
}

extension Database {
    /// Keeps a change of a register, and returns what the register comes to.
    @discardableResult
    func note(_ change: RegisterChange, of key: RegisterKey) throws -> Register {
        var register = Register()
        if let row = try row(SQL.register, key.repository, key.kind, key.subject.description) {
            register = try Register(row)
        }
        register.apply(change, isLock: key.pin == .lock)
        try run(
            SQL.setRegister,
            key.repository,
            key.kind,
            key.subject.description,
            register.set.time.rawValue,
            register.set.origin,
            register.cleared.rawValue,
            register.until,
            register.reason,
            register.actor
        )
        return register
    }
}

extension Transaction {
    /// Changes a register, and makes the row of what it keeps what it comes to.
    ///
    /// - Returns: Whether it is in force.
    @discardableResult
    func change(_ key: RegisterKey, _ change: RegisterChange) throws -> Bool {
        let register = try database.note(change, of: key)
        let isInForce = register.isInForce(isLock: key.pin == .lock)
        guard let kind = key.pin else {
            touchAll()
            guard case .digest(let digest) = key.subject else { return false }
            if isInForce {
                try database.run(SQL.setQuarantine, digest.key, register.reason, register.actor, stampSeconds)
            } else {
                try database.run(SQL.clearQuarantine, digest.key)
            }
            return isInForce
        }
        let (place, remove, subject): (String, String, Argument) =
            switch key.subject {
            case .tag(let tag): (SQL.setTagPin, SQL.removeTagPin, tag.description)
            case .digest(let digest): (SQL.setDigestPin, SQL.removeDigestPin, digest.key)
            }
        if isInForce {
            try database.run(
                place,
                key.repository,
                kind.rawValue,
                subject,
                register.until,
                register.reason,
                register.actor,
                stampSeconds
            )
        } else {
            try database.run(remove, key.repository, subject, kind.rawValue)
        }
        return isInForce
    }
}

extension Register {
    fileprivate init(_ row: Row) throws {
        set = Stamp(time: HybridTimestamp(rawValue: try row.int(0)), origin: try row.text(1))
        cleared = HybridTimestamp(rawValue: try row.int(2))
        until = try row.optionalInt(3)
        reason = try row.text(4)
        actor = try row.text(5)
    }
}
