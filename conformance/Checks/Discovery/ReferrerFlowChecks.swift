// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-12: filters, pages, and what happens to the list as manifests come and go.
enum ReferrerFlowChecks {
    static var checks: [Check] { filters + flows }

    private static let filter = CheckGroup(.discovery, "referrers.filter", reference: "end-12b")
    private static let sbom = "application/vnd.example.sbom+json"
    private static let signature = "application/vnd.example.signature"

    private static func target(_ subject: Document, _ session: Session, _ query: String = "") -> String {
        ReferrerChecks.target(subject.digest, session.repository, query)
    }

    /// Pushes a referrer of a subject.
    @discardableResult
    private static func refer(_ session: Session, _ subject: Document, _ type: String?) async throws -> Document {
        let json = try await session.artifactJSON(type, subject: subject.descriptor())
        return try await session.store(try Document(json, MediaTypes.image))
    }

    /// A subject with two signatures and one bill of materials, and the answer to a filtered list.
    private static func filtered(_ session: Session, _ query: String) async throws -> Response {
        let subject = try await session.storedImage()
        for type in [signature, sbom, signature] { try await refer(session, subject, type) }
        return try await session.get(target(subject, session, query)).expect(status: 200)
    }

    private static func expectTypes(_ response: Response, _ wanted: [String]) throws {
        let types = try response.referrers().manifests.map { $0.artifactType ?? "none" }.sorted()
        try response.expect(types == wanted, "\(wanted)", received: "\(types)")
    }

    private static let filters: [Check] = [
        filter("only-matching", "artifactType=… lists the referrers of that type and no other") { session in
            try expectTypes(try await filtered(session, "artifactType=\(signature)"), [signature, signature])
        },
        filter("header", "A filtered list carries OCI-Filters-Applied: artifactType") { session in
            try await filtered(session, "artifactType=\(signature)").expect("OCI-Filters-Applied", is: "artifactType")
        },
        filter("none-matching", "A type that no referrer has gives an empty list") { session in
            try expectTypes(try await filtered(session, "artifactType=application/vnd.example.none"), [])
        },
        filter("none-matching-header", "That empty list carries OCI-Filters-Applied, too") { session in
            try await filtered(session, "artifactType=application/vnd.example.none")
                .expect("OCI-Filters-Applied", is: "artifactType")
        },
        filter("content-type", "A filtered list is labelled exactly \(MediaTypes.index)") { session in
            try await filtered(session, "artifactType=\(signature)").expect("Content-Type", is: MediaTypes.index)
        },
        filter("no-filter-no-header", "A list that was not filtered carries no OCI-Filters-Applied") { session in
            try await filtered(session, "").expect(noHeader: "OCI-Filters-Applied")
        },
        filter("no-filter-all", "Without a filter all types are listed") { session in
            try expectTypes(try await filtered(session, ""), [sbom, signature, signature])
        },
        filter(
            "encoded",
            "The type may be percent-encoded, its + included",
            level: .client,
            reference: "oras, regclient"
        ) {
            session in
            try expectTypes(try await filtered(session, "artifactType=\(sbom.percentEncoded)"), [sbom])
        },
        filter("type-from-config", "A filter finds the type that a config's media type stands for") { session in
            let subject = try await session.storedImage()
            let config = try await session.storedBlob(20)
            let json = Session.image(config: config.descriptor("application/vnd.example.by-config"), [])
                .with("subject", subject.descriptor())
            try await session.store(try Document(json, MediaTypes.image))
            try await refer(session, subject, signature)
            let response = try await session.get(
                target(subject, session, "artifactType=application/vnd.example.by-config")
            )
            try expectTypes(response, ["application/vnd.example.by-config"])
        },
    ]

    private static let flow = CheckGroup(.discovery, "referrers.flow", reference: "end-12a")

    private static func expectDigests(_ session: Session, _ subject: Document, _ wanted: [Document]) async throws {
        let response = try await session.get(target(subject, session)).expect(status: 200)
        let digests = try response.referrers().manifests.map { $0.digest ?? "none" }.sorted()
        let expected = wanted.map(\.digest.description).sorted()
        try response.expect(digests == expected, "\(expected)", received: "\(digests)")
    }

