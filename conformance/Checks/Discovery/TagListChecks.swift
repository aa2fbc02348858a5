// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// end-8: listing tags, whole and in pages.
enum TagListChecks {
    static let checks: [Check] = whole + paged + odd

    private static let check = CheckGroup(.discovery, "tags", reference: "end-8a")
    private static let page = CheckGroup(.discovery, "tags.page", reference: "end-8b")

    /// Tags in an order that no reading of "lexical" disputes.
    private static let names = ["a1", "a2", "b1", "b2", "c1", "c2", "d1"]

    private static func target(_ session: Session, _ query: String = "") -> String {
        "/v2/\(session.repository)/tags/list" + (query.isEmpty ? "" : "?\(query)")
    }

    /// A repository with the seven tags, put in another order.
    private static func tagged(_ session: Session) async throws {
        let document = try await session.storedImage()
        for name in ["c2", "a1", "d1", "b2", "a2", "c1", "b1"] {
            try await session.store(document, tag: name)
        }
    }

    /// The answer to listing them.
    private static func list(_ session: Session, _ query: String = "") async throws -> Response {
        try await tagged(session)
        return try await session.get(target(session, query))
    }

    private static let whole: [Check] = [
        check("200", "GET of the tags of a repository answers 200") { session in
            try await list(session).expect(status: 200)
        },
        check("content-type", "The list is labelled application/json", level: .should) { session in
            let type = try await list(session).expect(header: "Content-Type")
            try await session.get(target(session)).expect(
                type.hasPrefix("application/json"),
                "application/json",
                received: type
            )
        },
        check("name", "The list names the repository in `name`") { session in
            let response = try await list(session)
            let name = try response.tags().name
            try response.expect(name == session.repository, session.repository, received: name)
        },
        check("complete", "The list has every tag") { session in
            let response = try await list(session)
            let tags = try response.tags().tags
            try response.expect(Set(tags).isSuperset(of: names), "\(names)", received: "\(tags)")
        },
        check("nothing-else", "The list has nothing but the tags, each once") { session in
            let response = try await list(session)
            let tags = try response.tags().tags
            try response.expect(tags.count == names.count, "\(names.count) tags", received: "\(tags)")
        },
        check("order", "The list is in lexical order") { session in
            let response = try await list(session)
            let tags = try response.tags().tags
            try response.expect(tags == names, "\(names)", received: "\(tags)")
        },
        check(
            "order-case",
            "Tags of both cases are in lexical or in ASCII order",
            edition: .development,
            reference: "end-8a*"
        ) { session in
            let document = try await session.storedImage()
            for name in ["b", "C", "a", "B2", "_x"] { try await session.store(document, tag: name) }
            let response = try await session.get(target(session))
            let tags = try response.tags().tags
            let ascii = ["B2", "C", "_x", "a", "b"]
            let isOrdered = tags == ascii || tags == tags.sorted { $0.lowercased() < $1.lowercased() }
            try response.expect(isOrdered, "\(ascii), or without regard to case", received: "\(tags)")
        },
        check("by-digest-not-listed", "A manifest put by digest alone adds no tag") { session in
            try await session.store(try await session.storedImage(), tag: "only")
            _ = try await session.storedImage()
            let response = try await session.get(target(session))
            let tags = try response.tags().tags
            try response.expect(tags == ["only"], "[only]", received: "\(tags)")
        },
        check("moved-once", "A tag that has moved is listed once") { session in
            _ = try await session.storedImage(tag: "moving")
            _ = try await session.storedImage(tag: "moving")
            let response = try await session.get(target(session))
            let tags = try response.tags().tags
            try response.expect(tags == ["moving"], "[moving]", received: "\(tags)")
        },
        check("fresh", "A tag is listed as soon as its push is answered", level: .should) { session in
            let document = try await session.storedImage()
            for index in 0..<5 {
                try await session.store(document, tag: "t\(index)")
                let response = try await session.get(target(session))
                let tags = try response.tags().tags
                try response.expect(tags.contains("t\(index)"), "t\(index) in the list", received: "\(tags)")
            }
        },
        check("no-tags-array", "A repository without tags answers with an empty array, or 404", level: .should) {
            session in
            _ = try await session.storedImage()
            let response = try await session.get(target(session)).expect(status: 200, 404)
            guard response.status == 200 else { return }
            let tags = try response.tags().tags
            try response.expect(tags.isEmpty, "[]", received: "\(tags)")
        },
        check("unknown-404", "GET of the tags of a repository that is not there answers 404") { session in
            try await session.get(target(session)).expect(status: 404)
        },
        check("unknown-code", "The 404 names NAME_UNKNOWN", level: .should, reference: "errors") { session in
            try await session.get(target(session)).expect(error: "NAME_UNKNOWN")
        },
        check("repositories-apart", "The tags of a repository are not those of one below it") { session in
            try await session.store(try await session.storedImage(), tag: "upper")
            _ = try await session.storedImage(tag: "lower", in: session.repository("below"))
            let response = try await session.get(target(session))
            let tags = try response.tags().tags
            try response.expect(tags == ["upper"], "[upper]", received: "\(tags)")
        },
    ]

