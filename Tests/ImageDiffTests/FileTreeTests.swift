// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ImageDiff
import LayerSamples
import Testing

/// Layers laid over one another.
@Suite struct FileTreeTests {
    @Test func laterLayersReplaceAndKeep() throws {
        let tree = try FileTree([
            [.directory("a/"), .file("a/one", "1"), .file("a/two", "2")], [.file("./a/two", "22"), .file("/b", "b")],
        ])
        #expect(tree.paths == ["a", "a/one", "a/two", "b"])
        #expect(tree.entry(at: FilePath("a/two"))?.size == 2)
        #expect(tree.entry(at: FilePath("a"))?.mode == 0o755)
    }

    @Test func whiteoutsRemoveWhatIsBelow() throws {
        let base: [Made] = [.directory("a/"), .file("a/one", "1"), .file("a/two", "2"), .file("b", "b")]
        #expect(try FileTree([base, [.whiteout("a")]]).paths == ["b"])
        #expect(try FileTree([base, [.whiteout("a/one")]]).paths == ["a", "a/two", "b"])
        #expect(try FileTree([base, [.whiteout("c")]]).paths == ["a", "a/one", "a/two", "b"])
        #expect(try FileTree([base, [.whiteout("a")], [.file("a/three", "3")]]).paths == ["a", "a/three", "b"])
    }

    /// Whatever the order of the archive.
    @Test func whiteoutsSpareTheirOwnLayer() throws {
        let base: [Made] = [.directory("a/"), .file("a/one", "1")]
        let own: [Made] = [.directory("a/"), .file("a/new", "n")]
        #expect(try FileTree([base, [.opaque("a")] + own]).paths == ["a", "a/new"])
        #expect(try FileTree([base, own + [.opaque("a")]]).paths == ["a", "a/new"])
        #expect(try FileTree([base, own + [.whiteout("a")]]).paths == ["a", "a/new"])
        #expect(try FileTree([base, [.opaque("a")]]).paths == ["a"])
        #expect(try FileTree([base, [.file("a/.wh..wh.plnk", "")]]).paths == ["a", "a/one"])
    }

    @Test func typesChange() throws {
        let directory: [Made] = [.directory("a/"), .file("a/one", "1")]
        #expect(try FileTree([directory, [.file("a", "file")]]).paths == ["a"])
        let back = try FileTree([directory, [.file("a", "file")], [.directory("a/")]])
        #expect(back.paths == ["a"])
        #expect(back.entry(at: FilePath("a"))?.isDirectory == true)
        let implied = try FileTree([[.file("a", "file")], [.file("a/b/c", "c")]])
        #expect(implied.paths == ["a", "a/b", "a/b/c"])
        #expect(implied.entry(at: FilePath("a"))?.isDirectory == true)
        let twice = try FileTree([[.file("a", "file"), .file("a", "later"), .file("a/b", "c")]])
        #expect(twice.paths == ["a", "a/b"])
    }

    /// As with a merged `/usr`: what a layer has in `lib` is where the link leads.
    @Test func linkedDirectoriesAreFollowed() throws {
        let base: [Made] = [
            .directory("usr/"), .directory("usr/lib/"), .file("usr/lib/a", "1"), .link("lib", to: "usr/lib"),
        ]
        let tree = try FileTree([base, [.file("lib/b", "2"), .whiteout("lib/a")]])
        #expect(tree.paths == ["lib", "usr", "usr/lib", "usr/lib/b"])
        #expect(tree.entry(at: FilePath("lib"))?.isLink == true)
        let own = try FileTree([base + [.file("lib/b", "2")]])
        #expect(own.paths == ["lib", "usr", "usr/lib", "usr/lib/a", "usr/lib/b"])
        let replaced = try FileTree([base, [.directory("lib/"), .file("lib/b", "2")]])
        #expect(replaced.paths == ["lib", "lib/b", "usr", "usr/lib", "usr/lib/a"])
        let outside = try FileTree([[.link("l", to: "../../../etc")], [.file("l/x", "x")]])
        #expect(outside.paths == ["etc", "etc/x", "l"], "a link stays within the image")
    }

    @Test func linksInCirclesEnd() throws {
        let base: [Made] = [.link("a", to: "b"), .link("b", to: "a")]
        let error = #expect(throws: ImageDiffError.self) { try FileTree([base, [.file("a/x", "x")]]) }
        #expect(error?.code == .tooLarge)
    }

    @Test func hardLinksAreTheirFiles() throws {
        let plain = try FileTree([[.file("a", "same"), .file("b", "same")]])
        #expect(differences(plain, try FileTree([[.file("a", "same"), .hardLink("b", to: "a")]])) == [])
        #expect(differences(plain, try FileTree([[.file("a", "same")], [.hardLink("b", to: "./a")]])) == [])
        let chain: [Made] = [.file("a", "same"), .hardLink("b", to: "a"), .hardLink("c", to: "/b")]
        #expect(differences(plain, try FileTree([chain])) == ["+ c"])
        #expect(
            try FileTree([[.file("a", "1"), .hardLink("b", to: "a"), .file("b", "2")]]).entry(at: FilePath("b"))?.mode
                == 0o644
        )
    }

    @Test(arguments: ["../etc/shadow", "gone", "b", "dir", "a/../../x"])
    func hardLinksToNothingAreRefused(target: String) {
        let error = #expect(throws: ImageDiffError.self) {
            try FileTree([[.file("a", "1"), .directory("dir/"), .hardLink("b", to: target)]])
        }
        #expect(error?.code == .malformed)
    }

    @Test(arguments: ["../x", "a/../../x", "..", "a/..", ".wh.", "a/.wh...", "a/.wh.."])
    func pathsToTheOutsideAreRefused(path: String) {
        let error = #expect(throws: ImageDiffError.self) { try LayerTree([.file(path, "x")]) }
        #expect(error?.code == .malformed)
    }

    @Test func theRootIsADirectory() throws {
        #expect(try FileTree([[.directory("./", mode: 0o700)]]).entry(at: FilePath(""))?.mode == 0o700)
        #expect(throws: ImageDiffError.self) { try LayerTree([.file(".", "x")]) }
    }
}
