// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ImageDiff
import LayerArchive
import LayerSamples

/// An entry of a layer that a test makes.
enum Made {
    case file(String, String, mode: Int = 0o644, owner: Int = 0)
    case directory(String, mode: Int = 0o755)
    case link(String, to: String)
    case hardLink(String, to: String)
    case pipe(String)
    case device(String, major: Int)
    /// A file without content that removes what is below the layer.
    case whiteout(String)
    case opaque(String)

    func add(to tar: inout TarWriter) {
        switch self {
        case .file(let path, let text, let mode, let owner):
            tar.add(path, Array(text.utf8)) { Self.put(mode, owner, in: &$0) }
        case .directory(let path, let mode): tar.add(path, [], flag: "5") { Self.put(mode, 0, in: &$0) }
        case .link(let path, let target): tar.add(path, [], flag: "2") { Self.put(target, in: &$0) }
        case .hardLink(let path, let target): tar.add(path, [], flag: "1") { Self.put(target, in: &$0) }
        case .pipe(let path): tar.add(path, [], flag: "6")
        case .device(let path, let major):
            tar.add(path, [], flag: "3") { TarWriter.put(TarWriter.octal(major, 7), at: 329, in: &$0) }
        case .whiteout(let path):
            var names = path.split(separator: "/").map(String.init)
            let last = names.removeLast()
            tar.add((names + [".wh.\(last)"]).joined(separator: "/"), [])
        case .opaque(let path): tar.add("\(path)/.wh..wh..opq", [])
        }
    }

    private static func put(_ mode: Int, _ owner: Int, in block: inout [UInt8]) {
        TarWriter.put(TarWriter.octal(mode, 7), at: 100, in: &block)
        TarWriter.put(TarWriter.octal(owner, 7), at: 108, in: &block)
    }

    private static func put(_ target: String, in block: inout [UInt8]) {
        TarWriter.put(Array(target.utf8), at: 157, in: &block)
    }
}

extension LayerTree {
    init(_ made: [Made]) throws(ImageDiffError) {
        var tar = TarWriter()
        for entry in made { entry.add(to: &tar) }
        try self.init(bytes: tar.ended)
    }

    init(bytes: [UInt8], limits: LayerLimits = LayerLimits()) throws(ImageDiffError) {
        var budget = NameBudget()
        try self.init(reading: .bytes(bytes), limits: limits, budget: &budget)
    }
}

extension FileTree {
    /// The file system of layers with nothing below them, or with what is not known.
    init(_ layers: [[Made]], isComplete: Bool = true) throws(ImageDiffError) {
        self.init(isComplete: isComplete)
        for layer in layers { try apply(LayerTree(layer)) }
    }

    /// All that differs from an empty file system, by path: what is there.
    var paths: [String] {
        FileDiff(FileTree(isComplete: true), self).changes.map(\.path.description).filter { !$0.isEmpty }
    }
}

/// What differs, a line each: `+ path`, `- path`, `~ path aspects`.
func differences(_ old: FileTree, _ new: FileTree) -> [String] {
    FileDiff(old, new).changes.map { change in
        if change.old == nil { return "+ \(change.path)" }
        if change.new == nil { return "- \(change.path)" }
        return "~ \(change.path) \(change.aspects.map(\.rawValue).joined(separator: " "))"
    }
}
