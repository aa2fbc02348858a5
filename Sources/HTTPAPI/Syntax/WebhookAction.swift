// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What is asked of one webhook.
public enum WebhookAction: String, Hashable, Sendable, CaseIterable {
    /// What it gave up.
    case dead
    /// That it tells that again.
    case retry
    /// That it sends a message that says nothing.
    case test

    private static let prefix = "/api/v1/webhooks/"

    /// Reads a path; nil for any other.
    static func parse(_ path: Substring) -> (name: String, action: WebhookAction)? {
        guard path.hasPrefix(prefix) else { return nil }
        let parts = path.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let action = WebhookAction(rawValue: String(parts[1])),
            let name = PercentEncoding.decode(parts[0], plusIsSpace: false), !name.isEmpty
        else { return nil }
        return (name, action)
    }
}
