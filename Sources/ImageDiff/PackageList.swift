// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A set of packages by name, and what it was read from.
package struct PackageList: Hashable, Sendable {
    /// A package's kind and name: `deb`, `openssl`. Where a list does not tell the kind, it is empty.
    package struct Name: Hashable, Sendable, Comparable {
        package let kind: String
        package let name: String

        package init(_ kind: String, _ name: String) {
            self.kind = kind
            self.name = name
        }

        package static func < (left: Name, right: Name) -> Bool {
            (left.kind, left.name) < (right.kind, right.name)
        }
    }

    /// The versions of each; one can be there in several.
    package private(set) var versions: [Name: Set<String>] = [:]
    private var count = 0

    package init() {}

    /// - Throws: `tooLarge` for more than `ImageDiffLimits.packages`.
    package mutating func add(_ kind: String, _ name: String, _ version: String) throws(ImageDiffError) {
        count += 1
        guard count <= ImageDiffLimits.packages else {
            throw ImageDiffError(.tooLarge, "an image lists more than \(ImageDiffLimits.packages) packages")
        }
        versions[Name(kind, name), default: []].insert(version)
    }

    // MARK: Databases

    /// Adds what Debian's status file, or one file of `status.d`, says is installed (dpkg manual, "dpkg-query").
    package mutating func add(debian bytes: [UInt8]) throws(ImageDiffError) {
        for fields in Self.stanzas(bytes, separator: ": ", keys: ["Package", "Version", "Status"]) {
            guard let name = fields["Package"] else { continue }
            if let status = fields["Status"], status.split(separator: " ").last != "installed" { continue }
            try add("deb", name, fields["Version"] ?? "")
        }
    }

    /// Adds what Alpine's database says is installed (apk-tools, apk-v2).
    package mutating func add(alpine bytes: [UInt8]) throws(ImageDiffError) {
        for fields in Self.stanzas(bytes, separator: ":", keys: ["P", "V"]) {
            guard let name = fields["P"] else { continue }
            try add("apk", name, fields["V"] ?? "")
        }
    }

    /// The fields that are asked for, of texts between empty lines. Lines that go on are not among them.
    private static func stanzas(_ bytes: [UInt8], separator: String, keys: Set<String>) -> [[String: String]] {
        var result: [[String: String]] = []
        var current: [String: String] = [:]
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            guard !line.isEmpty else {
                if !current.isEmpty { result.append(current) }
                current = [:]
                continue
            }
            for key in keys {
                let start = Array(key.utf8) + Array(separator.utf8)
                guard line.starts(with: start) else { continue }
                current[key] = String(decoding: line.dropFirst(start.count), as: UTF8.self)
            }
        }
        if !current.isEmpty { result.append(current) }
        return result
    }

    // MARK: Inventories

    /// The limit of components within components.
    private static let nestingLimit = 16

    /// Adds what an inventory in SPDX's JSON lists, without what it says is the image itself or a file.
    package mutating func add(spdx document: JSONValue) throws(ImageDiffError) {
        for element in document["packages"]?.elements ?? [] {
            if ["CONTAINER", "FILE"].contains(element["primaryPackagePurpose"]?.text) { continue }
            guard let name = element["name"]?.text else { continue }
            let address = element["externalRefs"]?.elements?.first { $0["referenceType"]?.text == "purl" }
            let kind = address?["referenceLocator"]?.text.flatMap(Self.kind) ?? ""
            try add(kind, name, element["versionInfo"]?.text ?? "")
        }
    }

    /// Adds what an inventory in CycloneDX's JSON lists, without files.
    package mutating func add(cyclonedx document: JSONValue) throws(ImageDiffError) {
        try addComponents(document["components"]?.elements ?? [], depth: 0)
    }

    private mutating func addComponents(_ elements: [JSONValue], depth: Int) throws(ImageDiffError) {
        guard depth < Self.nestingLimit else {
            throw ImageDiffError(.tooLarge, "an inventory has components more than \(Self.nestingLimit) deep")
        }
        for element in elements {
            if let name = element["name"]?.text, element["type"]?.text != "file" {
                let group = element["group"]?.text.flatMap { $0.isEmpty ? nil : $0 + "/" } ?? ""
                let kind = element["purl"]?.text.flatMap(Self.kind) ?? ""
                try add(kind, group + name, element["version"]?.text ?? "")
            }
            try addComponents(element["components"]?.elements ?? [], depth: depth + 1)
        }
    }

    /// The type of a package URL: `deb` of `pkg:deb/debian/openssl@3`.
    private static func kind(of address: String) -> String? {
        guard address.hasPrefix("pkg:") else { return nil }
        return address.dropFirst(4).split(separator: "/" as Character).first.map { $0.lowercased() }
    }
}
