// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Testing

@Suite struct ScopeTests {
    @Test func readsResourcesOfEachKind() throws {
        let items = try Scope.parse("repository:team/app:pull,push registry:catalog:* repository(plugin):a:pull")
        #expect(items.map(\.type) == ["repository", "registry", "repository"])
        #expect(items.map(\.name) == ["team/app", "catalog", "a"])
        #expect(items.map(\.actions) == [["pull", "push"], ["*"], ["pull"]])
        #expect(items.map(\.class) == [nil, nil, "plugin"])
    }

    @Test(
        arguments: [
            "repository:a:pull", "repository:host:5000/team/app:pull,push,delete", "repository:Host.Example/app:pull",
            "repository(plugin):team/app:*", "registry:catalog:*", "registry:audit:audit", "x1:a__b/c-d.e:z",
            "repository:localhost:5000/a:pull,pull",
        ]
    )
    func writesWhatItRead(text: String) throws {
        let items = try Scope.parse(text)
        #expect(items.map(\.description) == [text])
        #expect(try Scope.parse(items[0].description) == items)
    }

    @Test(
        arguments: [
            "repository", "repository:a", "repository::pull", ":a:pull", "repository:a:", "repository:a:pull,",
            "repository:a:,pull", "repository:a:Pull", "repository:a:pull-by-tag", "Repository:a:pull",
            "repository():a:pull", "repository(a:b:pull", "repository(a)b:c:pull", "(a):b:pull", "repository:A:pull",
            "repository:a b:pull", "repository:../a:pull", "repository:a//b:pull", "repository:/a:pull",
            "repository:a/:pull", "repository:host:port/a:pull", "repository:host:1:2/a:pull",
            "repository:host:/a:pull",
            "repository:-h/a:pull", "repository:h..x/a:pull", "repository:host:5000:pull", "repository:a:pull\nx",
            "repository:host:123456/a:pull", "repository:é:pull", "repository:a:**", "repository:a:pull\u{0}",
        ]
    )
    func refuses(text: String) {
        #expect(refused { () throws(AccessError) in try Scope.parse(text) }?.code == .invalidScope)
    }

    @Test func blanksSeparate() throws {
        #expect(try Scope.parse("").isEmpty)
        #expect(try Scope.parse("   ").isEmpty)
        #expect(try Scope.parse(" repository:a:pull  repository:b:pull ").map(\.name) == ["a", "b"])
    }

    @Test func isBounded() throws {
        let most = Array(repeating: "repository:a:pull", count: Scope.itemsLimit).joined(separator: " ")
        #expect(try Scope.parse(most).count == Scope.itemsLimit)
        #expect(refused { () throws(AccessError) in try Scope.parse(most + " repository:a:pull") } != nil)
        let longest = "repository:a:" + String(repeating: "p", count: Scope.bytesLimit - 13)
        #expect(try Scope.parse(longest).count == 1)
        #expect(refused { () throws(AccessError) in try Scope.parse(longest + "p") } != nil)
        #expect(refused { () throws(AccessError) in try Scope.parse(String(repeating: " ", count: 8193)) } != nil)
    }

    @Test func errorsAreSafeToPrint() {
        let error = refused { () throws(AccessError) in try Scope.parse("repository:\u{1B}[2J:pull") }
        #expect(error?.reason == #"the scope 'repository:\u{1b}[2J:pull' has no name of a resource"#)
    }

    @Test func wordsStandForActions() throws {
        func actions(_ words: String) throws -> [Action] {
            try Scope.parse("repository:a:\(words)").flatMap { item in
                let words = item.actions.map { Scope.Item.actions(word: $0) }
                return words.reduce(into: ActionSet()) { $0.formUnion($1) }.actions
            }
        }
        #expect(try actions("pull") == [.pull, .pullByTag])
        #expect(try actions("push") == [.push, .overwrite, .sign])
        #expect(try actions("delete") == [.delete])
        #expect(try actions("*") == Action.allCases)
        #expect(try actions("promote,pull") == [.pull, .pullByTag, .promote])
        #expect(try actions("fly").isEmpty)
    }
}
