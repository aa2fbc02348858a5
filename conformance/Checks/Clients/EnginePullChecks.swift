// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Whole pulls as container engines do them, with what each insists on.
enum EnginePullChecks {
    private static let check = CheckGroup(
        .pull,
        "client",
        reference: "as read in the client's source",
        level: .client
    )

    /// A stored image under the tag `v1`, and the digests of its config and layer.
    private static func stored(_ session: Session) async throws -> (Document, [Digest]) {
        let document = try await session.storedImage(tag: "v1")
        return (document, try session.blobsOf(document))
    }

    /// That a blob's bytes hash to its digest.
    private static func expectDigest(_ response: Response, _ digest: Digest) throws {
        let received = try Blob(response.body, digest.algorithm).digest
        try response.expect(received == digest, "bytes of \(digest)", received: "bytes of \(received)")
    }

    static let checks: [Check] = [
        check("containerd-resolve", "containerd resolves a tag by one HEAD with digest, length and type, ?ns= added") {
            session in
            let (document, _) = try await stored(session)
            let accept =
                "\(MediaTypes.dockerManifest), \(MediaTypes.dockerList), \(MediaTypes.image), \(MediaTypes.index), */*"
            let target = session.manifestTarget("v1").appending(query: "ns=registry.example.com")
            let response = try await session.head(target, headers: ["Accept": accept]).expect(status: 200)
            try response.expect("Docker-Content-Digest", is: document.digest.description)
                .expect("Content-Length", is: "\(document.bytes.count)").expect("Content-Type", is: MediaTypes.image)
        },
        check("containerd-fetch", "containerd fetches by digest, blobs with Accept-Encoding, as ranges of 0-") {
            session in
            let (document, digests) = try await stored(session)
            try await session.get(
                session.manifestTarget(document.digest),
                headers: ["Accept": "\(MediaTypes.image), */*"]
            ).expect(status: 200).expect(body: document.bytes)
            for digest in digests {
                let headers: Headers = [
                    "Accept": "\(MediaTypes.layer), */*", "Accept-Encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5",
                    "Range": "bytes=0-",
                ]
                let response = try await session.get(session.blobTarget(digest), headers: headers)
                try expectDigest(try response.expect(status: 206).expect(noHeader: "Content-Encoding"), digest)
            }
        },
        check("containerd-blob-as-manifest", "containerd asks for a layer under /manifests, too: 404, then /blobs") {
            session in
            let (_, digests) = try await stored(session)
            for digest in digests {
                try await session.head(session.manifestTarget(digest), headers: ["Accept": "*/*"]).expect(status: 404)
                try await session.head(session.blobTarget(digest)).expect(status: 200)
            }
        },
        check("docker", "docker: HEAD of a tag, GET by digest with schema 2 types first, GET of blobs") { session in
            let (document, digests) = try await stored(session)
            let accept: Headers = [
                "Accept": MediaTypes.dockerManifest, "Accept": MediaTypes.dockerList, "Accept": MediaTypes.index,
                "Accept": MediaTypes.image,
            ]
            let head = try await session.head(session.manifestTarget("v1"), headers: accept).expect(status: 200)
            try head.expect("Content-Length", is: "\(document.bytes.count)")
            let digest = try head.expect(header: "Docker-Content-Digest")
            try await session.get(session.manifestTarget(digest), headers: accept).expect(status: 200)
                .expect(body: document.bytes)
            for digest in digests {
                try expectDigest(try await session.get(session.blobTarget(digest)).expect(status: 200), digest)
            }
        },
        check("docker-again", "docker: a manifest that it has is asked for with its ETag and answered with 304") {
            session in
            let (_, _) = try await stored(session)
            let first = try await session.getManifest("v1").expect(status: 200)
            let tag = try first.expect(header: "ETag")
            try first.expect(tag.hasPrefix("\"") && tag.hasSuffix("\""), "a quoted ETag", received: tag)
            try await session.getManifest("v1", headers: ["If-None-Match": tag]).expect(status: 304).expectEmptyBody()
        },
        check("docker-resume", "docker: a layer that was cut off is resumed, and only a 206 will do") { session in
            let blob = try await session.storedBlob(10_000)
            let response = try await session.get(session.blobTarget(blob), headers: ["Range": "bytes=4000-"])
            try response.expect(status: 206).expect("Content-Range", is: "bytes 4000-9999/10000")
                .expect(body: blob.slice(4000, 10000))
        },
        check("podman", "podman, skopeo: GET of a tag tells type and digest, blobs tell their length") { session in
            let (document, digests) = try await stored(session)
            let accept = [
                MediaTypes.image, MediaTypes.dockerManifest,
                "application/vnd.docker.distribution.manifest.v1+prettyjws",
                "application/vnd.docker.distribution.manifest.v1+json", MediaTypes.dockerList, MediaTypes.index,
            ]
            let headers = Headers(accept.map { Headers.Field(name: "Accept", value: $0) })
            try await session.get(session.manifestTarget("v1"), headers: headers).expect(status: 200)
                .expect("Content-Type", is: MediaTypes.image)
                .expect("Docker-Content-Digest", is: document.digest.description)
            for digest in digests {
                let response = try await session.get(session.blobTarget(digest)).expect(status: 200)
                try response.expect("Content-Length", is: "\(response.body.count)")
            }
        },
        check("multi-platform", "A client goes from an index by its platform to an image and to its blobs") { session in
            let child = try await session.storedImage()
            let platform: [(String, JSONText)] = [("platform", ["architecture": "arm64", "os": "linux"])]
            let index = try Document(Session.index([child.descriptor(platform)]), MediaTypes.index)
            try await session.store(index, tag: "multi")
            let pulled = try await session.getManifest("multi").expect(status: 200)
            let entry = try pulled.expect("Content-Type", is: MediaTypes.index).referrers().manifests.first
            let image = try await session.getManifest(entry?.digest ?? "none").expect(status: 200)
            for digest in try session.blobsOf(try Document(image.body, MediaTypes.image)) {
                try expectDigest(try await session.get(session.blobTarget(digest)).expect(status: 200), digest)
            }
        },
        check("skopeo-list-tags", "skopeo list-tags: follows Link to the end") { session in
            let document = try await session.storedImage()
            for tag in ["one", "three", "two"] { try await session.store(document, tag: tag) }
            let pages = try await session.pages("/v2/\(session.repository)/tags/list?n=1")
            let tags = try pages.flatMap { try $0.tags().tags }
            try pages[0].expect(tags == ["one", "three", "two"], "[one, three, two]", received: "\(tags)")
        },
    ]
}
