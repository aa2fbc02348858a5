// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Rules that need no understanding of Swift, or little.
extension Rule {
    static let headerText = "// SPDX-License-Identifier: Apache-2.0\n// Copyright the Cairn authors\n"

    static let header = Rule(
        name: "Swift files begin with the licence",
        bad: [
            Sample("Sources/A/A.swift", "import B\n"), Sample("Sources/A/A.swift", "\n" + headerText),
            Sample("Tests/A/A.swift", "// SPDX-License-Identifier: MIT\n// Copyright the Cairn authors\n"),
        ],
        good: [
            Sample("Sources/A/A.swift", headerText + "\nimport B\n"), Sample("docs/a.md", "# A\n"),
            Sample("Package.swift", "// swift-tools-version:6.2\n" + headerText),
        ],
        check: { file in
            guard file.isSwift else { return [] }
            var text = file.text[...]
            if text.hasPrefix("// swift-tools-version:") { text = text.drop { $0 != "\n" }.dropFirst() }
            if text.hasPrefix(headerText) { return [] }
            return [Finding(path: file.path, line: 1, message: "the first two lines must be the SPDX header")]
        }
    )

    static let fileLength = Rule(
        name: "files hold one concept: 400 lines, tests 600",
        bad: [
            Sample("Sources/A/A.swift", String(repeating: "a\n", count: 401)),
            Sample("conformance/A.swift", String(repeating: "a\n", count: 401)),
            Sample("Tests/A/A.swift", String(repeating: "a\n", count: 601)),
        ],
        good: [
            Sample("Sources/A/A.swift", String(repeating: "a\n", count: 400)),
            Sample("Tests/A/A.swift", String(repeating: "a\n", count: 600)),
        ],
        check: { file in
            let limit = file.isTest ? 600 : 400
            guard file.isSwift, file.lines.count > limit else { return [] }
            return [Finding(path: file.path, line: limit + 1, message: "\(file.lines.count) lines; at most \(limit)")]
        }
    )

    static let lineLength = Rule(
        name: "lines have at most 120 columns",
        bad: [Sample("Sources/A/A.swift", String(repeating: "é", count: 121) + "\n")],
        good: [Sample("Sources/A/A.swift", String(repeating: "é", count: 120) + "\n")],
        check: { file in
            guard file.isSwift else { return [] }
            return file.lines.enumerated().filter { $1.utf8.count > 120 && $1.count > 120 }.map { index, line in
                Finding(path: file.path, line: index + 1, message: "\(line.count) columns; at most 120")
            }
        }
    )

    static let noLooseEnds = Rule(
        name: "no loose ends in comments",
        bad: [
            Sample("Sources/A/A.swift", "// TODO: more\n"), Sample("Sources/A/A.swift", "/* a\n FIXME */\n"),
            Sample("Tests/A/A.swift", "let a = 1  // XXX\n"), Sample("Sources/A/A.swift", "/// Fine for now.\n"),
            Sample("tools/serve", "# TODO\n"), Sample("docs/a.md", "FIXME later\n"),
        ],
        good: [
            Sample("Sources/A/A.swift", "let a = \"TODO\"\n// Todos are not kept. XXXL\n"),
            Sample("Sources/A/A.swift", "// Waits for nowhere.\n"),
        ],
        check: { file in
            let words: Set<Substring> = ["TODO", "FIXME", "XXX"]
            let texts = file.isSwift ? file.comments.map { ($0.line, $0.text[...]) } : file.numberedLines
            return texts.flatMap { line, text in
                text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, part in
                    let found = part.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
                    let isLoose =
                        found.contains(where: words.contains)
                        || zip(found, found.dropFirst()).contains { $0 == ("for", "now") }
                    guard isLoose else { return nil }
                    return Finding(path: file.path, line: line + index, message: "finish it, or open an issue")
                }
            }
        }
    )

    /// Written apart so that this file keeps the rule itself.
    private static let machinePaths = ["work/", "tmp/h/", "root/"].map { "/" + $0 }

    static let noMachinePaths = Rule(
        name: "no path of somebody's machine",
        bad: [
            Sample("Sources/A/A.swift", "// See \(machinePaths[0])main.\n"),
            Sample("Sources/A/A.swift", "let a = \"\(machinePaths[1])x\"\n"),
            Sample("tools/serve", "cd \(machinePaths[2])cairn\n"),
        ],
        good: [
            Sample("Sources/A/A.swift", "let a = \"/var/lib/work/x\"\n"),
            Sample("docs/a.md", "`/tmp/hello` and https://example.org/work/\n"),
        ],
        check: { file in
            file.numberedLines.filter { _, line in
                machinePaths.contains { path in
                    guard let range = line.firstRange(of: path) else { return false }
                    let before = line[..<range.lowerBound].last
                    return before.map { !$0.isLetter && !$0.isNumber && !"._-}".contains($0) } ?? true
                }
            }.map { Finding(path: file.path, line: $0.0, message: "a path of one machine means nothing on another") }
        }
    )
}

extension SourceFile {
    fileprivate var numberedLines: [(Int, Substring)] { lines.enumerated().map { ($0 + 1, $1) } }
}
