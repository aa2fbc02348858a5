// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Cryptography
import OCI
import Observability

/// One delivery: an event in the JSON format of CloudEvents 1.0 (structured mode), signed as Standard Webhooks says.
///
/// | attribute | value |
/// | --- | --- |
/// | `id` | `event-` or `notice-` and its number: the same whenever it is delivered again |
/// | `source` | the origin of the registry's log |
/// | `type` | `cairn.` and the kind, as the log calls it |
/// | `subject` | `repository:tag`, `repository@digest`, or what else changed |
/// | `time` | when it happened |
/// | `data` | `repository`, `actor`, `request`, and the members that the log has |
package struct HookMessage: Sendable, Hashable {
    package static let contentType = "application/cloudevents+json; charset=utf-8"

    package let id: String
    package let body: [UInt8]

    package init(_ event: ToldEvent, origin: String) {
        let id = "\(event.source.rawValue)-\(event.id)"
        var writer = JSONWriter()
        writer.object { writer in
            writer.text("specversion", "1.0")
            writer.text("id", id)
            writer.text("source", origin)
            writer.text("type", "cairn.\(event.kind)")
            if let subject = Self.subject(event) { writer.text("subject", subject) }
            writer.text("time", Timestamp(milliseconds: event.time).description)
            writer.text("datacontenttype", "application/json")
            writer.key("data")
            writer.object { writer in
                if let repository = event.repository { writer.text("repository", repository.description) }
                if let actor = event.actor { writer.text("actor", actor) }
                if let request = event.request, !request.isEmpty { writer.text("request", request) }
                for member in event.body.members ?? [] where !Self.own.contains(member.key) {
                    writer.key(member.key)
                    writer.value(member.value)
                }
            }
        }
        self.id = id
        body = writer.bytes
    }

    private static let own: Set<String> = ["repository", "actor", "request"]

    private static func subject(_ event: ToldEvent) -> String? {
        guard let repository = event.repository else { return event.subject }
        if let tag = event.body["tag"]?.text { return "\(repository):\(tag)" }
        if let digest = event.body["digest"]?.text { return "\(repository)@\(digest)" }
        return repository.description
    }

    /// The headers of a delivery at a time in seconds since 1970: `webhook-id`, `webhook-timestamp`, and
    /// `webhook-signature` where there is a secret, which is `v1,` and the base64 of the HMAC-SHA-256 of id, timestamp
    /// and body with points between them.
    ///
    /// - Throws: What OpenSSL says.
    package func headers(
        _ secret: HookSecret?,
        at time: Int64
    ) throws(CryptographyError) -> [(name: String, value: String)] {
        var headers = [
            ("content-type", Self.contentType), ("webhook-id", id), ("webhook-timestamp", String(time)),
        ]
        guard let secret else { return headers }
        let signed = Array("\(id).\(time).".utf8) + body
        headers.append(("webhook-signature", "v1," + Base64.encode(try HMAC.sha256(signed, key: secret.key))))
        return headers
    }
}

extension JSONWriter {
    fileprivate mutating func text(_ name: String, _ value: String) {
        key(name)
        string(value)
    }
}
