// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import ImageDiff
internal import OCI

extension ImageComparison {
    /// The same as a JSON object. What was not compared is null, or an object with the reason under `left`; lists end
    /// after what is to be shown, and the totals count all.
    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("same")
            writer.bool(isSame)
            for (key, side) in [("a", old), ("b", new)] {
                writer.key(key)
                writer.object { Self.write(side, to: &$0) }
            }
            if let platforms {
                writer.key("platforms")
                writer.array { writer in
                    for row in platforms.rows {
                        writer.object { writer in
                            writer.field("platform", row.platform)
                            writer.field("a", row.old?.description)
                            writer.field("b", row.new?.description)
                        }
                    }
                }
                return
            }
            writeLayers(to: &writer)
            write(configuration, "configuration", to: &writer) { changes, writer in
                writer.array { write(changes, to: &$0) }
            }
            writer.key("revision")
            writer.array { write(revision, to: &$0) }
            writer.field("sameRevision", sameRevision)
            write(packages, "packages", to: &writer) { diff, writer in
                writer.object { write(diff, to: &$0) }
            }
            write(files, "files", to: &writer) { diff, writer in
                writer.object { write(diff, to: &$0) }
            }
            writer.key("notes")
            writer.array { writer in
                for note in notes { writer.string(note) }
            }
        }
        return writer.text
    }

    private static func write(_ side: Side, to writer: inout JSONWriter) {
        writer.field("name", side.name)
        writer.field("digest", side.root.description)
        writer.field("image", side.image?.description)
        writer.field("platform", side.platform)
    }

    private func write<Value>(
        _ part: Part<Value>,
        _ key: String,
        to writer: inout JSONWriter,
        _ value: (Value, inout JSONWriter) -> Void
    ) {
        writer.key(key)
        switch part {
        case .notAsked: writer.null()
        case .left(let reason): writer.object { $0.field("left", reason) }
        case .compared(let compared): value(compared, &writer)
        }
    }

    private func writeLayers(to writer: inout JSONWriter) {
        writer.key("layers")
        writer.object { writer in
            for (key, list) in [("shared", layers.shared), ("onlyA", layers.removed), ("onlyB", layers.added)] {
                writer.key(key)
                writer.array { writer in
                    for layer in list {
                        writer.object { writer in
                            writer.field("digest", layer.digest.description)
                            writer.key("size")
                            writer.integer(layer.size)
                            writer.field("command", layer.command)
                        }
                    }
                }
            }
            writer.key("reordered")
            writer.bool(layers.isReordered)
        }
    }

    private func write(_ changes: [ValueChange], to writer: inout JSONWriter) {
        for change in changes.prefix(shown) {
            writer.object { writer in
                writer.field("field", change.field)
                writer.field("key", change.key)
                writer.field("a", change.old)
                writer.field("b", change.new)
            }
        }
    }

    private func write(_ diff: PackageDiff, to writer: inout JSONWriter) {
        writer.field("source", diff.source)
        writeCounts(diff.added, diff.removed, diff.changed, to: &writer)
        writer.key("changes")
        writer.array { writer in
            for change in diff.changes.prefix(shown) {
                writer.object { writer in
                    writer.field("kind", change.name.kind)
                    writer.field("name", change.name.name)
                    for (key, versions) in [("a", change.old), ("b", change.new)] {
                        writer.key(key)
                        writer.array { writer in
                            for version in versions { writer.string(version) }
                        }
                    }
                }
            }
        }
        writer.key("notes")
        writer.array { writer in
            for note in diff.notes { writer.string(note) }
        }
    }

    private func writeCounts(_ added: Int, _ removed: Int, _ changed: Int, to writer: inout JSONWriter) {
        for (key, count) in [("added", added), ("removed", removed), ("changed", changed)] {
            writer.key(key)
            writer.integer(count)
        }
    }

    private func write(_ diff: FileDiff, to writer: inout JSONWriter) {
        writeCounts(diff.added, diff.removed, diff.changed, to: &writer)
        writer.key("addedBytes")
        writer.integer(diff.addedBytes)
        writer.key("removedBytes")
        writer.integer(diff.removedBytes)
        writer.key("changes")
        writer.array { writer in
            for change in diff.changes.prefix(shown) {
                writer.object { writer in
                    writer.field("path", change.path.description)
                    writer.key("differs")
                    writer.array { writer in
                        for aspect in change.aspects { writer.string(aspect.rawValue) }
                    }
                    for (key, entry) in [("a", change.old), ("b", change.new)] {
                        writer.key(key)
                        if let entry { writer.object { Self.write(entry, to: &$0) } } else { writer.null() }
                    }
                }
            }
        }
    }

    private static func write(_ entry: FileEntry, to writer: inout JSONWriter) {
        writer.field("type", entry.kind.name)
        writer.field("mode", entry.modeText)
        writer.key("uid")
        writer.integer(entry.owner)
        writer.key("gid")
        writer.integer(entry.group)
        if entry.kind == .file {
            writer.key("size")
            writer.integer(entry.size)
            let hash = entry.content.flatMap { Digest(algorithm: .sha256, bytes: $0.bytes) }
            writer.field("digest", hash?.description)
        }
        if case .link(let target) = entry.kind { writer.field("target", String(decoding: target, as: UTF8.self)) }
        switch entry.kind {
        case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
            writer.field("device", "\(major):\(minor)")
        default: break
        }
    }
}
