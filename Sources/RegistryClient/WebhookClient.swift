// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
package import OCI

/// Asks a registry how its webhooks fare, and does something about it.
package struct WebhookClient: Sendable {
    /// What came of a message that a webhook was to send.
    package struct Test: Sendable {
        /// In the words of the registry, safe to show.
        package let reply: String
        /// Whether the receiver took it.
        package let isAccepted: Bool

        /// The same as a JSON object.
        package var json: String {
            var writer = JSONWriter()
            writer.object { writer in
                writer.field("reply", reply)
                writer.key("accepted")
                writer.bool(isAccepted)
            }
            return writer.text
        }
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// All of them, with how far each is.
    package func list() async throws(ClientError) -> JSONValue {
        let call = RemoteRegistry.Call(target: "/api/v1/webhooks", purpose: "listing the webhooks")
        return try await document(call, .records)
    }

    /// What one gave up.
    package func dead(_ name: String, limit: Int) async throws(ClientError) -> RecordList {
        try await registry.records("dead", at: "webhooks/\(WebAddress.encoded(name))/dead", [], limit: limit, .records)
    }

    /// Lets one send a message that says nothing. It is asked once: what was sent may have been taken.
    ///
    /// - Returns: What came of it.
    package func test(_ name: String) async throws(ClientError) -> Test {
        let answer = try await post(name, "test")
        guard let reply = answer["reply"]?.text else {
            throw ClientError(.network, "\(registry.origin) does not say what came of it")
        }
        // Registries of before say it in words alone.
        let isAccepted = answer["accepted"].map { $0 == .bool(true) } ?? reply.hasPrefix("it answered 2")
        return Test(reply: ShownText.line(reply), isAccepted: isAccepted)
    }

    /// Lets one tell again what it gave up, which takes up to 40 seconds. It is asked once.
    ///
    /// - Returns: How many were accepted, and how many it has given up still.
    package func retry(_ name: String) async throws(ClientError) -> (accepted: Int64, left: Int64) {
        let answer = try await post(name, "retry")
        guard case .integer(let accepted)? = answer["accepted"], case .integer(let left)? = answer["left"] else {
            throw ClientError(.network, "\(registry.origin) does not say what came of it")
        }
        return (accepted, left)
    }

    private func post(_ name: String, _ action: String) async throws(ClientError) -> JSONValue {
        let call = RemoteRegistry.Call(
            method: .POST,
            target: "/api/v1/webhooks/\(WebAddress.encoded(name))/\(action)",
            purpose: "asking the webhook \(name) for a \(action)",
            attempts: 1
        )
        return try await document(call, .administration)
    }

    private func document(_ call: RemoteRegistry.Call, _ scope: TokenScope) async throws(ClientError) -> JSONValue {
        let (_, body) = try await registry.fetch(call, scope, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body) else {
            throw ClientError(.network, "\(registry.origin) answers with what is no JSON to \(call.purpose)")
        }
        return document
    }
}

extension WebhookClient {
    /// The list for people.
    package static func lines(_ document: JSONValue) -> [String] {
        func number(_ value: JSONValue?) -> String {
            if case .integer(let number)? = value { "\(number)" } else { "-" }
        }
        let hooks = document["webhooks"]?.elements ?? []
        let rows = hooks.map { hook in
            [
                ShownText.line(hook["name"]?.text ?? "-"), ShownText.line(hook["host"]?.text ?? "-"),
                number(hook["delivered"]), number(hook["behind"]), number(hook["dead"]),
                hook["trouble"]?["reason"]?.text.map(ShownText.line) ?? "-",
            ]
        }
        return TextTable.lines([["NAME", "HOST", "DELIVERED", "BEHIND", "DEAD", "TROUBLE"]] + rows)
    }
}
