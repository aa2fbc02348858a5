// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Schema {
    /// What a replay of the log looks up: who an actor of the log is.
    static let replay = """
        CREATE INDEX actor_pseudonym ON actor(pseudonym);
        """
}
