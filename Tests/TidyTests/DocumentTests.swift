// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing

/// Documents that must say what the code does.
struct DocumentTests {
    /// The pieces of paths in a file that makes paths: `"/meta/registry.db"`, `"\(root)/blobs/\(digest)"`.
    static func pathPieces(_ layout: SourceFile) -> [String] {
        layout.code.filter { $0.kind == .string }.flatMap { $0.text.split(separator: "/") }.map(String.init)
            .filter { $0.count > 1 }
    }

    @Test func theStorageLayoutIsDescribed() throws {
        guard let text = Checkout.text("Sources/Content/Layout.swift") else { return }
        let pieces = Self.pathPieces(SourceFile(path: "Sources/Content/Layout.swift", text: text))
        #expect(pieces.contains("blobs") && pieces.contains("BALLAST"))
        let document = try #require(Checkout.text("storage-layout.md"), "storage-layout.md describes the layout")
        for piece in pieces {
            #expect(document.firstRange(of: piece) != nil, "storage-layout.md does not mention \(piece)")
        }
    }

    @Test func pathPiecesAreFound() {
        let text = "let a = root + \"/meta/registry.db\"  // \"/not/this\"\nlet b = \"\\(root)/blobs/\\(x.name).new\"\n"
        let pieces = Self.pathPieces(SourceFile(path: "Layout.swift", text: text))
        #expect(pieces == ["meta", "registry.db", "blobs", ".new"])
    }

    /// Names of metrics in string literals, and in the table of a document.
    static func metrics(_ files: [SourceFile]) -> Set<String> {
        Set(files.flatMap(\.code).filter { $0.kind == .string && isMetric($0.text[...]) }.map(\.text))
    }

    static func metrics(_ document: String) -> Set<String> {
        Set(document.split(separator: "`").filter(isMetric).map(String.init))
    }

    private static func isMetric(_ text: Substring) -> Bool {
        text.hasPrefix("cairn_") && text != "cairn_"
            && text.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (0x61...0x7a).contains($0) }
    }

    @Test func theMetricsAreDescribed() throws {
        let known = Self.metrics(Checkout.swift.filter { $0.path.hasPrefix("Sources/") })
        let described = Self.metrics(try #require(Checkout.text("docs/metrics.md")))
        for name in known.subtracting(described) { Issue.record("docs/metrics.md does not mention \(name)") }
        for name in described.subtracting(known) { Issue.record("docs/metrics.md mentions \(name), which is gone") }
    }

    @Test func metricNamesAreFound() {
        let file = SourceFile(
            path: "A.swift",
            text: "Counter(label: \"cairn_a_total\") // \"cairn_b\"\nlet c = \"cairn_C d\""
        )
        #expect(Self.metrics([file]) == ["cairn_a_total"])
        #expect(Self.metrics("| `cairn_a_total` | cairn_b | `x` `cairn_d` |") == ["cairn_a_total", "cairn_d"])
    }
}
