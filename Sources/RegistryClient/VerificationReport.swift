// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
internal import Trust

/// What was verified of an image.
package struct VerificationReport: Hashable, Sendable {
    package let repository: RepositoryName
    package let reference: Reference
    package let digest: Digest
    package var log: LogCheck.Report?
    package var trust: TrustCheck.Report?
    /// Blobs whose bytes were read and compared, and how many bytes they have.
    package var blobs: (count: Int, bytes: Int64)? {
        get { blobCount.map { ($0, blobBytes) } }
        set { (blobCount, blobBytes) = (newValue?.count, newValue?.bytes ?? 0) }
    }

    private var blobCount: Int?
    private var blobBytes: Int64 = 0

    package init(repository: RepositoryName, reference: Reference, digest: Digest) {
        self.repository = repository
        self.reference = reference
        self.digest = digest
    }

    /// Lines for people.
    package var lines: [String] {
        var lines = ["\(repository) \(reference) is \(digest)"]
        if let log {
            lines.append("log: entry \(log.index) of \(log.size) in \(log.origin) says so")
            if !log.witnesses.isEmpty { lines.append("log: cosigned by \(log.witnesses.joined(separator: ", "))") }
            lines.append(
                log.formerSize.map { "log: it continues the \($0) entries that were seen before" }
                    ?? "log: it is seen for the first time"
            )
        }
        if let trust {
            if !trust.signers.isEmpty { lines.append("signed: by \(trust.signers.joined(separator: ", "))") }
            for finding in trust.findings where !finding.isSignature { lines.append(Self.line(finding)) }
            for outcome in trust.outcomes {
                lines.append(
                    "policy: \(outcome.isSatisfied ? "met" : "not met"): \(outcome.requirement): \(outcome.reason)"
                )
            }
            lines += trust.warnings.map { "warning: \($0)" }
        }
        if let blobs { lines.append("blobs: \(blobs.count) read and compared, \(PullProgress.size(blobs.bytes))") }
        return lines
    }

    private static func line(_ finding: TrustCheck.Finding) -> String {
        let type = ParsingError.quotable(finding.predicateType ?? "unreadable")
        let signers = finding.signers.isEmpty ? "by no given key" : "by \(finding.signers.joined(separator: ", "))"
        return "attestation: \(type), signed \(signers)" + (finding.fault.map { ", does not count: \($0)" } ?? "")
    }

    /// The same as a JSON object.
    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("repository", repository.description)
            writer.field("reference", reference.description)
            writer.field("digest", digest.description)
            writer.key("log")
            Self.write(log, &writer)
            writer.key("signedBy")
            writer.array { writer in
                for name in trust?.signers ?? [] { writer.string(name) }
            }
            writer.key("attestations")
            writer.array { writer in
                for finding in trust?.findings ?? [] where !finding.isSignature { Self.write(finding, &writer) }
            }
            writer.key("policy")
            writer.array { writer in
                for outcome in trust?.outcomes ?? [] {
                    writer.object { writer in
                        writer.field("requirement", outcome.requirement)
                        writer.key("satisfied")
                        writer.bool(outcome.isSatisfied)
                        writer.field("reason", outcome.reason)
                    }
                }
            }
            writer.key("warnings")
            writer.array { writer in
                for warning in trust?.warnings ?? [] { writer.string(warning) }
            }
            writer.key("blobs")
            guard let blobs else { return writer.null() }
            writer.object { writer in
                writer.key("count")
                writer.integer(blobs.count)
                writer.key("bytes")
                writer.integer(blobs.bytes)
            }
        }
        return writer.text
    }

    private static func write(_ log: LogCheck.Report?, _ writer: inout JSONWriter) {
        guard let log else { return writer.null() }
        writer.object { writer in
            writer.field("origin", log.origin)
            writer.key("index")
            writer.integer(log.index)
            writer.key("size")
            writer.integer(log.size)
            writer.key("formerSize")
            if let size = log.formerSize { writer.integer(size) } else { writer.null() }
            writer.field("actor", log.entry.actor)
            writer.key("witnesses")
            writer.array { writer in
                for name in log.witnesses { writer.string(name) }
            }
        }
    }

    private static func write(_ finding: TrustCheck.Finding, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("predicateType", finding.predicateType)
            writer.field("subject", finding.subject.description)
            writer.field("manifest", finding.attachment.description)
            writer.key("signedBy")
            writer.array { writer in
                for name in finding.signers { writer.string(name) }
            }
            writer.field("fault", finding.fault)
        }
    }
}

extension JSONWriter {
    /// A member of an object that is a text, or null.
    mutating func field(_ name: String, _ text: String?) {
        key(name)
        if let text { string(text) } else { null() }
    }
}