    private static let flows: [Check] = [
        flow("subject-later", "A referrer pushed before its subject is listed once the subject is there") { session in
            let subject = try Document(try await session.imageJSON(), MediaTypes.image)
            let referrer = try await refer(session, subject, signature)
            try await session.store(subject)
            try await expectDigests(session, subject, [referrer])
        },
        flow("subject-never", "A referrer whose subject never comes is listed all the same") { session in
            let subject = try Document(try await session.imageJSON(), MediaTypes.image)
            let referrer = try await refer(session, subject, signature)
            try await expectDigests(session, subject, [referrer])
        },
        flow("pushed-twice-once", "A referrer pushed twice is listed once") { session in
            let subject = try await session.storedImage()
            let referrer = try await refer(session, subject, signature)
            try await session.store(referrer)
            try await expectDigests(session, subject, [referrer])
        },
        flow("tagged-once", "A referrer that has tags is listed once") { session in
            let subject = try await session.storedImage()
            let referrer = try await refer(session, subject, signature)
            try await session.store(referrer, tag: "one")
            try await session.store(referrer, tag: "two")
            try await expectDigests(session, subject, [referrer])
        },
        flow("by-tag", "A referrer pushed by tag alone is listed") { session in
            let subject = try await session.storedImage()
            let json = try await session.artifactJSON(signature, subject: subject.descriptor())
            let referrer = try await session.store(try Document(json, MediaTypes.image), tag: "signature")
            try await expectDigests(session, subject, [referrer])
        },
        flow("repository-apart", "Referrers of another repository are not listed") { session in
            let subject = try await session.storedImage()
            let other = session.repository("other")
            let json = try await session.artifactJSON(signature, subject: subject.descriptor(), in: other)
            try await session.store(try Document(json, MediaTypes.image), in: other)
            try await expectDigests(session, subject, [])
        },
        flow("chain", "A referrer of a referrer is listed for that one only") { session in
            let subject = try await session.storedImage()
            let first = try await refer(session, subject, sbom)
            let second = try await refer(session, first, signature)
            try await expectDigests(session, subject, [first])
            try await expectDigests(session, first, [second])
        },
        flow("subject-index", "Referrers of an index are listed") { session in
            let index = try await session.store(
                try Document(Session.index([try await session.storedImage().descriptor()]), MediaTypes.index)
            )
            let referrer = try await refer(session, index, signature)
            try await expectDigests(session, index, [referrer])
        },
        flow("subject-blob-like", "The subject itself is not listed among its referrers") { session in
            let subject = try await session.storedImage(tag: "subject")
            try await expectDigests(session, subject, [])
        },
        flow("sixty-all-pages", "Sixty referrers are all listed, each once, over all pages") { session in
            let subject = try await session.storedImage()
            var wanted: Set<String> = []
            for _ in 0..<60 { wanted.insert(try await refer(session, subject, signature).digest.description) }
            let pages = try await session.pages(target(subject, session))
            let digests = try pages.flatMap { try $0.referrers().manifests.map { $0.digest ?? "none" } }
            let isWhole = digests.count == 60 && Set(digests) == wanted
            try pages[0].expect(isWhole, "60 referrers", received: "\(digests.count), \(Set(digests).count) distinct")
        },
        flow("same-time", "Referrers pushed at the same time are all listed") { session in
            let subject = try await session.storedImage()
            let referrers = try await withThrowingTaskGroup(of: Document.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await refer(session, subject, signature) }
                }
                return try await group.reduce(into: [Document]()) { $0.append($1) }
            }
            try await expectDigests(session, subject, referrers)
        },
        flow(
            "fallback-tag-once",
            "A referrer that an older client lists under the fallback tag too is listed once",
            level: .should,
            reference: "referrers tag schema, upgrade"
        ) { session in
            let subject = try await session.storedImage()
            let referrer = try await refer(session, subject, signature)
            let entry = referrer.descriptor([("artifactType", .string(signature))])
            let fallback = try Document(Session.index([entry]), MediaTypes.index)
            try await session.store(fallback, tag: "sha256-\(subject.digest.hex)")
            try await expectDigests(session, subject, [referrer])
        },
        flow(
            "fallback-tag-readable",
            "The fallback tag of older clients can be pushed and pulled",
            level: .client,
            reference: "referrers tag schema"
        ) { session in
            let subject = try await session.storedImage()
            let tag = "sha256-\(subject.digest.hex)"
            let fallback = try await session.store(try Document(Session.index([]), MediaTypes.index), tag: tag)
            try await session.getManifest(tag).expect(status: 200).expect(body: fallback.bytes)
        },
    ]
}
