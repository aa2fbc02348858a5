// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// Where the registry listens, and how the URLs that it answers with are understood.
struct Locator: Sendable {
    let scheme: String
    let host: String
    let port: Int

    /// From the URL of the command line; nil unless it is `http://` or `https://`, a host and perhaps a port.
    init?(_ text: String) {
        guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty,
            let scheme = parts.scheme, scheme == "http" || scheme == "https",
            parts.path.isEmpty || parts.path == "/", parts.query == nil
        else {
            return nil
        }
        self.scheme = scheme
        self.host = host
        self.port = parts.port ?? (scheme == "https" ? 443 : 80)
    }

    var authority: String {
        let isDefault = port == (scheme == "https" ? 443 : 80)
        return isDefault ? host : "\(host):\(port)"
    }

    var origin: String {
        "\(scheme)://\(authority)"
    }

    /// The URL to ask for a target, which is a path with query, or already absolute.
    func url(_ target: String) -> String {
        target.hasPrefix("/") ? origin + target : target
    }

    /// A `Location` or `Link` as a target: relative ones against the target that was asked (RFC 3986, 5.2), absolute
    /// ones of this origin as a path, absolute ones of another origin as they are.
    func resolve(_ location: String, against target: String) -> String {
        if location.hasPrefix("//") {
            return strippingOrigin("\(scheme):\(location)")
        }
        if location.hasPrefix("/") {
            return location
        }
        if location.contains("://") {
            return strippingOrigin(location)
        }
        let path = target.prefix { $0 != "?" }
        if location.hasPrefix("?") {
            return path + location
        }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
        return folder + location
    }

    /// Whether a target leads to this origin.
    func isLocal(_ target: String) -> Bool {
        target.hasPrefix("/")
    }

    private func strippingOrigin(_ url: String) -> String {
        for prefix in [origin, "\(scheme)://\(host):\(port)"] where url.hasPrefix(prefix) {
            let rest = url.dropFirst(prefix.count)
            if rest.isEmpty || rest.hasPrefix("/") {
                return rest.isEmpty ? "/" : String(rest)
            }
        }
        return url
    }
}

extension String {
    /// The target with one more query parameter, after those that it already has.
    func appending(query: String) -> String {
        contains("?") ? "\(self)&\(query)" : "\(self)?\(query)"
    }

    /// The target without its query.
    var withoutQuery: String {
        String(prefix { $0 != "?" })
    }

    /// Percent-encoded as a query value: everything but unreserved characters.
    var percentEncoded: String {
        var result = ""
        for byte in utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += hex.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return result
    }
}
