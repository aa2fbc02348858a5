// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// Where a server is: scheme, host and port. Credentials never leave one origin for another.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Hashable, Sendable {
        case http, https

        var defaultPort: Int { self == .http ? 80 : 443 }
    }

    /// Where connections are encrypted, of hosts that are named without a scheme.
    package enum TLSUse: Hashable, Sendable {
        case everywhere
        /// On this machine there is nobody on the way.
        case beyondLoopback
        case nowhere
    }

    package let scheme: Scheme
    /// In lower case; an IPv6 address in brackets.
    package let host: String
    package let port: Int

    package init(scheme: Scheme, host: String, port: Int) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    /// Where the registry of a host is.
    ///
    /// - Parameters:
    ///   - host: In lower case.
    ///   - port: nil for that of the scheme.
    ///   - tls: Whether it is reached by TLS.
    init(host: String, port: Int?, tls: TLSUse) {
        let scheme: Scheme =
            switch tls {
            case .everywhere: .https
            case .beyondLoopback: Self.isLoopback(host) ? .http : .https
            case .nowhere: .http
            }
        self.init(scheme: scheme, host: host, port: port ?? scheme.defaultPort)
    }

    /// Reads `host[:port]`.
    ///
    /// - Throws: `.usage`.
    package init(parsing authority: some StringProtocol, tls: TLSUse) throws(ClientError) {
        guard let (host, port) = Self.split(authority) else {
            throw ClientError(.usage, "a registry is host[:port]: \"\(ParsingError.quotable(authority))\"")
        }
        self.init(host: host, port: port, tls: tls)
    }

    /// `host` or `host:port`, as in an image's name.
    package var authority: String { port == scheme.defaultPort ? host : "\(host):\(port)" }

    package var description: String { "\(scheme.rawValue)://\(authority)" }

    /// Whether the host is this machine by its name.
    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]" || isLoopbackIPv4(host)
    }

    private static func isLoopbackIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Splits `host[:port]`.
    ///
    /// - Returns: nil where that is not the form, or the host has other characters than letters, digits, `.`, `-`, `_`.
    static func split(_ authority: some StringProtocol) -> (host: String, port: Int?)? {
        let text = authority.lowercased()
        let host: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[...end]
            guard host.dropFirst().dropLast().utf8.allSatisfy(isIPv6Character), host.utf8.count > 4 else { return nil }
        } else {
            host = text.prefix { $0 != ":" }
            guard host.utf8.allSatisfy(isHostCharacter), !host.isEmpty, !host.hasPrefix("-"), !host.hasPrefix(".")
            else {
                return nil
            }
        }
        guard host.utf8.count <= ClientLimits.hostBytes else { return nil }
        let rest = text[host.endIndex...]
        if rest.isEmpty { return (String(host), nil) }
        let digits = rest.dropFirst()
        guard rest.hasPrefix(":"), (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(isDigit),
            let port = Int(digits), (1...65_535).contains(port)
        else { return nil }
        return (String(host), port)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte) || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private static func isIPv6Character(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte) || isDigit(byte) || byte == UInt8(ascii: ":")
            || byte == UInt8(ascii: ".")
    }
}

/// An `http` or `https` URL without user and fragment.
package struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    package let origin: Origin
    /// Path and query, percent-encoded, beginning with `/`.
    package let target: String

    init(origin: Origin, target: String) {
        self.origin = origin
        self.target = target
    }

    package var description: String { "\(origin)\(target)" }

    /// The origin of an address that is a base: nothing follows the host.
    ///
    /// - Throws: `.usage` where something does.
    package func baseOrigin() throws(ClientError) -> Origin {
        guard target == "/" else { throw ClientError(.usage, "a base URL has no path: \(description)") }
        return origin
    }

    var path: Substring { target.prefix { $0 != "?" } }

    /// Reads an absolute URL.
    ///
    /// - Throws: `.usage`; callers that read an answer say `.network` instead.
    package init(parsing text: some StringProtocol) throws(ClientError) {
        guard text.utf8.count <= ClientLimits.addressBytes else {
            throw ClientError(.usage, "a URL has at most \(ClientLimits.addressBytes) bytes")
        }
        let scheme: Origin.Scheme
        if text.lowercased().hasPrefix("https://") {
            scheme = .https
        } else if text.lowercased().hasPrefix("http://") {
            scheme = .http
        } else {
            throw Self.refused(text, "a URL begins with http:// or https://")
        }
        let rest = text.dropFirst(scheme.rawValue.count + 3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let (host, port) = Origin.split(authority) else {
            throw Self.refused(text, "a URL has a host, and no user")
        }
        let target = rest[authority.endIndex...]
        guard target.utf8.allSatisfy(Self.isVisible) else {
            throw Self.refused(text, "a URL is written in visible ASCII and has no fragment")
        }
        origin = Origin(scheme: scheme, host: host, port: port ?? scheme.defaultPort)
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }

    /// The address that a reference in an answer means (RFC 3986, section 5.2, without the removal of dots).
    package func resolving(_ reference: String) throws(ClientError) -> WebAddress {
        if reference.hasPrefix("//") { return try WebAddress(parsing: "\(origin.scheme.rawValue):\(reference)") }
        if reference.hasPrefix("/") { return try WebAddress(parsing: "\(origin)\(reference)") }
        if reference.hasPrefix("?") { return try WebAddress(parsing: "\(origin)\(path)\(reference)") }
        if reference.lowercased().hasPrefix("http:") || reference.lowercased().hasPrefix("https:") {
            return try WebAddress(parsing: reference)
        }
        guard let end = path.lastIndex(of: "/") else { return try WebAddress(parsing: "\(origin)/\(reference)") }
        return try WebAddress(parsing: "\(origin)\(path[...end])\(reference)")
    }

    /// The address with another parameter in its query.
    package func adding(_ name: String, _ value: String) -> WebAddress {
        let separator = target.contains("?") ? "&" : "?"
        return WebAddress(origin: origin, target: "\(target)\(separator)\(name)=\(Self.encoded(value))")
    }

    /// Percent-encodes all but what RFC 3986 calls unreserved.
    package static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.append(Character(Unicode.Scalar(byte)))
            default:
                result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return result
    }

    private static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "#") }

    private static func refused(_ text: some StringProtocol, _ reason: String) -> ClientError {
        ClientError(.usage, "\(reason): \"\(ParsingError.quotable(text))\"")
    }
}
