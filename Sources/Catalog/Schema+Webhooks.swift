// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What is told to others by webhooks.
    ///
    /// `notice` is what happens beside the log: a conflict of regions that was found, an error budget that burns.
    /// `body` is a JSON object. Times are seconds since 1970.
    ///
    /// `webhook` says how far each hook has told: of events by their ids, and of notices. It is written after a
    /// delivery was accepted: what was accepted before a crash may be told again, under the same id. `dead_letter` is
    /// what a hook gave up, with the reason: `source` is `event` or `notice`.
    static let webhooks = """
        CREATE TABLE notice(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            repo_id INTEGER REFERENCES repo ON DELETE RESTRICT,
            subject TEXT NOT NULL,
            body TEXT NOT NULL,
            at INTEGER NOT NULL);
        CREATE INDEX notice_repo ON notice(repo_id) WHERE repo_id IS NOT NULL;

        CREATE TABLE webhook(
            name TEXT NOT NULL PRIMARY KEY,
            event_id INTEGER NOT NULL,
            notice_id INTEGER NOT NULL,
            delivered INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;

        CREATE TABLE dead_letter(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            hook TEXT NOT NULL,
            source TEXT NOT NULL CHECK(source IN ('event', 'notice')),
            source_id INTEGER NOT NULL,
            kind TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            reason TEXT NOT NULL,
            at INTEGER NOT NULL,
            UNIQUE(hook, source, source_id));
        CREATE INDEX dead_letter_hook ON dead_letter(hook, id);
        """
}
