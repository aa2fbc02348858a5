// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import GRDBSQLite

/// Opens the database with the settings that durability rests on, and reads them back.
enum Connection {
    /// Opens or creates the database and leaves it in WAL mode with `synchronous=FULL` on the writer.
    ///
    /// GRDB sets `synchronous=NORMAL` when it turns WAL on, after `prepareDatabase`: a commit could then be lost with
    /// the power. So FULL is set once the pool is open, before anything is written, and is read back.
    static func open(
        path: String,
        readers: Int,
        trace: (@Sendable (String) -> Void)?
    ) throws -> DatabasePool {
        var configuration = configuration(trace: trace)
        configuration.maximumReaderCount = readers
        let pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA journal_size_limit = \(CatalogLimits.journalBytes)")
            try database.execute(sql: "PRAGMA cache_size = -\(CatalogLimits.writerCacheKiB)")
            try verify(database)
        }
        return pool
    }

    /// What holds for every connection, whatever the database lies on.
    static func configuration(trace: (@Sendable (String) -> Void)?) -> Configuration {
        var configuration = Configuration()
        configuration.label = "cairn.catalog"
        configuration.foreignKeysEnabled = true
        // The writer never waits for a lock: nobody else writes, and a checkpoint must not wait for a reader.
        configuration.busyMode = .immediateError
        // The writer ends its transactions itself, on every path; GRDB's own check would stop the process.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            try prepare(database)
            if let trace { database.trace { trace($0.description) } }
        }
        return configuration
    }

    /// Settings of every connection.
    private static func prepare(_ database: Database) throws {
        try database.execute(
            sql: """
                PRAGMA trusted_schema = OFF;
                PRAGMA cell_size_check = ON;
                PRAGMA mmap_size = 0;
                PRAGMA temp_store = MEMORY;
                PRAGMA wal_autocheckpoint = 0;
                PRAGMA cache_size = -\(CatalogLimits.readerCacheKiB);
                """
        )
        if database.configuration.readonly {
            try database.execute(sql: "PRAGMA busy_timeout = \(CatalogLimits.readerBusyMilliseconds)")
        }
    }

    /// Reads back what the guarantees need; a library that ignores a pragma must not go unseen.
    private static func verify(_ database: Database) throws {
        let expected: [(pragma: String, value: String)] = [
            ("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1"), ("trusted_schema", "0"),
            ("cell_size_check", "1"), ("wal_autocheckpoint", "0"),
        ]
        for (pragma, value) in expected {
            let actual = try String.fetchOne(database, sql: "PRAGMA \(pragma)")
            guard actual == value else {
                throw CatalogError(.unavailable, "PRAGMA \(pragma) reads back \(actual ?? "nothing"), not \(value)")
            }
        }
    }

    /// The version of the SQLite library in use.
    static func version(_ database: Database) throws -> String {
        try String.fetchOne(database, sql: "SELECT sqlite_version()") ?? "unknown"
    }

    /// Pages that this connection has written to the WAL since it was opened.
    static func pagesWritten(_ database: Database) -> Int {
        var current: CInt = 0
        var highest: CInt = 0
        let code = sqlite3_db_status(
            database.sqliteConnection,
            SQLITE_DBSTATUS_CACHE_WRITE,
            &current,
            &highest,
            0
        )
        return code == SQLITE_OK ? Int(current) : 0
    }
}