    private static let paged: [Check] = [
        page("n-limits", "n=3 answers with three tags") { session in
            let response = try await list(session, "n=3").expect(status: 200)
            let tags = try response.tags().tags
            try response.expect(tags == ["a1", "a2", "b1"], "[a1, a2, b1]", received: "\(tags)")
        },
        page("n-link", "A page that is not the last carries Link with rel=next") { session in
            let response = try await list(session, "n=3")
            let next = try response.nextPage(session.locator)
            try response.expect(next != nil, "Link: <…>; rel=\"next\"", received: "no Link")
        },
        page("link-next-page", "The Link leads to the tags that follow") { session in
            let response = try await list(session, "n=3")
            guard let next = try response.nextPage(session.locator) else {
                throw response.failure(expected: "Link", received: "no Link")
            }
            let second = try await session.get(next).expect(status: 200)
            let tags = try second.tags().tags
            try second.expect(tags.first == "b2" && tags.count <= 3, "[b2, c1, c2]", received: "\(tags)")
        },
        page("all-pages", "All pages of two tags make up the list, each tag once") { session in
            try await tagged(session)
            let pages = try await session.pages(target(session, "n=2"))
            let tags = try pages.flatMap { try $0.tags().tags }
            try pages[0].expect(tags == names, "\(names)", received: "\(tags)")
        },
        page("last-page-no-link", "The last page carries no Link") { session in
            try await list(session, "n=3&last=c2").expect(status: 200).expect(noHeader: "Link")
        },
        page("n-larger-no-link", "n greater than the number of tags answers with all, and no Link") { session in
            let response = try await list(session, "n=100")
            try response.expect(noHeader: "Link")
            let tags = try response.tags().tags
            try response.expect(tags == names, "\(names)", received: "\(tags)")
        },
        page("n-zero-empty", "n=0 answers with an empty list") { session in
            let response = try await list(session, "n=0").expect(status: 200)
            let tags = try response.tags().tags
            try response.expect(tags.isEmpty, "[]", received: "\(tags)")
        },
        page("n-zero-no-link", "n=0 answers without Link") { session in
            try await list(session, "n=0").expect(status: 200).expect(noHeader: "Link")
        },
        page("last-and-n", "n=2&last=b1 answers with the two tags after b1") { session in
            let response = try await list(session, "n=2&last=b1")
            let tags = try response.tags().tags
            try response.expect(tags == ["b2", "c1"], "[b2, c1]", received: "\(tags)")
        },
        page("last-alone", "last=b2 without n answers with all tags after b2") { session in
            let response = try await list(session, "last=b2")
            let tags = try response.tags().tags
            try response.expect(tags == ["c1", "c2", "d1"], "[c1, c2, d1]", received: "\(tags)")
        },
        page("last-between", "`last` need not be a tag that exists") { session in
            let response = try await list(session, "n=2&last=b11")
            let tags = try response.tags().tags
            try response.expect(tags == ["b2", "c1"], "[b2, c1]", received: "\(tags)")
        },
        page("last-is-last", "After the last tag the list is empty") { session in
            let response = try await list(session, "last=d1").expect(status: 200)
            let tags = try response.tags().tags
            try response.expect(tags.isEmpty, "[]", received: "\(tags)")
        },
        page("parameter-order", "`last` may stand before `n`", level: .client) { session in
            let response = try await list(session, "last=b1&n=2")
            let tags = try response.tags().tags
            try response.expect(tags == ["b2", "c1"], "[b2, c1]", received: "\(tags)")
        },
        page("growing", "A tag set behind the page that was read appears on a later page", level: .should) { session in
            let first = try await list(session, "n=4")
            guard let next = try first.nextPage(session.locator) else {
                throw first.failure(expected: "Link", received: "no Link")
            }
            try await session.store(try await session.storedImage(), tag: "c11")
            let tags = try await session.pages(next).flatMap { try $0.tags().tags }
            try first.expect(tags == ["c1", "c11", "c2", "d1"], "[c1, c11, c2, d1]", received: "\(tags)")
        },
    ]

    private static let odd: [Check] = [
        page("n-negative", "n=-1 is refused or ignored, and is no error of the server", level: .should) { session in
            try await list(session, "n=-1").expect(status: 200, 400)
        },
        page("n-word", "n=many is refused or ignored, and is no error of the server", level: .should) { session in
            try await list(session, "n=many").expect(status: 200, 400)
        },
        page("n-overflow", "n beyond any 64-bit number is refused or ignored", level: .should) { session in
            try await list(session, "n=99999999999999999999999").expect(status: 200, 400)
        },
        page(
            "n-huge",
            "n=1000000000 answers with the tags there are, or is refused",
            level: .should,
            reference: "CVE-2023-2253"
        ) { session in
            let response = try await list(session, "n=1000000000").expect(status: 200, 400)
            guard response.status == 200 else { return }
            let tags = try response.tags().tags
            try response.expect(tags == names, "\(names)", received: "\(tags)")
        },
        check("post-refused", "POST to the list of tags is refused", level: .should, reference: "RFC 9110, 15.5.6") {
            session in
            try await tagged(session)
            try await session.send("POST", target(session)).expectRefusal()
        },
        check("405-allow", "A 405 names the methods that are allowed", reference: "RFC 9110, 15.5.6") { session in
            try await tagged(session)
            let response = try await session.delete(target(session)).expectRefusal()
            if response.status == 405 { try response.expect(header: "Allow") }
        },
        check(
            "head",
            "HEAD of the list of tags answers with the status of GET",
            level: .should,
            reference: "RFC 9110, 9.1"
        ) { session in
            try await tagged(session)
            try await session.head(target(session)).expect(status: 200)
        },
    ]
}
