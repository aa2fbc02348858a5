// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// The `Authorization` header in the two forms that registries take (RFC 7617, RFC 6750).
enum Authorization: Hashable, Sendable {
    case basic(user: String, password: String)
    case bearer(String)

    /// Bytes of the longest header value looked at.
    static let bytesLimit = 16 * 1024

    init?(parsing text: String) {
        guard text.utf8.count <= Self.bytesLimit, let space = text.firstIndex(of: " ") else { return nil }
        let value = text[text.index(after: space)...].drop { $0 == " " }
        switch text[..<space].lowercased() {
        case "bearer":
            guard !value.isEmpty else { return nil }
            self = .bearer(String(value))
        case "basic":
            guard let data = Data(base64Encoded: String(value)),
                let pair = String(validating: data, as: UTF8.self),
                let colon = pair.firstIndex(of: ":"), colon != pair.startIndex
            else { return nil }
            self = .basic(user: String(pair[..<colon]), password: String(pair[pair.index(after: colon)...]))
        default: return nil
        }
    }
}
