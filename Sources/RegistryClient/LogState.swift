// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI
package import Transparency

/// What an agent remembers of one log: the last checkpoint that it accepted, and the last index of each tag.
///
/// The checkpoint is kept as the note that the log signed. The file is replaced atomically and durably, so that a loss
/// of power leaves the former or the new one. The indexes stand in a second file beside it; where that is lost, what
/// is lost with it is only that an older entry of a tag would be noticed.
package struct LogState: Sendable {
    /// What the file held when it was read.
    struct Kept: Hashable, Sendable {
        let bytes: [UInt8]
        let note: SignedNote
    }

    let path: String
    private var tagsPath: String { path + ".tags" }

    /// Where the state of a log is kept if nothing else is said: `~/.local/state/cairn/logs/<SHA-256 of the origin>`.
    ///
    /// Of the variables of the process, `XDG_STATE_HOME` stands for `~/.local/state`, and `HOME` for `~`.
    package static func defaultPath(
        for origin: NoteLine,
        _ environment: [String: String]
    ) throws(ClientError) -> String {
        let named = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        guard let base = named ?? environment["HOME"].map({ "\($0)/.local/state" }) else {
            throw ClientError(.usage, "there is no HOME to keep the state of a log in: say where with --state")
        }
        return "\(base)/cairn/logs/\(try origin.utf8.digest().hex)"
    }

    /// The last checkpoint; nil where none was accepted before.
    ///
    /// - Throws: `.storage` where the file is damaged: only a person can tell what it held.
    func read() async throws(ClientError) -> Kept? {
        let bytes = try await FileWork.run { () throws(ClientError) in
            try LocalFile.contents(of: path, limit: ClientLimits.checkpointBytes)
        }
        guard let bytes else { return nil }
        do {
            return Kept(bytes: bytes, note: try SignedNote(parsing: bytes))
        } catch {
            throw ClientError(.storage, "\(path) does not hold a checkpoint: \(error.reason)")
        }
    }

    /// Puts a note in place of what was read, unless another process did so first.
    ///
    /// - Returns: False where the file holds something else now, and nothing was changed.
    func replace(
        _ former: Kept?,
        with note: SignedNote,
        pause: (Int) async throws -> Void
    ) async throws(ClientError) -> Bool {
        for _ in 0..<ClientLimits.lockAttempts {
            let outcome = try await FileWork.run { () throws(ClientError) -> Bool? in
                let end = path.lastIndex(of: "/")
                if let end, end > path.startIndex { try LocalFile.makeDirectory(String(path[..<end]), mode: 0o700) }
                let lock = try LocalFile(writing: path + ".lock", mode: 0o600)
                guard try lock.lock() else { return nil }
                defer { withExtendedLifetime(lock) {} }
                let current = try LocalFile.contents(of: path, limit: ClientLimits.checkpointBytes)
                guard current == former?.bytes else { return false }
                if current != note.bytes { try LocalFile.replace(path, with: note.bytes, mode: 0o600) }
                return true
            }
            if let outcome { return outcome }
            do { try await pause(ClientLimits.lockPause) } catch { throw ClientError.cancelled }
        }
        throw ClientError(.storage, "another process holds \(path).lock")
    }

    // MARK: Tags

    /// The index of the entry that last set a tag, as far as it is remembered.
    func lastIndex(of name: RepositoryName, _ tag: Tag) async throws(ClientError) -> Int64? {
        try await FileWork.run { () throws(ClientError) in
            try Self.tags(at: tagsPath).last { $0.key == "\(name):\(tag)" }?.index
        }
    }

    /// Remembers the index of a tag. Of two processes at once, one may forget what the other one wrote.
    func remember(_ index: Int64, of name: RepositoryName, _ tag: Tag) async throws(ClientError) {
        try await FileWork.run { () throws(ClientError) in
            let key = "\(name):\(tag)"
            var tags = try Self.tags(at: tagsPath).filter { $0.key != key }
            tags.append((key, index))
            let lines = tags.suffix(ClientLimits.rememberedTags).map { "\($0.index) \($0.key)\n" }
            try LocalFile.replace(tagsPath, with: Array(lines.joined().utf8), mode: 0o600)
        }
    }

    private static func tags(at path: String) throws(ClientError) -> [(key: String, index: Int64)] {
        guard let bytes = try LocalFile.contents(of: path, limit: ClientLimits.rememberedTagsBytes) else { return [] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n" as Character)
        return lines.compactMap { line in
            let parts = line.split(separator: " " as Character)
            guard parts.count == 2, let index = Int64(parts[0]) else { return nil }
            return (String(parts[1]), index)
        }
    }
}
