// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// end-7a with a subject: the registry says in OCI-Subject that it has taken note.
enum SubjectChecks {
    static var checks: [Check] {
        Digest.Algorithm.allCases.flatMap { algorithm in
            let check = CheckGroup(.push, "subject.\(algorithm.name)", reference: "end-7a, OCI-Subject")
            return [
                check("image-by-digest", "PUT by digest of an artifact with a subject answers with OCI-Subject") {
                    session in
                    let subject = try await session.storedImage(algorithm)
                    let document = try await artifact(session, algorithm, subject.descriptor())
                    try await session.put(document, as: document.digest.description)
                        .expect("OCI-Subject", is: subject.digest.description)
                },
                check("image-by-tag", "PUT by tag of an artifact with a subject answers with OCI-Subject") { session in
                    let subject = try await session.storedImage(algorithm)
                    let document = try await artifact(session, .sha256, subject.descriptor())
                    try await session.put(document, as: "artifact")
                        .expect("OCI-Subject", is: subject.digest.description)
                },
                check("index", "PUT of an index with a subject answers with OCI-Subject") { session in
                    let subject = try await session.storedImage(algorithm)
                    let json = Session.index([]).with("subject", subject.descriptor())
                        .with("annotations", .object([("nonce", .string(session.word()))]))
                    let document = try Document(json, MediaTypes.index, algorithm)
                    try await session.put(document, as: document.digest.description)
                        .expect("OCI-Subject", is: subject.digest.description)
                },
                check("missing-subject-201", "PUT of an artifact whose subject is not there answers 201") { session in
                    let subject = try Document(session.random(32), MediaTypes.image, algorithm)
                    let document = try await artifact(session, algorithm, subject.descriptor())
                    try await session.put(document, as: document.digest.description).expect(status: 201)
                },
                check(
                    "missing-subject-header",
                    "PUT of an artifact whose subject is not there answers with OCI-Subject"
                ) {
                    session in
                    let subject = try Document(session.random(32), MediaTypes.image, algorithm)
                    let document = try await artifact(session, algorithm, subject.descriptor())
                    try await session.put(document, as: document.digest.description)
                        .expect("OCI-Subject", is: subject.digest.description)
                },
                check("again", "The same PUT a second time answers with OCI-Subject again") { session in
                    let subject = try await session.storedImage(algorithm)
                    let document = try await artifact(session, algorithm, subject.descriptor())
                    try await session.store(document)
                    try await session.put(document, as: document.digest.description)
                        .expect("OCI-Subject", is: subject.digest.description)
                },
            ]
        }
    }

    private static func artifact(_ session: Session, _ algorithm: Digest.Algorithm, _ subject: JSONText) async throws
        -> Document
    {
        let json = try await session.artifactJSON("application/vnd.example.signature", subject: subject)
        return try Document(json, MediaTypes.image, algorithm)
    }
}
