// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import ImageDiff
internal import OCI

extension ImageComparison {
    /// Bytes of a command or a value that a line shows; JSON has all of it.
    private static let shownCommand = 160

    /// Lines for people: a heading for each part with its totals, and under it what only A has (`-`), what only B has
    /// (`+`), and what both have otherwise (`~`).
    package var lines: [String] {
        var lines = [("A", old), ("B", new)].map { letter, side in
            let platform = side.platform.map { "\($0), " } ?? ""
            let root = side.image.map { $0 == side.root ? "" : " of \(side.root)" } ?? ""
            return "\(letter)  \(side.name)  (\(platform)\(side.image ?? side.root)\(root))"
        }
        if let platforms { return (lines + Self.lines(of: platforms)).map(ShownText.line) }
        if isSame { return (lines + ["the same image"]).map(ShownText.line) }
        lines += layerLines
        lines += part(configuration, "configuration") { changes in
            (changes.isEmpty ? "the same" : "\(changes.count) differences", changes.map(Self.line))
        }
        let same = sameRevision.map { "the same (\($0))" } ?? "not stated, or the same"
        lines.append("revision: " + (revision.isEmpty ? same : "\(revision.count) differences"))
        lines += bounded(revision.map(Self.line))
        lines += part(packages, "packages") { diff in
            let counts = "\(diff.added) added, \(diff.removed) removed, \(diff.changed) changed"
            return ((diff.isEmpty ? "the same" : counts) + " (\(diff.source))", diff.changes.map(Self.line))
        }
        for note in packages.value?.notes ?? [] { lines.append("! \(note)") }
        lines += part(files, "files") { diff in
            let counts =
                "\(diff.added) added (\(PullProgress.size(diff.addedBytes))), \(diff.removed) removed "
                + "(\(PullProgress.size(diff.removedBytes))), \(diff.changed) changed"
            return (diff.isEmpty ? "the same" : counts, diff.changes.map(Self.line))
        }
        if let total = files.value?.total, total > shown {
            lines.append("  ... and \(total - shown) more: see --limit")
        }
        lines += notes.map { "! \($0)" }
        return lines.map(ShownText.line)
    }

    private func part<Value>(
        _ part: Part<Value>,
        _ title: String,
        _ text: (Value) -> (totals: String, lines: [String])
    ) -> [String] {
        switch part {
        case .notAsked: return []
        case .left(let reason): return ["\(title): not compared: \(reason)"]
        case .compared(let value):
            let text = text(value)
            return ["\(title): \(text.totals)"] + bounded(text.lines)
        }
    }

    private func bounded(_ lines: [String]) -> [String] {
        let shownLines = lines.prefix(shown).map { "  \($0)" }
        return lines.count > shown ? shownLines + ["  ... and \(lines.count - shown) more: see --limit"] : shownLines
    }

    private static func lines(of platforms: PlatformDiff) -> [String] {
        platforms.rows.map { row in
            switch (row.old, row.new) {
            case (let old?, let new?): old == new ? "= \(row.platform) \(old)" : "~ \(row.platform) \(old) -> \(new)"
            case (let old?, nil): "- \(row.platform) \(old)"
            case (nil, let new): "+ \(row.platform) \(new?.description ?? "")"
            }
        }
    }

    private var layerLines: [String] {
        let sums = [layers.shared, layers.removed, layers.added].map { layers in
            "\(layers.count) (\(PullProgress.size(layers.reduce(0) { $0 + $1.size })))"
        }
        let order = layers.isReordered ? "; those shared stand in another order" : ""
        let rows = layers.removed.map { ("-", $0) } + layers.added.map { ("+", $0) }
        let lines = rows.map { sign, layer in
            "\(sign) \(layer.digest) \(PullProgress.size(layer.size))"
                + (layer.command.map { "  \(Self.cut($0))" } ?? "")
        }
        return ["layers: \(sums[0]) shared, \(sums[1]) only in A, \(sums[2]) only in B\(order)"] + bounded(lines)
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= shownCommand ? text : "\(String(text.prefix(shownCommand)))..."
    }

    private static func line(_ change: ValueChange) -> String {
        let name = change.field + (change.key.map { " \($0)" } ?? "")
        // A port or a volume is there or not, and has no value.
        func value(_ text: String) -> String { text.isEmpty ? "" : ": \(text)" }
        switch (change.old, change.new) {
        case (let old?, let new?): return "~ \(name): \(old) -> \(new)"
        case (let old?, nil): return "- \(name)\(value(old))"
        case (nil, let new): return "+ \(name)\(value(new ?? ""))"
        }
    }

    private static func line(_ change: PackageDiff.Change) -> String {
        let name = (change.name.kind.isEmpty ? "" : "\(change.name.kind) ") + change.name.name
        let (old, new) = (change.old.joined(separator: ", "), change.new.joined(separator: ", "))
        if change.old.isEmpty { return "+ \(name) \(new)" }
        return change.new.isEmpty ? "- \(name) \(old)" : "~ \(name) \(old) -> \(new)"
    }

    private static func line(_ change: FileChange) -> String {
        guard let old = change.old else { return "+ \(change.path)\(summary(change.new))" }
        guard let new = change.new else { return "- \(change.path)\(summary(old))" }
        let path = change.path.names.isEmpty ? "/" : change.path.description
        return "~ \(path) (" + change.aspects.map { text($0, old, new) }.joined(separator: "; ") + ")"
    }

    private static func summary(_ entry: FileEntry?) -> String {
        switch entry?.kind {
        case .directory?: "/"
        case .link(let target)?: " -> \(String(decoding: target, as: UTF8.self))"
        case .file?: " (\(PullProgress.size(entry?.size ?? 0)))"
        default: " (\(entry?.kind.name ?? ""))"
        }
    }

    private static func text(_ aspect: FileChange.Aspect, _ old: FileEntry, _ new: FileEntry) -> String {
        switch aspect {
        case .type: "\(old.kind.name) -> \(new.kind.name)"
        case .content: "content \(content(old)) -> \(content(new))"
        case .target: "target\(summary(old)) became\(summary(new))"
        case .device: "device numbers"
        case .mode: "mode \(old.modeText) -> \(new.modeText)"
        case .owner: "owner \(old.owner):\(old.group) -> \(new.owner):\(new.group)"
        }
    }

    private static func content(_ entry: FileEntry) -> String {
        PullProgress.size(entry.size) + (entry.content == nil ? " with holes, not compared" : "")
    }
}

extension FileEntry {
    /// In octal digits: `0644`.
    var modeText: String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension FileEntry.Kind {
    var name: String {
        switch self {
        case .file, .hardLink: "file"
        case .directory: "directory"
        case .link: "symbolic link"
        case .characterDevice: "character device"
        case .blockDevice: "block device"
        case .pipe: "pipe"
        }
    }
}
