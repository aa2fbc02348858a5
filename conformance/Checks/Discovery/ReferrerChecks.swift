// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-12: what refers to a manifest.
enum ReferrerChecks {
    static var checks: [Check] { Digest.Algorithm.allCases.flatMap { empty($0) + entries($0) + types($0) } + odd }

    static func target(_ digest: some CustomStringConvertible, _ repository: String, _ query: String = "") -> String {
        "/v2/\(repository)/referrers/\(digest)" + (query.isEmpty ? "" : "?\(query)")
    }

    private static func empty(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.discovery, "referrers.\(algorithm.name)", reference: "end-12a")
        return [
            check("unknown-200", "GET of the referrers of a manifest that is not there answers 200") { session in
                _ = try await session.sharedImage()
                try await session.get(target(try session.unknownDigest(algorithm), session.sharedRepository))
                    .expect(status: 200)
            },
            check("unknown-repository-200", "So it does in a repository that is not there") { session in
                try await session.get(target(try session.unknownDigest(algorithm), session.repository))
                    .expect(status: 200)
            },
            check(
                "zeros-200",
                "So it does for the digest of zeros by which clients find out",
                level: .client,
                reference: "oras, helm, notation"
            ) { session in
                let zeros = "\(algorithm.name):" + String(repeating: "0", count: algorithm.byteCount * 2)
                try await session.get(target(zeros, session.repository)).expect(status: 200)
            },
            check("empty-content-type", "The empty list is labelled exactly \(MediaTypes.index)") { session in
                try await session.get(target(try session.unknownDigest(algorithm), session.repository))
                    .expect("Content-Type", is: MediaTypes.index)
            },
            check("empty-index", "The empty list is an image index with no manifests") { session in
                let response = try await session.get(target(try session.unknownDigest(algorithm), session.repository))
                let index = try response.referrers()
                try response.expect(index.manifests.isEmpty, "[]", received: "\(index.manifests.count) manifests")
            },
        ]
    }

    /// A referrer, what was pushed for it, and the answer that lists it.
    private struct Listed: Sendable {
        let document: Document
        let response: Response
        let entry: ReferrersReply.Entry
    }

    /// Pushes a subject and a referrer and lists the referrers of the subject.
    private static func listed(
        _ session: Session,
        _ algorithm: Digest.Algorithm,
        _ make: (JSONText) async throws -> Document
    ) async throws -> Listed {
        let subject = try await session.storedImage(algorithm)
        let document = try await session.store(try await make(subject.descriptor()))
        let response = try await session.get(target(subject.digest, session.repository)).expect(status: 200)
        guard let entry = try response.referrers().entry(document.digest) else {
            throw response.failure(expected: "\(document.digest) in the list", received: "it is not there")
        }
        return Listed(document: document, response: response, entry: entry)
    }

    private static func signature(_ session: Session, _ algorithm: Digest.Algorithm) async throws -> Listed {
        try await listed(session, algorithm) { subject in
            let annotations: [(String, JSONText)] = [("org.example.by", "née 世界")]
            let json = try await session.artifactJSON(
                "application/vnd.example.signature",
                subject: subject,
                annotations: annotations
            )
            return try Document(json, MediaTypes.image, algorithm)
        }
    }

    private static func entries(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.discovery, "referrers.\(algorithm.name)", reference: "end-12a")
        return [
            check("listed", "A manifest with a subject is listed for it") { session in
                _ = try await signature(session, algorithm)
            },
            check("content-type", "The list is labelled exactly \(MediaTypes.index)") { session in
                try await signature(session, algorithm).response.expect("Content-Type", is: MediaTypes.index)
            },
            check("schema-version", "The list has schemaVersion 2") { session in
                let response = try await signature(session, algorithm).response
                let version = try response.referrers().schemaVersion
                try response.expect(version == 2, "schemaVersion 2", received: version.map(String.init) ?? "none")
            },
            check("index-media-type", "The list has the mediaType of an image index") { session in
                let response = try await signature(session, algorithm).response
                let type = try response.referrers().mediaType
                try response.expect(type == MediaTypes.index, MediaTypes.index, received: type ?? "none")
            },
            check("media-type", "An entry tells the referrer's media type") { session in
                let listed = try await signature(session, algorithm)
                let type = listed.entry.mediaType ?? "none"
                try listed.response.expect(type == MediaTypes.image, MediaTypes.image, received: type)
            },
            check("size", "An entry tells the referrer's size") { session in
                let listed = try await signature(session, algorithm)
                let (size, wanted) = (listed.entry.size ?? -1, listed.document.bytes.count)
                try listed.response.expect(size == wanted, "\(wanted)", received: "\(size)")
            },
            check("artifact-type", "An entry tells the referrer's artifactType") { session in
                let listed = try await signature(session, algorithm)
                let type = listed.entry.artifactType ?? "none"
                let wanted = "application/vnd.example.signature"
                try listed.response.expect(type == wanted, wanted, received: type)
            },
            check("annotations", "An entry has the referrer's annotations, all of them") { session in
                let listed = try await signature(session, algorithm)
                let annotations = listed.entry.annotations ?? [:]
                let isWhole = annotations["org.example.by"] == "née 世界" && annotations["org.example.nonce"] != nil
                try listed.response.expect(isWhole, "both annotations", received: "\(annotations)")
            },
            check("digest-pullable", "The digest of an entry leads to the referrer") { session in
                let listed = try await signature(session, algorithm)
                try await session.getManifest(listed.entry.digest ?? "none").expect(status: 200)
                    .expect(body: listed.document.bytes)
            },
        ]
    }

    private static func types(_ algorithm: Digest.Algorithm) -> [Check] {
        let check = CheckGroup(.discovery, "referrers.\(algorithm.name)", reference: "end-12a; image-spec")
        @Sendable func expectType(_ listed: Listed, _ wanted: String?) throws {
            let type = listed.entry.artifactType
            try listed.response.expect(type == wanted, wanted ?? "no artifactType", received: type ?? "none")
        }
        return [
            check("type-from-config", "Without artifactType, the config's media type stands for it") { session in
                let listed = try await listed(session, algorithm) { subject in
                    let config = try await session.store(try Blob(Array("{\"a\":1}".utf8), algorithm))
                    let json = Session.image(config: config.descriptor("application/vnd.example.config"), [])
                    return try Document(json.with("subject", subject), MediaTypes.image, algorithm)
                }
                try expectType(listed, "application/vnd.example.config")
            },
            check("index", "An index with a subject is listed with its media type") { session in
                let listed = try await listed(session, algorithm) { subject in
                    try Document(Session.index([]).with("subject", subject), MediaTypes.index, algorithm)
                }
                let type = listed.entry.mediaType ?? "none"
                try listed.response.expect(type == MediaTypes.index, MediaTypes.index, received: type)
            },
            check("index-with-type", "An index with artifactType is listed with it") { session in
                let listed = try await listed(session, algorithm) { subject in
                    let json = Session.index([]).with("artifactType", "application/vnd.example.set")
                    return try Document(json.with("subject", subject), MediaTypes.index, algorithm)
                }
                try expectType(listed, "application/vnd.example.set")
            },
            check("index-without-type", "An index without artifactType is listed without one") { session in
                let listed = try await listed(session, algorithm) { subject in
                    try Document(Session.index([]).with("subject", subject), MediaTypes.index, algorithm)
                }
                try expectType(listed, nil)
            },
            check("no-annotations", "A referrer without annotations is listed without any", level: .should) { session in
                let listed = try await listed(session, algorithm) { subject in
                    try Document(Session.index([]).with("subject", subject), MediaTypes.index, algorithm)
                }
                let count = listed.entry.annotations?.count ?? 0
                try listed.response.expect(count == 0, "no annotations", received: "\(count)")
            },
        ]
    }

    private static let check = CheckGroup(.discovery, "referrers", reference: "end-12a")

    private static let odd: [Check] = [
        check("bad-digest-400", "GET of the referrers of what is no digest answers 400") { session in
            _ = try await session.sharedImage()
            try await session.get(target("sha256:nonsense", session.sharedRepository)).expect(status: 400)
        },
        check("tag-400", "GET of the referrers of a tag answers 400") { session in
            _ = try await session.sharedImage()
            try await session.get(target(session.sharedTag(.sha256), session.sharedRepository)).expect(status: 400, 404)
        },
        check(
            "unknown-algorithm-400",
            "GET of the referrers of a digest of an unknown algorithm answers 400",
            edition: .development
        ) { session in
            _ = try await session.sharedImage()
            try await session.get(target("md5:d41d8cd98f00b204e9800998ecf8427e", session.sharedRepository))
                .expect(status: 400)
        },
        check("encoded-colon", "The digest's colon may be percent-encoded", level: .client, reference: "RFC 3986, 2.1")
        {
            session in
            let digest = try session.unknownDigest().description.replacing(":", with: "%3A")
            try await session.get(target(digest, session.repository)).expect(status: 200)
        },
        check("head-200", "HEAD of a list of referrers answers as GET does", level: .should, reference: "RFC 9110, 9.1")
        {
            session in
            try await session.head(target(try session.unknownDigest(), session.repository)).expect(status: 200)
        },
        check("post-refused", "POST to a list of referrers is refused", level: .should, reference: "RFC 9110, 15.5.6") {
            session in
            try await session.send("POST", target(try session.unknownDigest(), session.repository)).expectRefusal()
        },
    ]
}
