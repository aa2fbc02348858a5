// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Whole pushes as container engines do them, request by request, with what each insists on.
enum EnginePushChecks {
    private static let check = CheckGroup(
        .push,
        "client",
        reference: "as read in the client's source",
        level: .client
    )

    /// The blobs of an image and its manifest, not yet pushed.
    private struct Image {
        let config: Blob
        let layer: Blob
        let manifest: Document
    }

    private static func image(_ session: Session, isDocker: Bool = false) throws -> Image {
        let config = try session.configBlob()
        let layer = try Blob(session.random(2000))
        var json = Session.image(
            config: config.descriptor(isDocker ? MediaTypes.dockerConfig : MediaTypes.config),
            [layer.descriptor(isDocker ? MediaTypes.dockerLayer : MediaTypes.gzipLayer)]
        )
        let type = isDocker ? MediaTypes.dockerManifest : MediaTypes.image
        json = json.with("mediaType", .string(type))
        return Image(config: config, layer: layer, manifest: try Document(json, type))
    }

    static let checks: [Check] = [
        check("containerd", "containerd: HEAD, POST, one PUT with the whole blob; HEAD and PUT of the manifest by tag")
        {
            session in
            let image = try image(session)
            for blob in [image.config, image.layer] {
                try await session.head(session.blobTarget(blob), headers: ["Accept": "*/*"]).expect(status: 404)
                let opened = try await session.send("POST", session.uploadsTarget())
                try opened.expect(status: 200, 201, 202, 204)
                let target = try session.location(of: opened)
                    .appending(query: "digest=\(blob.digest.description.percentEncoded)")
                try await session.send("PUT", target, headers: Session.octets, body: .bytes(blob.bytes))
                    .expect(status: 200, 201, 204).expect("Docker-Content-Digest", isAbsentOr: blob.digest.description)
            }
            let accept: Headers = ["Accept": "\(MediaTypes.image), */*"]
            try await session.head(session.manifestTarget("v1"), headers: accept).expect(status: 404)
            try await session.put(image.manifest, as: "v1").expect(status: 200, 201, 204)
                .expect("Docker-Content-Digest", isAbsentOr: image.manifest.digest.description)
        },
        check("docker", "docker: ping, HEAD, POST with mount, PATCH as a stream, PUT, PUT of a schema 2 manifest") {
            session in
            try await session.get("/v2/").expect("Docker-Distribution-Api-Version", is: "registry/2.0")
            let image = try image(session, isDocker: true)
            for blob in [image.layer, image.config] {
                try await session.head(session.blobTarget(blob)).expect(status: 404)
                let from = session.repository("base").percentEncoded
                let query = "from=\(from)&mount=\(blob.digest.description.percentEncoded)"
                let opened = try await session.send("POST", session.uploadsTarget().appending(query: query))
                    .expect(status: 202)
                try opened.expect(header: "Docker-Upload-UUID")
                let body = Body.chunked([blob.bytes])
                let patched = try await session.send("PATCH", try session.location(of: opened), body: body)
                    .expect(status: 202).expect("Range", is: "0-\(blob.bytes.count - 1)")
                let digest = blob.digest.description.percentEncoded
                let target = try session.location(of: patched).appending(query: "digest=\(digest)")
                try await session.send("PUT", target).expect(status: 201)
                let length = try await session.head(session.blobTarget(blob)).expect(status: 200)
                try length.expect("Content-Length", is: "\(blob.bytes.count)")
            }
            try await session.put(image.manifest, as: "v1").expect(status: 201)
                .expect("Docker-Content-Digest", is: image.manifest.digest.description)
        },
        check("podman", "podman, buildah, skopeo: POST with exactly 202, PATCH chunked, PUT with exactly 201") {
            session in
            let image = try image(session)
            for blob in [image.layer, image.config] {
                try await session.head(session.blobTarget(blob)).expect(status: 404)
                let opened = try await session.send("POST", session.uploadsTarget()).expect(status: 202)
                let patched = try await session.send(
                    "PATCH",
                    try session.location(of: opened),
                    headers: Session.octets,
                    body: .chunked([blob.bytes])
                ).expectSuccess()
                let target = try session.location(of: patched).appending(query: "digest=\(blob.digest)")
                try await session.send("PUT", target, headers: Session.octets).expect(status: 201)
            }
            try await session.put(image.manifest, as: "latest").expectSuccess()
        },
        check("podman-reuse", "podman: a mount that is declined is cancelled with DELETE, then the blob is pushed") {
            session in
            let blob = try Blob(session.random(300))
            let query = "mount=\(blob.digest)&from=\(session.repository("cache").percentEncoded)"
            let declined = try await session.send("POST", session.uploadsTarget().appending(query: query))
                .expect(status: 202)
            try await session.delete(try session.location(of: declined)).expect(status: 204)
            try await session.store(blob)
            try await session.head(session.blobTarget(blob)).expect(status: 200)
        },
        check("skopeo-schema2", "skopeo --format v2s2: a Docker manifest and a list over it, pulled as pushed") {
            session in
            let manifest = try Document(try await Shapes.dockerJSON(session, .sha256), MediaTypes.dockerManifest)
            try await session.put(manifest, as: manifest.digest.description).expect(status: 201)
            let platform: [(String, JSONText)] = [("platform", ["architecture": "amd64", "os": "linux"])]
            let json: JSONText = [
                "schemaVersion": 2, "mediaType": .string(MediaTypes.dockerList),
                "manifests": [manifest.descriptor(platform)],
            ]
            let list = try Document(json, MediaTypes.dockerList)
            try await session.put(list, as: "v2s2").expect(status: 201)
            let pulled = try await session.getManifest("v2s2").expect(status: 200).expect(body: list.bytes)
            try pulled.expect("Content-Type", is: MediaTypes.dockerList)
        },
        check("ggcr", "crane, ko: POST with application/json, PATCH, PUT with exactly 201, manifest by tag") {
            session in
            let image = try image(session)
            for blob in [image.layer, image.config] {
                let json: Headers = ["Content-Type": "application/json"]
                let opened = try await session.send("POST", session.uploadsTarget(), headers: json).expect(status: 202)
                let patched = try await session.append(blob.bytes, to: try session.location(of: opened))
                    .expect(status: 201, 202, 204)
                let digest = blob.digest.description.percentEncoded
                let target = try session.location(of: patched).appending(query: "digest=\(digest)")
                try await session.send("PUT", target, headers: Session.octets).expect(status: 201)
            }
            try await session.put(image.manifest, as: "latest").expect(status: 200, 201, 202)
        },
        check("ggcr-retag", "crane tag: GET of one tag, PUT of the same bytes as another") { session in
            let document = try await session.storedImage(tag: "v1")
            let pulled = try await session.getManifest("v1").expect(status: 200)
            let type = try pulled.expect(header: "Content-Type")
            try await session.put(try Document(pulled.body, type), as: "v2").expect(status: 200, 201, 202)
            try await session.headManifest("v2").expect("Docker-Content-Digest", is: document.digest.description)
        },
        check("regclient", "regclient: anonymous mount, one PUT where it was declined, manifest by digest") { session in
            let image = try image(session)
            for blob in [image.layer, image.config] {
                let digest = blob.digest.description.percentEncoded
                let opened = try await session.send("POST", session.uploadsTarget().appending(query: "mount=\(digest)"))
                    .expect(status: 202)
                let target = try session.location(of: opened).appending(query: "digest=\(digest)")
                try await session.send("PUT", target, headers: Session.octets, body: .bytes(blob.bytes))
                    .expect(status: 201)
            }
            try await session.put(image.manifest, as: image.manifest.digest.description).expect(status: 201)
        },
        check("regclient-chunked", "regclient: chunks of at least OCI-Chunk-Min-Length, GET after a 416, on from there")
        {
            session in
            let opened = try await session.send("POST", session.uploadsTarget()).expect(status: 202)
            let size = min(max(Int(opened.headers["OCI-Chunk-Min-Length"] ?? "0") ?? 0, 1000), 4 << 20)
            let blob = try Blob(session.random(size * 2 + 10))
            let location = try session.location(
                of: try await session.append(
                    blob.slice(0, size),
                    at: 0,
                    to: try session.location(of: opened)
                ).expect(status: 202)
            )
            let refused = try await session.append(blob.slice(size + 5, size * 2), at: size + 5, to: location)
            try refused.expect(status: 416)
            let told = try await session.get(location).expect(status: 204).expect("Range", is: "0-\(size - 1)")
            let next = try await session.append(
                blob.slice(size, size * 2),
                at: size,
                to: try session.location(of: told)
            )
            .expect(status: 202)
            let rest: Headers = ["Content-Range": "\(size * 2)-\(size * 2 + 9)"]
            let body = Body.bytes(blob.slice(size * 2, size * 2 + 10))
            try await session.finishUpload(try session.location(of: next), blob.digest, body: body, headers: rest)
                .expect(status: 201)
        },
        check("buildkit-cache", "buildkit: an index whose entries are layers, as its registry cache writes them") {
            session in
            let layer = try await session.storedBlob(100)
            let config = try await session.store(try Blob(Array("{\"layers\":[{\"parent\":-1}]}".utf8)))
            let json = Session.index([
                layer.descriptor(MediaTypes.gzipLayer),
                config.descriptor("application/vnd.buildkit.cacheconfig.v0"),
            ])
            try await session.put(try Document(json, MediaTypes.index), as: "buildcache").expect(status: 201)
        },
    ]
}
