// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import ImageDiff
import OCI
import Testing

/// Configurations, layers' lists, package databases and inventories.
@Suite struct DocumentTests {
    static func configuration(_ config: String, rest: String = "") throws(ImageDiffError) -> ImageConfiguration {
        try ImageConfiguration(
            parsing: Array((#"{"os":"linux","architecture":"amd64","config":{"# + config + "}\(rest)}").utf8)
        )
    }

    @Test func configurationsDiffer() throws {
        let old = try Self.configuration(
            #""Entrypoint":["/a"],"Env":["A=1","B=x=y","GONE"],"User":"1","ExposedPorts":{"80":{}},"Labels":{"l":"1"}"#
        )
        let new = try Self.configuration(
            #""Entrypoint":["/a","-b"],"Env":["B=x=y","A=2","NEW="],"User":"","WorkingDir":"/w","Labels":{"l":"2"}"#
        )
        #expect(
            ValueChange.between(old.values, new.values) == [
                ValueChange("entrypoint", old: #"["/a"]"#, new: #"["/a","-b"]"#),
                ValueChange("user", old: "1", new: nil),
                ValueChange("env", "A", old: "1", new: "2"), ValueChange("env", "GONE", old: "", new: nil),
                ValueChange("port", "80", old: "", new: nil), ValueChange("label", "l", old: "1", new: "2"),
                ValueChange("workdir", old: nil, new: "/w"), ValueChange("env", "NEW", old: nil, new: ""),
            ]
        )
        #expect(ValueChange.between(old.values, old.values) == [])
        #expect(try Self.configuration("").values == [])
    }

    @Test(arguments: [
        #""Env":"A=1""#, #""Env":[1]"#, #""Labels":{"a":1}"#, #""Labels":[]"#, #""User":1"#, #""ExposedPorts":[]"#,
    ])
    func configurationsOfAnotherFormAreRefused(config: String) {
        let error = #expect(throws: ImageDiffError.self) { try Self.configuration(config) }
        #expect(error?.code == .malformed)
    }

    @Test func commandsBelongToLayers() throws {
        let history = #","history":[{"created_by":"ADD"},{"created_by":"ENV","empty_layer":true},{"created_by":"RUN"}]"#
        let configuration = try Self.configuration("", rest: history)
        #expect(configuration.commands(layers: 2) == ["ADD", "RUN"])
        #expect(configuration.commands(layers: 3) == [nil, nil, nil])
    }

    @Test func layersSideBySide() throws {
        func layer(_ name: String) throws -> Descriptor {
            Descriptor(
                mediaType: .imageLayerGzip,
                digest: try Digest.of(Array(name.utf8)),
                size: Int64(name.utf8.count)
            )
        }
        let (a, b, c) = (try layer("a"), try layer("bb"), try layer("ccc"))
        let diff = LayerDiff([a, b], ["A", "B"], [a, c], [nil, "C"])
        #expect(diff.shared.map(\.size) == [1] && diff.common == 1 && !diff.isReordered)
        #expect(diff.removed.map(\.command) == ["B"] && diff.added.map(\.command) == ["C"])
        #expect(LayerDiff([a, b], [nil, nil], [b, a], [nil, nil]).isReordered)
        #expect(LayerDiff([a, b], [nil, nil], [a, b], [nil, nil]).isEmpty)
        #expect(LayerDiff([b, a], [nil, nil], [c, a], [nil, nil]).common == 0)
    }

    @Test func databasesAreRead() throws {
        func list(_ made: [[Made]]) throws -> (PackageList, [String]) {
            var tree = FileTree(isComplete: true)
            var contents: [SHA256Hash: [UInt8]] = [:]
            for layer in made {
                let layer = try LayerTree(layer)
                contents.merge(layer.databases) { $1 }
                try tree.apply(layer)
            }
            var notes: [String] = []
            return (try PackageList(of: tree, contents: contents, notes: &notes), notes)
        }
        let status = """
            Package: a
            Status: install ok installed
            Version: 1:2-3
            Description: text
             Package: no

            Package: gone
            Status: deinstall ok config-files
            Version: 1

            Package: b
            Status: install ok installed
            Version: 2
            """
        let (old, notes) = try list([[.file("var/lib/dpkg/status", status)]])
        #expect(old.versions == [PackageList.Name("deb", "a"): ["1:2-3"], PackageList.Name("deb", "b"): ["2"]])
        #expect(notes == [])
        let (new, rpm) = try list([
            [
                .file("var/lib/dpkg/status", "wrong"), .file("var/lib/dpkg/status.d/a", "Package: a\nVersion: 9\n"),
                .file("lib/apk/db/installed", "C:x\nP:musl\nV:1.2\n\nP:zlib\nV:3\nF:lib\n"),
                .file("var/lib/rpm/rpmdb.sqlite", "x"),
            ], [.whiteout("var/lib/dpkg/status")],
        ])
        #expect(rpm.count == 1 && rpm[0].contains("rpmdb.sqlite"))
        let diff = PackageDiff(old, new, source: "databases")
        #expect(
            diff.changes.map { "\($0.name.kind) \($0.name.name) \($0.old) \($0.new)" } == [
                #"apk musl [] ["1.2"]"#, #"apk zlib [] ["3"]"#, #"deb a ["1:2-3"] ["9"]"#, #"deb b ["2"] []"#,
            ]
        )
        #expect((diff.added, diff.removed, diff.changed) == (2, 1, 1))
    }

    @Test func inventoriesAreRead() throws {
        let spdx = try JSONValue(
            parsing: Array(
                #"""
                {"packages":[{"name":"image","primaryPackagePurpose":"CONTAINER","versionInfo":"x"},
                {"name":"openssl","versionInfo":"3","externalRefs":[{"referenceType":"purl",
                "referenceLocator":"pkg:deb/debian/openssl@3"}]},{"name":"plain"},
                {"name":"openssl","versionInfo":"1","externalRefs":[{"referenceType":"purl",
                "referenceLocator":"pkg:deb/x"}]}]}
                """#.utf8
            )
        )
        var first = PackageList()
        try first.add(spdx: spdx)
        #expect(
            first.versions == [PackageList.Name("deb", "openssl"): ["3", "1"], PackageList.Name("", "plain"): [""]]
        )
        let cyclonedx = try JSONValue(
            parsing: Array(
                #"""
                {"components":[{"name":"core","group":"org.x","version":"2","purl":"pkg:maven/org.x/core@2",
                "components":[{"name":"inner","version":"1"}]},{"name":"f","type":"file","version":"1"}]}
                """#.utf8
            )
        )
        var second = PackageList()
        try second.add(cyclonedx: cyclonedx)
        #expect(
            second.versions == [PackageList.Name("maven", "org.x/core"): ["2"], PackageList.Name("", "inner"): ["1"]]
        )
    }

    @Test func platformsSideBySide() throws {
        let (a, b) = (try Digest.of([1]), try Digest.of([2]))
        let diff = PlatformDiff([("linux/amd64", a), ("linux/arm64", a)], [("linux/amd64", b), ("linux/s390x", a)])
        #expect(diff.rows.map(\.platform) == ["linux/amd64", "linux/arm64", "linux/s390x"])
        #expect(!diff.isEmpty && diff.rows[1].new == nil)
        #expect(PlatformDiff([("linux/amd64", a)], [("linux/amd64", a)]).isEmpty)
    }
}
