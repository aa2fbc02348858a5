// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// A catalog with images, and a hand for reporting where they run.
struct DeploymentFixture {
    static let day: Int64 = 86_400
    static let grace: Int64 = 30 * day

    let fixture: CatalogFixture
    /// The digests of images by number.
    let images: [Digest]

    init(images count: Int = 6) async throws {
        fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        var digests: [Digest] = []
        for number in 1...count {
            let image = try SampleManifest.image(number, annotations: ["number": "\(number)"])
            _ = try await catalog.put(image, tags: ["v\(number)"])
            digests.append(image.digest)
        }
        images = digests
    }

    var catalog: Catalog { get throws { try fixture.catalog } }
    var now: Int64 { fixture.clock.wallMilliseconds / 1_000 }

    static func place(_ target: String, env: String = "prod", service: String? = nil) throws -> DeploymentPlace {
        DeploymentPlace(
            environment: try PlaceName(parsing: env),
            target: try PlaceName(parsing: target),
            service: try service.map { try PlaceName(parsing: $0) }
        )
    }

    static func context(_ actor: String) -> Catalog.Context { Catalog.Context(actor: actor, requestID: "r") }

    /// Reports the image of a number; answers with the event.
    @discardableResult
    func report(
        _ number: Int,
        on target: String = "web-1",
        env: String = "prod",
        service: String? = nil,
        by actor: String = "agent",
        expires: Int64 = Self.day
    ) async throws -> EventID? {
        let outcome = try await catalog.reportDeployment(
            DeploymentReport(
                place: Self.place(target, env: env, service: service),
                repository: Sample.repository(),
                digest: images[number - 1],
                deployment: nil,
                expires: expires
            ),
            grace: Self.grace,
            context: Self.context(actor)
        )
        guard case .recorded(let event, _, _, _) = outcome else {
            Issue.record("\(outcome)")
            return nil
        }
        return event
    }

    func end(
        on target: String = "web-1",
        of number: Int? = nil,
        by actor: String = "agent",
        ofAnyone: Bool = false
    ) async throws -> DeploymentEnd {
        try await catalog.endDeployment(
            at: Self.place(target),
            in: Sample.repository(),
            digest: number.map { images[$0 - 1] },
            ofAnyone: ofAnyone,
            grace: Self.grace,
            context: Self.context(actor)
        )
    }

    /// The numbers of the protected images, with the kind of their protection.
    func protected(previous: Int = 2) async throws -> [Int: RetentionProtection.Kind] {
        let found = try await catalog.protections(of: Sample.repository(), previousImages: previous, now: now)
        var kinds: [Int: RetentionProtection.Kind] = [:]
        for protection in found {
            guard case .digest(let digest) = protection.subject, let place = images.firstIndex(of: digest) else {
                continue
            }
            kinds[place + 1] = protection.kind
        }
        return kinds
    }

    /// What a transaction says of one image.
    func isProtected(_ number: Int, tags: [String] = [], previous: Int = 2) async throws -> String? {
        let (digest, now) = (images[number - 1], now)
        return try await catalog.write { transaction in
            try transaction.isProtected(
                digest,
                tags: tags.map(Sample.tag),
                in: Sample.repository(),
                previousImages: previous,
                now: now
            )
        }
    }
}
