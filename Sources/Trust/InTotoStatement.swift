// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A statement of in-toto's attestation framework, version 1: what is said (the predicate) of which content (the
/// subjects). Only the payload of a verified envelope is worth reading as one.
package struct InTotoStatement: Sendable, Hashable {
    package struct Subject: Sendable, Hashable {
        /// What the maker calls the subject; it decides nothing.
        package let name: String
        /// The subject's digests of known algorithms.
        package let digests: [Digest]

        package init(name: String = "", digests: [Digest]) {
            self.name = name
            self.digests = digests
        }
    }

    package static let type = "https://in-toto.io/Statement/v1"
    /// What older tools write; it says the same.
    package static let formerType = "https://in-toto.io/Statement/v0.1"

    package let subjects: [Subject]
    package let predicateType: PredicateType
    package let predicate: JSONValue

    /// Whether the statement is about the content with this digest.
    package func covers(_ digest: Digest) -> Bool {
        subjects.contains { $0.digests.contains(digest) }
    }

    /// Reads a statement. Members that are not known are ignored, as the specification asks.
    ///
    /// - Throws: `invalidStatement` or `tooLarge`.
    package init(parsing bytes: [UInt8]) throws(TrustError) {
        let reader = try DocumentReader(parsing: bytes, "the statement", .invalidStatement)
        let type = try reader.required("_type")
        guard type == Self.type || type == Self.formerType else {
            throw reader.error("is of the type '\(type.quotable)', not \(Self.type)")
        }
        var subjects: [Subject] = []
        for element in try reader.elements("subject", limit: TrustLimits.subjectsLimit) ?? [] {
            let entry = try DocumentReader(element, "a subject", .invalidStatement)
            var digests: [Digest] = []
            for member in try entry.object("digest")?.value.members ?? [] {
                guard let hex = member.value.text else { throw entry.error("has a digest that is no string") }
                guard (try? Digest.Algorithm(parsing: member.key)) != nil else { continue }
                guard let digest = Digest("\(member.key):\(hex)") else {
                    throw entry.error("has a digest that is not in lower-case hexadecimal")
                }
                digests.append(digest)
            }
            subjects.append(Subject(name: try entry.text("name") ?? "", digests: digests))
        }
        guard !subjects.isEmpty else { throw reader.error("has no subjects") }
        self.subjects = subjects
        predicateType = PredicateType(try reader.required("predicateType"))
        guard !predicateType.text.isEmpty else { throw reader.error("has an empty 'predicateType'") }
        predicate = reader.value["predicate"] ?? .null
    }

    /// The bytes of a statement about one subject: the members in the order of the specification, no white space.
    ///
    /// - Parameters:
    ///   - subject: What it is about.
    ///   - predicateType: What the predicate is.
    ///   - predicate: JSON text, which goes into the statement as it is.
    /// - Returns: What is to be signed.
    /// - Throws: `invalidStatement` where the predicate is no JSON object; `tooLarge`.
    package static func bytes(
        subject: Subject,
        predicateType: PredicateType,
        predicate: [UInt8]
    ) throws(TrustError) -> [UInt8] {
        _ = try DocumentReader(parsing: predicate, "the predicate", .invalidStatement)
        var writer = JSONWriter(reservingCapacity: predicate.count + 512)
        writer.object { writer in
            writer.key("_type")
            writer.string(type)
            writer.key("subject")
            writer.array { writer in
                writer.object { writer in
                    if !subject.name.isEmpty {
                        writer.key("name")
                        writer.string(subject.name)
                    }
                    writer.key("digest")
                    writer.object { writer in
                        for digest in subject.digests {
                            writer.key(digest.algorithm.name)
                            writer.string(digest.hex)
                        }
                    }
                }
            }
            writer.key("predicateType")
            writer.string(predicateType.text)
            writer.key("predicate")
            writer.raw(predicate)
        }
        return writer.bytes
    }
}
