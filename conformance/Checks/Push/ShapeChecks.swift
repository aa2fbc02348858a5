// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Every shape of manifest that builders and artifact tools push is accepted and comes back byte for byte, under the
/// media type that it was pushed with.
enum ShapeChecks {
    static var checks: [Check] {
        Digest.Algorithm.allCases.flatMap { algorithm in
            (Shapes.images + Shapes.indexes + Shapes.docker + Shapes.artifacts).map { shape in
                let check = CheckGroup(.push, "shape.\(algorithm.name)", reference: shape.reference, level: shape.level)
                return check(
                    shape.name,
                    "\(shape.what) is accepted and comes back byte for byte, under its media type",
                    edition: shape.edition
                ) { session in
                    let document = try await shape.make(session, algorithm)
                    let reference = document.digest.description
                    try await session.put(document, as: reference).expect(status: 201)
                    let response = try await session.getManifest(
                        reference,
                        headers: ["Accept": document.mediaType]
                    )
                    try response.expect(status: 200).expect(body: document.bytes)
                        .expect("Content-Type", is: document.mediaType)
                }
            }
        }
    }
}

/// A shape of manifest and how to make one.
struct Shape: Sendable {
    let name: String
    let what: String
    var reference = "end-7a; image-spec"
    var level = Level.must
    var edition = Edition.released
    /// A new manifest of this shape, for whose blobs and children the session has been given.
    let make: @Sendable (Session, Digest.Algorithm) async throws -> Document

    init(
        _ name: String,
        _ what: String,
        reference: String = "end-7a; image-spec",
        level: Level = .must,
        edition: Edition = .released,
        make: @escaping @Sendable (Session, Digest.Algorithm) async throws -> Document
    ) {
        self.name = name
        self.what = what
        self.reference = reference
        self.level = level
        self.edition = edition
        self.make = make
    }
}
