// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Turns JSON values of a manifest into descriptors and what they hold. Each function takes the path of its value.
struct DescriptorDecoder {
    private static let names = [
        "mediaType", "digest", "size", "urls", "annotations", "artifactType", "platform", "data",
    ]

    /// Absent is empty.
    func descriptors(_ value: JSONValue?, _ path: String) throws(ManifestError) -> [Descriptor] {
        guard let value else { return [] }
        guard case .array(let elements) = value else { throw .wrongType("an array", value, path) }
        var decoded: [Descriptor] = []
        decoded.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() { decoded.append(try descriptor(element, "\(path)[\(index)]")) }
        return decoded
    }

    func descriptor(_ value: JSONValue, _ path: String) throws(ManifestError) -> Descriptor {
        guard case .object(let members) = value else { throw .wrongType("an object", value, path) }
        var mediaType: MediaType?
        var digest: Digest?
        var size: Int64?
        var artifactType: MediaType?
        var urls: [String] = []
        var annotations: [String: String] = [:]
        var platform: Platform?
        var data: [UInt8]?
        for member in members where member.value != .null {
            let value = member.value
            switch member.key {
            case "mediaType": mediaType = try self.mediaType(value, path + ".mediaType")
            case "digest": digest = try self.digest(value, path + ".digest")
            case "size": size = try self.size(value, path + ".size")
            case "urls": urls = try strings(value, path + ".urls")
            case "annotations": annotations = try self.annotations(value, path + ".annotations")
            case "artifactType":
                artifactType = value == .string("") ? nil : try self.mediaType(value, path + ".artifactType")
            case "platform": platform = try self.platform(value, path + ".platform")
            case "data": data = try self.data(value, path + ".data")
            default: try KeySpelling.refuseVariant(member.key, of: DescriptorDecoder.names, path: path)
            }
        }
        guard let mediaType else { throw missing("mediaType", path) }
        guard let digest else { throw missing("digest", path) }
        guard let size else { throw missing("size", path) }
        if let data, Int64(data.count) != size {
            throw ManifestError(
                code: .badDescriptor,
                reason: "data holds \(data.count) bytes, size says \(size)",
                path: path + ".data"
            )
        }
        return Descriptor(
            mediaType: mediaType,
            digest: digest,
            size: size,
            urls: urls,
            annotations: annotations,
            artifactType: artifactType,
            platform: platform,
            data: data
        )
    }

    /// Absent is empty.
    func annotations(_ value: JSONValue?, _ path: String) throws(ManifestError) -> [String: String] {
        guard let value else { return [:] }
        guard case .object(let members) = value else { throw .wrongType("an object", value, path) }
        var annotations: [String: String] = [:]
        annotations.reserveCapacity(members.count)
        for member in members {
            guard case .string(let text) = member.value else {
                throw .wrongType("a string", member.value, "\(path)[\"\(ParsingError.quotable(member.key))\"]")
            }
            annotations[member.key] = text
        }
        return annotations
    }

    private func missing(_ name: String, _ path: String) -> ManifestError {
        ManifestError(code: .missingField, reason: "a descriptor has a \(name)", path: "\(path).\(name)")
    }

    private func string(_ value: JSONValue, _ path: String) throws(ManifestError) -> String {
        guard case .string(let text) = value else { throw .wrongType("a string", value, path) }
        return text
    }

    private func strings(_ value: JSONValue, _ path: String) throws(ManifestError) -> [String] {
        guard case .array(let elements) = value else { throw .wrongType("an array", value, path) }
        var strings: [String] = []
        for (index, element) in elements.enumerated() { strings.append(try string(element, "\(path)[\(index)]")) }
        return strings
    }

    private func mediaType(_ value: JSONValue, _ path: String) throws(ManifestError) -> MediaType {
        let text = try string(value, path)
        do {
            return try MediaType(parsing: text)
        } catch {
            throw bad(error, path)
        }
    }

    private func digest(_ value: JSONValue, _ path: String) throws(ManifestError) -> Digest {
        let text = try string(value, path)
        do {
            return try Digest(parsing: text)
        } catch {
            throw bad(error, path)
        }
    }

    private func bad(_ error: ParsingError, _ path: String) -> ManifestError {
        ManifestError(code: .badDescriptor, reason: "\(error.reason), not \"\(error.value)\"", path: path)
    }

    private func size(_ value: JSONValue, _ path: String) throws(ManifestError) -> Int64 {
        switch value {
        case .integer(let size) where 0...OCILimits.descriptorSizeLimit ~= size: return size
        case .integer, .decimal:
            throw ManifestError(
                code: .badDescriptor,
                reason: "a size is a whole number from 0 to \(OCILimits.descriptorSizeLimit), written in digits only",
                path: path
            )
        default: throw .wrongType("a number", value, path)
        }
    }

    private func platform(_ value: JSONValue, _ path: String) throws(ManifestError) -> Platform {
        guard case .object(let members) = value else { throw .wrongType("an object", value, path) }
        var architecture: String?
        var os: String?
        var osVersion: String?
        var osFeatures: [String] = []
        var variant: String?
        for member in members where member.value != .null {
            let memberPath = "\(path).\(member.key)"
            switch member.key {
            case "architecture": architecture = try string(member.value, memberPath)
            case "os": os = try string(member.value, memberPath)
            case "os.version": osVersion = try string(member.value, memberPath)
            case "os.features": osFeatures = try strings(member.value, memberPath)
            case "variant": variant = try string(member.value, memberPath)
            default: continue
            }
        }
        guard let architecture, let os else {
            throw ManifestError(code: .missingField, reason: "a platform has an architecture and an os", path: path)
        }
        return Platform(
            architecture: architecture,
            os: os,
            osVersion: osVersion,
            osFeatures: osFeatures,
            variant: variant
        )
    }

    private func data(_ value: JSONValue, _ path: String) throws(ManifestError) -> [UInt8] {
        guard let data = Base64.decode(try string(value, path)) else {
            throw ManifestError(code: .badDescriptor, reason: "data is base64 of RFC 4648, section 4", path: path)
        }
        return data
    }
}
