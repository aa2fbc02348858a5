// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// The body of an error answer.
struct ErrorReply: Decodable {
    struct Entry: Decodable {
        let code: String
        let message: String?
    }
    let errors: [Entry]
}

/// The body of a list of tags.
struct TagsReply: Decodable {
    let name: String
    let tags: [String]
}

/// The body of a list of repositories.
struct RepositoriesReply: Decodable {
    let repositories: [String]
}

/// The body of a list of referrers.
struct ReferrersReply: Decodable, Sendable {
    struct Entry: Decodable, Sendable {
        let mediaType: String?
        let digest: String?
        let size: Int?
        let artifactType: String?
        let annotations: [String: String]?
    }
    let schemaVersion: Int?
    let mediaType: String?
    let manifests: [Entry]

    /// The entry for a digest, if there is one.
    func entry(_ digest: some CustomStringConvertible) -> Entry? {
        manifests.first { $0.digest == digest.description }
    }
}

extension Response {
    /// The body as JSON of a shape; failing that, a failure that tells the shape.
    func decoded<Reply: Decodable>(_ type: Reply.Type, _ shape: String) throws -> Reply {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw failure(expected: shape, received: "a body that is not so")
        }
    }

    func tags() throws -> TagsReply {
        try decoded(TagsReply.self, "{\"name\": …, \"tags\": [ … ]}")
    }

    func referrers() throws -> ReferrersReply {
        try decoded(ReferrersReply.self, "an image index with `manifests`")
    }

    /// The codes of an error body.
    func errorCodes() throws -> [String] {
        try decoded(ErrorReply.self, "{\"errors\": [{\"code\": …}]}").errors.map(\.code)
    }

    /// That the error body names one of these codes.
    @discardableResult
    func expect(error codes: String...) throws -> Response {
        let received = try errorCodes()
        return try expect(
            received.contains { codes.contains($0) },
            "error code \(codes.joined(separator: " or "))",
            received: "error codes \(received)"
        )
    }

    /// The target of the `Link` to the next page, nil if there is none. A Link that is not well formed is a failure.
    func nextPage(_ locator: Locator) throws -> String? {
        guard let link = headers["Link"] else {
            return nil
        }
        guard link.hasPrefix("<"), let end = link.firstIndex(of: ">") else {
            throw failure(expected: "Link: <URL>; rel=\"next\"", received: "Link: \(link)")
        }
        let parameters = link[end...].dropFirst().replacing(" ", with: "").lowercased()
        guard parameters.split(separator: ";").contains(where: { $0 == "rel=\"next\"" || $0 == "rel=next" }) else {
            throw failure(expected: "Link: <URL>; rel=\"next\"", received: "Link: \(link)")
        }
        return locator.resolve(String(link[link.index(after: link.startIndex)..<end]), against: request.target)
    }
}

extension Session {
    /// All pages of a list, following `Link`.
    func pages(_ target: String) async throws -> [Response] {
        var pages: [Response] = []
        var next: String? = target
        while let target = next {
            let response = try await get(target).expect(status: 200)
            pages.append(response)
            guard pages.count <= Limits.pages else {
                throw response.failure(expected: "a last page", received: "more than \(Limits.pages) pages")
            }
            next = try response.nextPage(locator)
        }
        return pages
    }
}
