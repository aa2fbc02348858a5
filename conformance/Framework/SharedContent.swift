// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Content that many checks only read: it is pushed once, by the first check that asks for it.
actor SharedContent {
    private var blobs: [Digest.Algorithm: Task<Blob, any Error>] = [:]
    private var images: [Digest.Algorithm: Task<Document, any Error>] = [:]

    /// The size of the blob that range checks cut pieces from, in bytes.
    static let blobSize = 3000

    fileprivate func blob(_ algorithm: Digest.Algorithm, _ session: Session) async throws -> Blob {
        if let task = blobs[algorithm] {
            return try await task.value
        }
        let task = Task {
            try await session.storedBlob(Self.blobSize, algorithm, in: session.sharedRepository)
        }
        blobs[algorithm] = task
        return try await task.value
    }

    fileprivate func image(_ algorithm: Digest.Algorithm, _ session: Session) async throws -> Document {
        if let task = images[algorithm] {
            return try await task.value
        }
        let task = Task {
            let document = try await session.storedImage(algorithm, in: session.sharedRepository)
            return try await session.store(document, tag: session.sharedTag(algorithm), in: session.sharedRepository)
        }
        images[algorithm] = task
        return try await task.value
    }
}

extension Session {
    /// The repository of the content that many checks read. No check changes it.
    var sharedRepository: String { "\(prefix)/shared" }

    /// The tag of the shared image.
    func sharedTag(_ algorithm: Digest.Algorithm) -> String { "image-\(algorithm.name)" }

    /// A stored blob of 3000 bytes in the shared repository.
    func sharedBlob(_ algorithm: Digest.Algorithm) async throws -> Blob {
        try await shared.blob(algorithm, self)
    }

    /// An image in the shared repository, stored under its digest; its SHA-256 form is tagged too.
    func sharedImage(_ algorithm: Digest.Algorithm = .sha256) async throws -> Document {
        try await shared.image(algorithm, self)
    }

    func sharedBlobTarget(_ algorithm: Digest.Algorithm) async throws -> String {
        blobTarget(try await sharedBlob(algorithm), in: sharedRepository)
    }
}
