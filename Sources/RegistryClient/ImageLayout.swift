// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import OCI

/// A directory in the form of the image specification (image-layout.md), which is valid at every moment: blobs appear
/// under their names only when they are whole, checked and durable, and `index.json` is replaced last.
///
/// What is not whole yet waits in `.partial/`, which goes when nothing waits.
package struct ImageLayout: Sendable {
    static let referenceKey = "org.opencontainers.image.ref.name"
    private static let version = #"{"imageLayoutVersion":"1.0.0"}"#

    let path: String
    /// Whose lock is held for as long as this value lives.
    private let marker: LocalFile

    /// Opens a layout, or makes an empty one.
    ///
    /// - Throws: `.usage` where the directory holds something else, or another process writes to it.
    package static func open(_ path: String) async throws(ClientError) -> ImageLayout {
        try await FileWork.run { () throws(ClientError) in
            try LocalFile.makeDirectory(path + "/blobs/sha256")
            try LocalFile.makeDirectory(path + "/.partial")
            let marker = try LocalFile(writing: path + "/oci-layout")
            guard try marker.lock() else {
                throw ClientError(.usage, "another process writes to \(path)")
            }
            let content = try marker.read(ClientLimits.errorBodyBytes, at: 0)
            if content.isEmpty {
                // Safety: a byte has no padding, so every byte of the span is initialised.
                try unsafe marker.write(Array(version.utf8).span.bytes, at: 0)
                try marker.synchronize()
            } else if (try? JSONValue(parsing: content))?["imageLayoutVersion"] != .string("1.0.0") {
                throw ClientError(.usage, "\(path)/oci-layout is not of a layout of version 1.0.0")
            }
            let layout = ImageLayout(path: path, marker: marker)
            if try LocalFile.contents(of: layout.indexPath, limit: ClientLimits.layoutIndexBytes) == nil {
                try LocalFile.replace(layout.indexPath, with: Array(#"{"schemaVersion":2,"manifests":[]}"#.utf8))
            }
            return layout
        }
    }

    private var indexPath: String { path + "/index.json" }

    func blobPath(_ digest: Digest) -> String { "\(path)/blobs/\(digest.algorithm.name)/\(digest.hex)" }

    func partialPath(_ digest: Digest) -> String { "\(path)/.partial/\(digest.algorithm.name)-\(digest.hex)" }

    /// Whether a blob is here, by reading and hashing all of it.
    func holds(_ descriptor: Descriptor) async throws(ClientError) -> Bool {
        try await Self.isIntact(blobPath(descriptor.digest), descriptor)
    }

    /// Whether a file has the bytes that a descriptor says.
    private static func isIntact(_ path: String, _ descriptor: Descriptor) async throws(ClientError) -> Bool {
        try await FileWork.run { () throws(ClientError) in
            guard let file = try LocalFile(reading: path), try file.size() == descriptor.size else { return false }
            do {
                var hasher = try DigestHasher(descriptor.digest.algorithm)
                var offset: Int64 = 0
                while offset < descriptor.size {
                    let bytes = try file.read(ClientLimits.writeBytes, at: offset)
                    guard !bytes.isEmpty else { return false }
                    // Safety: a byte has no padding, so every byte of the span is initialised.
                    try unsafe hasher.update(bytes.span.bytes)
                    offset += Int64(bytes.count)
                }
                return try hasher.finalize() == descriptor.digest
            } catch let error as ClientError {
                throw error
            } catch {
                throw ClientError(.storage, "hashing failed: \(error)")
            }
        }
    }

    /// Gives a whole, checked and durable file of `.partial/` its name.
    func adopt(_ digest: Digest) async throws(ClientError) { try await adopt(digest, from: partialPath(digest)) }

    private func adopt(_ digest: Digest, from file: String) async throws(ClientError) {
        try await FileWork.run { () throws(ClientError) in
            try LocalFile.makeDirectory("\(path)/blobs/\(digest.algorithm.name)")
            try LocalFile.move(file, to: blobPath(digest))
        }
    }

    /// Stores content whose digest was checked.
    func store(_ bytes: [UInt8], as digest: Digest) async throws(ClientError) {
        try await FileWork.run { () throws(ClientError) in
            try LocalFile.makeDirectory("\(path)/blobs/\(digest.algorithm.name)")
            try LocalFile.replace(partialPath(digest), with: bytes)
            try LocalFile.move(partialPath(digest), to: blobPath(digest))
        }
    }

    // MARK: The cache

    /// Takes a blob from another layout: as a second name of the same file, or as a copy.
    ///
    /// The file waits under a name of its own until it is checked: one that may be the cache's own is never written to.
    ///
    /// - Returns: False where it is not there, or is damaged.
    func take(_ descriptor: Descriptor, from cache: String) async throws(ClientError) -> Bool {
        let source = Self.cachePath(cache, descriptor.digest)
        let candidate = partialPath(descriptor.digest) + ".cached"
        try await FileWork.run { () throws(ClientError) in
            try LocalFile.remove(candidate)
            if try !LocalFile.link(source, as: candidate) {
                try Self.copy(source, to: candidate, limit: descriptor.size)
            }
        }
        if try await Self.isIntact(candidate, descriptor) {
            try await adopt(descriptor.digest, from: candidate)
            return true
        }
        try await FileWork.run { () throws(ClientError) in try LocalFile.remove(candidate) }
        return false
    }

    /// Copies at most so many bytes of a file, durably; nothing where there is none.
    private static func copy(_ source: String, to target: String, limit: Int64) throws(ClientError) {
        guard let file = try LocalFile(reading: source) else { return }
        let copy = try LocalFile(writing: target)
        var offset: Int64 = 0
        while offset < limit {
            let bytes = try file.read(ClientLimits.writeBytes, at: offset)
            guard !bytes.isEmpty else { break }
            // Safety: a byte has no padding, so every byte of the span is initialised.
            try unsafe copy.write(bytes.span.bytes, at: offset)
            offset += Int64(bytes.count)
        }
        try copy.synchronize()
    }

    /// Gives a blob of this layout to the cache, where that is possible without a copy.
    func give(_ digest: Digest, to cache: String) async throws(ClientError) {
        try await FileWork.run { () throws(ClientError) in
            try LocalFile.makeDirectory("\(cache)/blobs/\(digest.algorithm.name)")
            _ = try LocalFile.link(blobPath(digest), as: Self.cachePath(cache, digest))
        }
    }

    private static func cachePath(_ cache: String, _ digest: Digest) -> String {
        "\(cache)/blobs/\(digest.algorithm.name)/\(digest.hex)"
    }

    // MARK: The index

    /// Makes a name mean a manifest, in place of what it meant; other names stay. Durable once it returns.
    ///
    /// - Throws: `.usage` where `index.json` is not that of a layout.
    func name(_ descriptor: Descriptor, as reference: String) async throws(ClientError) {
        try await FileWork.run { () throws(ClientError) in
            let bytes = try LocalFile.contents(of: indexPath, limit: ClientLimits.layoutIndexBytes) ?? []
            guard let index = try? JSONValue(parsing: bytes), case .object(let members) = index,
                case .array(let former)? = index["manifests"]
            else { throw ClientError(.usage, "\(indexPath) is not the index of a layout") }
            let name = JSONValue.string(reference)
            let kept = former.filter { $0["annotations"]?[Self.referenceKey] != name }
            let manifests = JSONValue.array(kept + [Self.entry(descriptor, reference)])
            var writer = JSONWriter()
            writer.value(
                .object(members.map { $0.key == "manifests" ? JSONMember(key: $0.key, value: manifests) : $0 })
            )
            try LocalFile.replace(indexPath, with: writer.bytes)
            LocalFile.removeDirectory(path + "/.partial")
        }
    }

    private static func entry(_ descriptor: Descriptor, _ reference: String) -> JSONValue {
        var members = [
            JSONMember(key: "mediaType", value: .string(descriptor.mediaType.description)),
            JSONMember(key: "digest", value: .string(descriptor.digest.description)),
            JSONMember(key: "size", value: .integer(descriptor.size)),
        ]
        if let platform = descriptor.platform {
            var parts = [
                JSONMember(key: "architecture", value: .string(platform.architecture)),
                JSONMember(key: "os", value: .string(platform.os)),
            ]
            if let variant = platform.variant { parts.append(JSONMember(key: "variant", value: .string(variant))) }
            members.append(JSONMember(key: "platform", value: .object(parts)))
        }
        let annotations = [JSONMember(key: referenceKey, value: .string(reference))]
        members.append(JSONMember(key: "annotations", value: .object(annotations)))
        return .object(members)
    }
}
