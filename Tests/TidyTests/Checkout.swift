// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// The files that the rules are about: what a clone has, without what a build makes.
enum Checkout {
    /// The folder of this package's manifest, found upwards from this very file.
    static let root: URL = {
        var folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let manifest = folder.appending(path: "Package.swift")
            let sources = folder.appending(path: "Sources")
            if [manifest, sources].allSatisfy({ FileManager.default.fileExists(atPath: $0.path) }) { return folder }
            folder.deleteLastPathComponent()
        }
        preconditionFailure("there is no Package.swift above \(#filePath)")
    }()

    static let files: [SourceFile] = {
        var files: [SourceFile] = []
        for start in ["Package.swift", "Sources", "Tests", "conformance", "tools", "docs", ".ci"] + documents {
            collect(start, into: &files)
        }
        return files.sorted { $0.path < $1.path }
    }()

    static var swift: [SourceFile] { files.filter(\.isSwift) }

    /// The text of one file; nil if it is not there.
    static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The Markdown files at the root.
    private static var documents: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return names.filter { $0.hasSuffix(".md") }
    }

    private static let extensions: Set<String> = [
        "swift", "md", "h", "c", "modulemap", "sh", "py", "yml", "yaml", "json", "",
    ]

    private static func collect(_ path: String, into files: inout [SourceFile]) {
        let url = root.appending(path: path)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else { return }
        guard isFolder.boolValue else {
            // What is not text has no rules.
            if extensions.contains(url.pathExtension), let text = text(path) {
                files.append(SourceFile(path: path, text: text))
            }
            return
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        for name in names where !name.hasPrefix(".") && !["corpus", "results", "__pycache__"].contains(name) {
            collect(path + "/" + name, into: &files)
        }
    }

    /// Paths under version control that end in this name; nil where there is no repository or no git.
    static func tracked(_ name: String) -> [String]? {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "-C", root.path, "ls-files", "--", name, "*/" + name]
        let output = Pipe()
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil, let data = try? output.fileHandleForReading.readToEnd() ?? Data() else {
            return nil
        }
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
