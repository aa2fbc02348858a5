// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

extension SQL {
    static let desiredOfRepository = """
        SELECT env, service, digest FROM desired WHERE repo_id = ? AND digest IS NOT NULL LIMIT ?
        """
    static let countDesired = """
        SELECT COUNT(*) FROM (SELECT 1 FROM desired WHERE repo_id = ? AND digest IS NOT NULL LIMIT ?) AS bounded
        """
    static let desiredPlaceOfImage = "SELECT env, service FROM desired WHERE repo_id = ? AND digest = ? LIMIT 1"
    static let goodPlacesOfImage = """
        SELECT env, service FROM outcome WHERE repo_id = ? AND digest = ? AND good_hlc > bad_hlc LIMIT ?
        """
}

/// What is to run in a service of an environment, and what it could go back to, is kept by retention.
extension Database {
    /// All of a repository: what is desired, and of each service as many former images that were healthy there.
    func desiredProtections(of repository: Int64, previousImages: Int) throws -> [RetentionProtection] {
        var found: [RetentionProtection] = []
        for row in try rows(SQL.desiredOfRepository, repository, ReleaseLimits.placesPerRepository) {
            let (environment, service, digest) = (try row.text(0), try row.text(1), try row.digest(2))
            found.append(Self.desired(digest, environment, service))
            guard previousImages > 0 else { continue }
            found += try goodImages(repository, environment, service, other: digest, previousImages)
                .map { Self.good($0, environment, service) }
        }
        return found
    }

    /// Why an image is kept for what is to run; nil where it is not.
    func desiredProtection(of digest: Digest, in repository: Int64, previousImages: Int) throws -> String? {
        if let row = try row(SQL.desiredPlaceOfImage, repository, digest.key) {
            return try Self.desired(digest, row.text(0), row.text(1)).reason
        }
        guard previousImages > 0 else { return nil }
        let limit = ProtectionLimits.servicesOfImage
        for row in try rows(SQL.goodPlacesOfImage, repository, digest.key, limit) {
            let (environment, service) = (try row.text(0), try row.text(1))
            let row = try self.row(SQL.desiredIn, environment, repository, service)
            guard let desired = try row?.optionalDigest(0) else { continue }
            let images = try goodImages(repository, environment, service, other: desired, previousImages)
            if images.contains(digest) { return Self.good(digest, environment, service).reason }
        }
        return nil
    }

    private func goodImages(
        _ repository: Int64,
        _ environment: String,
        _ service: String,
        other: Digest,
        _ limit: Int
    ) throws -> [Digest] {
        try rows(SQL.rollbackImages, repository, environment, service, other.key, limit).map { try $0.digest(0) }
    }

    private static func desired(_ digest: Digest, _ environment: String, _ service: String) -> RetentionProtection {
        RetentionProtection(
            subject: .digest(digest),
            kind: .desired,
            reason: "is to run in \(environment)" + (service.isEmpty ? "" : " (\(service))")
        )
    }

    private static func good(_ digest: Digest, _ environment: String, _ service: String) -> RetentionProtection {
        RetentionProtection(
            subject: .digest(digest),
            kind: .previous,
            reason: "was healthy in \(environment)" + (service.isEmpty ? "" : " (\(service))") + "; kept for rollback"
        )
    }
}
