// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The list of repositories, which the specification reserves as an extension and Docker's API has always had. A
/// registry that does not offer it answers 404 or 401.
enum CatalogChecks {
    private static let check = CheckGroup(
        .discovery,
        "catalog",
        reference: "_catalog: docker registry API, regclient, skopeo",
        level: .client
    )

    /// The answer to a query, if the registry has the list at all.
    private static func list(_ session: Session, _ query: String) async throws -> Response {
        let response = try await session.get("/v2/_catalog" + query).expect(status: 200, 401, 403, 404, 405)
        guard response.status == 200 else {
            throw NotApplicable(reason: "the registry lists no repositories: \(response.status)")
        }
        return response
    }

    private static func names(_ response: Response) throws -> [String] {
        try response.decoded(RepositoriesReply.self, "{\"repositories\": [ … ]}").repositories
    }

    static let checks: [Check] = [
        check("shape", "The list of repositories is {\"repositories\": […]}") { session in
            _ = try await session.sharedImage()
            _ = try names(try await list(session, ""))
        },
        check("has-pushed", "A repository that was pushed to is in the list") { session in
            _ = try await session.storedImage(tag: "listed")
            let response = try await list(session, "?n=10&last=\(String(session.repository.dropLast()).percentEncoded)")
            let names = try names(response)
            try response.expect(names.contains(session.repository), session.repository, received: "\(names)")
        },
        check("n-limits", "n=1 answers with one repository") { session in
            _ = try await session.storedImage(tag: "listed")
            let response = try await list(session, "?n=1")
            let count = try names(response).count
            try response.expect(count == 1, "one repository", received: "\(count)")
        },
        check("link", "A page that is not the last carries Link with rel=next") { session in
            _ = try await session.storedImage(tag: "one")
            _ = try await session.storedImage(tag: "two", in: session.repository("second"))
            let response = try await list(session, "?n=1")
            let next = try response.nextPage(session.locator)
            try response.expect(next != nil, "Link: <…>; rel=\"next\"", received: "no Link")
        },
        check("link-advances", "The next page begins after the last repository of this one") { session in
            _ = try await session.storedImage(tag: "one")
            _ = try await session.storedImage(tag: "two", in: session.repository("second"))
            let before = String(session.repository.dropLast()).percentEncoded
            let first = try await list(session, "?n=1&last=\(before)")
            guard let next = try first.nextPage(session.locator) else {
                throw first.failure(expected: "Link", received: "no Link")
            }
            let second = try await session.get(next).expect(status: 200)
            let (one, two) = (try names(first), try names(second))
            try second.expect(Set(one).isDisjoint(with: two), "other than \(one)", received: "\(two)")
        },
    ]
}
