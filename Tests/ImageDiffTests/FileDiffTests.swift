// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ImageDiff
import Testing

@Suite struct FileDiffTests {
    @Test func everyAspectIsSeen() throws {
        let old = try FileTree([
            [
                .file("content", "one"), .file("mode", "m"), .file("owner", "o"), .link("target", to: "a"),
                .file("type", "t"), .file("same", "s"), .file("goes", "123"), .device("device", major: 1),
                .pipe("pipe"),
            ]
        ])
        let new = try FileTree([
            [
                .file("content", "two"), .file("mode", "m", mode: 0o4755), .file("owner", "o", owner: 9),
                .link("target", to: "b"), .link("type", to: "t"), .file("same", "s"), .file("comes", "12345"),
                .device("device", major: 2), .pipe("pipe"),
            ]
        ])
        #expect(
            differences(old, new) == [
                "+ comes", "~ content content", "~ device device", "- goes", "~ mode mode", "~ owner owner",
                "~ target target", "~ type type",
            ]
        )
        let diff = FileDiff(old, new, limit: 2)
        #expect(diff.changes.count == 2 && diff.total == 8 && diff.changed == 6)
        #expect(diff.addedBytes == 5 && diff.removedBytes == 3)
    }

    @Test func pathsAreInTheOrderOfTheTree() throws {
        let tree = try FileTree([
            [.file("b/z", ""), .file("b/a", ""), .file("a-b", ""), .file("a/c", ""), .file("B", "")]
        ])
        #expect(tree.paths == ["B", "a", "a/c", "a-b", "b", "b/a", "b/z"])
    }

    /// Random layers: what is said without the layers below is what is said with them, wherever it is said.
    @Test func layersBelowAreReadWhereTheyMatter() throws {
        var state: UInt64 = 42
        func pick(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        func path() -> String { (0...pick(2)).map { _ in ["a", "b"][pick(2)] }.joined(separator: "/") }
        func entry(_ path: String) -> Made {
            switch pick(12) {
            case 0: .whiteout(path)
            case 1: .opaque(path)
            case 2, 3: .directory(path + "/", mode: [0o755, 0o700][pick(2)])
            case 4: .hardLink(path, to: ["a", "b"][pick(2)])
            default: .file(path, ["x", "y"][pick(2)])
            }
        }
        var (decided, undecided, compared) = (0, 0, 0)
        for _ in 0..<4_000 {
            let base = (0...pick(2)).map { _ in (0...pick(3)).map { _ in entry(path()) } }
            let places = (0...pick(3)).map { _ in path() }
            // Mostly in the same places, so that both cases come up.
            let old = [places.map(entry)]
            let new = [places.map { entry(pick(6) == 0 ? path() : $0) }]
            // What makes no image compares with none.
            guard let first = try? FileTree(base + old), let second = try? FileTree(base + new),
                let above = try? FileTree(old, isComplete: false), let beside = try? FileTree(new, isComplete: false)
            else { continue }
            guard !above.needsLayersBelow(besides: beside) else {
                undecided += 1
                continue
            }
            decided += 1
            compared += differences(first, second).count
            #expect(differences(above, beside) == differences(first, second), "\(base) \(old) \(new)")
        }
        #expect(decided > 100 && undecided > 100 && compared > 100)
    }

    @Test func whenLayersBelowMatter() throws {
        func needed(_ old: [Made], _ new: [Made]) throws -> Bool {
            try FileTree([old], isComplete: false).needsLayersBelow(besides: FileTree([new], isComplete: false))
        }
        #expect(try !needed([.file("a", "1")], [.file("a", "2")]))
        #expect(try !needed([.whiteout("a")], [.file("a", "2")]))
        #expect(try !needed([], []))
        #expect(try needed([.file("a", "1")], []))
        #expect(try needed([.file("a", "1")], [.file("b", "1")]))
        #expect(try needed([.whiteout("a")], []))
        #expect(try needed([.directory("a/"), .opaque("a")], [.directory("a/")]))
        #expect(try needed([.file("a", "1")], [.directory("a/")]))
        #expect(try needed([.file("b", "1"), .hardLink("a", to: "c")], [.file("b", "1"), .file("a", "1")]))
    }

    @Test func whenLayersBelowMatterForPackages() throws {
        func needed(_ old: [Made], _ new: [Made]) throws -> Bool {
            try FileTree([old], isComplete: false)
                .needsLayersBelowForPackages(besides: FileTree([new], isComplete: false))
        }
        let status = "var/lib/dpkg/status"
        #expect(try !needed([.file("a", "1")], [.file("b", "2")]))
        #expect(try !needed([.file(status, "1")], [.file(status, "2")]))
        #expect(try needed([.file(status, "1")], [.file("b", "2")]))
        #expect(try needed([.file("var/lib/dpkg/status.d/curl", "1")], []))
        #expect(try needed([.whiteout("lib/apk")], []))
        #expect(try needed([.opaque("var")], [.directory("var/")]))
        #expect(try needed([.hardLink(status, to: "x")], [.file(status, "1")]))
    }
}
