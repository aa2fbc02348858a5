// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The four categories of the distribution specification.
enum Category: String, Sendable, CaseIterable, Codable {
    case pull, push, discovery, management
}

/// The edition of the specification that a check needs, so that a registry of the released edition
/// can be judged without what was merged later.
enum Edition: String, Sendable, CaseIterable, Codable {
    /// Release 1.1.1.
    case released = "1.1"
    /// Merged after 1.1.1.
    case development = "1.1+dev"
}

/// Why a registry should pass a check.
enum Level: String, Sendable, CaseIterable, Codable {
    /// The specification, or the RFC it rests on, says MUST.
    case must
    /// The specification says SHOULD, or leaves it open and every sound registry does it.
    case should
    /// A client in wide use breaks, or falls back to something worse, without it.
    case client
}

/// One named, counted, independent assertion about a registry.
///
/// A check brings its own content under a repository of its own, so that it neither needs nor
/// disturbs another one, and it fails for one reason: what its `claim` says is not so.
struct Check: Sendable {
    /// For instance `push.chunked.sha512.out-of-order-put-416`; the first part is the category. It is
    /// also a valid path component, and thereby names the repository that the check works in.
    let id: String
    let category: Category
    let edition: Edition
    let level: Level
    /// What is expected, as a sentence.
    let claim: String
    /// Endpoint of the specification, RFC section, or client that asks for it.
    let reference: String
    let body: @Sendable (Session) async throws -> Void
}

/// Makes the checks of one group, which share the beginning of their ids and their reference.
struct CheckGroup: Sendable {
    let category: Category
    let name: String
    let reference: String
    var edition = Edition.released
    var level = Level.must

    init(
        _ category: Category,
        _ name: String,
        reference: String,
        edition: Edition = .released,
        level: Level = .must
    ) {
        self.category = category
        self.name = name
        self.reference = reference
        self.edition = edition
        self.level = level
    }

    /// One check of the group; `level`, `edition` and `reference` differ from the group's where given.
    func callAsFunction(
        _ suffix: String,
        _ claim: String,
        level: Level? = nil,
        edition: Edition? = nil,
        reference: String? = nil,
        body: @escaping @Sendable (Session) async throws -> Void
    ) -> Check {
        Check(
            id: "\(category.rawValue).\(name).\(suffix)",
            category: category,
            edition: edition ?? self.edition,
            level: level ?? self.level,
            claim: claim,
            reference: reference ?? self.reference,
            body: body
        )
    }
}
