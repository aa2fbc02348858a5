// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Ways to break what regions make of one another's entries: what a database does besides what it is told.
enum RegionMutant: String, CaseIterable, Sendable {
    /// Of writes of a tag the last one that came counts.
    case arrivalOrder = "arrival-order"
    /// Two writes of one time have no order.
    case noTieBreak = "no-tie-break"
    /// Deletions are forgotten.
    case noTombstones = "no-tombstones"
    /// When a manifest was put is forgotten.
    case noTouches = "no-touches"
    /// Quarantines and pins have no time.
    case timelessRegisters = "timeless-registers"
    /// What waits for bytes is not waited for.
    case forgetfulInbox = "forgetful-inbox"
    /// What is parked is dropped.
    case droppedFuture = "dropped-future"
    /// The time of other regions is forgotten in a crash.
    case forgottenTime = "forgotten-time"
    /// The epoch of a home is forgotten: the first one that said anything counts.
    case epochlessHomes = "epochless-homes"
    /// What was set as immutable is forgotten to be so.
    case mutableTags = "mutable-tags"
    /// The time of a report is forgotten.
    case timelessReports = "timeless-reports"
    /// Of what is to run somewhere the last that came counts.
    case lastDesired = "last-desired"
    /// A conflict is noted where its loser came last alone.
    case lostConflicts = "lost-conflicts"

    var triggers: String {
        switch self {
        case .arrivalOrder:
            """
            CREATE TRIGGER mutant AFTER INSERT ON tag_write BEGIN
                UPDATE tag_write SET hlc = (SELECT MAX(hlc) + 1 FROM tag_write)
                    WHERE repo_id = NEW.repo_id AND name = NEW.name AND hlc = NEW.hlc AND region = NEW.region; END;
            """
        case .noTieBreak:
            """
            CREATE TRIGGER mutant AFTER INSERT ON tag_write BEGIN
                UPDATE OR REPLACE tag_write SET region = ''
                    WHERE repo_id = NEW.repo_id AND name = NEW.name AND hlc = NEW.hlc AND region = NEW.region; END;
            """
        case .noTombstones:
            """
            CREATE TRIGGER mutant AFTER INSERT ON tombstone BEGIN
                DELETE FROM tombstone WHERE repo_id = NEW.repo_id AND digest = NEW.digest; END;
            """
        case .noTouches:
            """
            CREATE TRIGGER mutant AFTER UPDATE OF touch_hlc ON manifest BEGIN
                UPDATE manifest SET touch_hlc = OLD.touch_hlc WHERE id = NEW.id; END;
            """
        case .timelessRegisters:
            """
            CREATE TRIGGER mutant_1 AFTER INSERT ON register BEGIN
                UPDATE register SET set_hlc = 0, cleared_hlc = 0 WHERE repo_id = NEW.repo_id; END;
            CREATE TRIGGER mutant_2 AFTER UPDATE ON register BEGIN
                UPDATE register SET set_hlc = 0, cleared_hlc = 0 WHERE repo_id = NEW.repo_id; END;
            """
        case .forgetfulInbox: Self.dropping("waiting")
        case .droppedFuture: Self.dropping("parked")
        case .forgottenTime:
            """
            CREATE TRIGGER mutant BEFORE UPDATE ON hybrid_clock BEGIN SELECT RAISE(IGNORE); END;
            """
        case .epochlessHomes:
            """
            CREATE TRIGGER mutant AFTER UPDATE OF home_epoch ON repo WHEN NEW.home_epoch > 0 BEGIN
                UPDATE repo SET home_epoch = 1 WHERE id = NEW.id; END;
            """
        case .mutableTags:
            """
            CREATE TRIGGER mutant AFTER INSERT ON tag_write WHEN NEW.region > 'l' BEGIN
                UPDATE tag_write SET home_epoch = NULL
                    WHERE repo_id = NEW.repo_id AND name = NEW.name AND hlc = NEW.hlc AND region = NEW.region; END;
            """
        case .timelessReports:
            """
            CREATE TRIGGER mutant_1 AFTER INSERT ON deployment BEGIN
                UPDATE deployment SET hlc = 0 WHERE id = NEW.id; END;
            CREATE TRIGGER mutant_2 AFTER UPDATE OF hlc ON deployment BEGIN
                UPDATE deployment SET hlc = 0 WHERE id = NEW.id; END;
            """
        case .lastDesired:
            """
            CREATE TRIGGER mutant_1 AFTER INSERT ON desired BEGIN
                UPDATE desired SET hlc = 0 WHERE env = NEW.env AND repo_id = NEW.repo_id AND service = NEW.service; END;
            CREATE TRIGGER mutant_2 AFTER UPDATE OF digest ON desired BEGIN
                UPDATE desired SET hlc = 0 WHERE env = NEW.env AND repo_id = NEW.repo_id AND service = NEW.service; END;
            """
        case .lostConflicts:
            """
            CREATE TRIGGER mutant BEFORE INSERT ON conflict WHEN NEW.winner_hlc > (SELECT hlc FROM hybrid_clock)
            BEGIN SELECT RAISE(IGNORE); END;
            """
        }
    }

    private static func dropping(_ state: String) -> String {
        """
        CREATE TRIGGER mutant AFTER UPDATE OF state ON inbox WHEN NEW.state = '\(state)' BEGIN
            UPDATE inbox SET state = 'applied' WHERE origin = NEW.origin AND idx = NEW.idx; END;
        """
    }
}
