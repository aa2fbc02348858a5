// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What makes the events a transparency log.
    ///
    /// `event.seq` is the index of the entry, given when it is sealed; `event.subject` the tag or digest that changed.
    /// The key of `checkpoint` is the size of the tree: two roots of one size cannot be written down. `actor` gives
    /// each principal the name that he has in the log, which is public; who that is stands here alone.
    static let log = """
        CREATE TABLE actor(
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            pseudonym TEXT NOT NULL);

        CREATE INDEX audit_event ON audit(event_id) WHERE event_id IS NOT NULL;
        ALTER TABLE event ADD COLUMN subject TEXT;
        UPDATE event SET subject = (SELECT a.subject FROM audit a WHERE a.event_id = event.id)
            WHERE repo_id IS NOT NULL;
        CREATE INDEX event_subject ON event(repo_id, subject, id) WHERE subject IS NOT NULL;
        CREATE INDEX event_unsealed ON event(id) WHERE seq IS NULL;

        CREATE TABLE checkpoint(
            size INTEGER PRIMARY KEY CHECK(size > 0),
            root BLOB NOT NULL CHECK(length(root) = 32),
            note BLOB,
            state TEXT NOT NULL CHECK(state IN ('intended', 'signed')),
            CHECK((state = 'signed') = (note IS NOT NULL)));
        """
}
