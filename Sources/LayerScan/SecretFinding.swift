// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
internal import OCI

/// A secret that was found: what it is and where, and not the secret.
package struct SecretFinding: Hashable, Sendable {
    package enum Position: Hashable, Sendable {
        /// The line of a text, from 1, on which it begins.
        case line(Int)
        /// The byte of a file that is no text, from 0.
        case offset(Int64)
    }

    package let kind: SecretKind
    /// The file's path in the layer, fit to be printed; empty if the layer is no archive.
    package let path: String
    package let position: Position
    /// Equal for equal secrets: lower-case hexadecimal digits.
    package let fingerprint: String

    package init(kind: SecretKind, path: String, position: Position, fingerprint: String) {
        self.kind = kind
        self.path = path
        self.position = position
        self.fingerprint = fingerprint
    }

    /// Bytes of a path in a finding. Of a longer one the end is kept, after `...`.
    package static let pathBytesLimit = 256
    /// Digits of a fingerprint: those of SHA-256.
    package static let fingerprintLimit = 64

    /// Makes a path safe to print and to put in JSON: a control character becomes `?`, and what is no UTF-8 U+FFFD.
    static func printable(_ path: [UInt8]) -> String {
        let text = String(decoding: path.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
        guard text.utf8.count > pathBytesLimit else { return text }
        var end = Substring.UnicodeScalarView()
        var bytes = 3
        for scalar in text.unicodeScalars.reversed() {
            bytes += UTF8.width(scalar)
            guard bytes <= pathBytesLimit else { break }
            end.insert(scalar, at: end.startIndex)
        }
        return "..." + String(end)
    }

    /// The SHA-256 of a secret. A short password can be guessed from it: outside the processes that scan it is replaced
    /// by `keyed(by:)`.
    static func fingerprint(of secret: [UInt8]) -> String {
        // Without OpenSSL there is no fingerprint; the finding counts all the same.
        (try? Digest.of(secret)).map(\.hex) ?? ""
    }

    /// The same finding with a fingerprint that says nothing to those who have not the key: the first 128 bits of an
    /// HMAC-SHA-256.
    package func keyed(by key: [UInt8]) throws(CryptographyError) -> SecretFinding {
        let code = try HMAC.sha256(Array(fingerprint.utf8), key: key)
        let digits = Array("0123456789abcdef")
        let text = String(code.prefix(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        return SecretFinding(kind: kind, path: path, position: position, fingerprint: text)
    }

    func write(to json: inout JSONWriter, layer: Digest?) {
        json.object { json in
            json.key("kind")
            json.string(kind.rawValue)
            if let layer {
                json.key("layer")
                json.string(layer.description)
            }
            json.key("path")
            json.string(path)
            switch position {
            case .line(let line):
                json.key("line")
                json.integer(line)
            case .offset(let offset):
                json.key("offset")
                json.integer(offset)
            }
            json.key("fingerprint")
            json.string(fingerprint)
        }
    }

    /// Nil unless the value is what `write` makes.
    init?(_ json: JSONValue) {
        guard case .string(let name)? = json["kind"], let kind = SecretKind(rawValue: name),
            case .string(let path)? = json["path"], path.utf8.count <= SecretFinding.pathBytesLimit,
            case .string(let fingerprint)? = json["fingerprint"],
            fingerprint.utf8.count <= SecretFinding.fingerprintLimit, fingerprint.utf8.allSatisfy(Alphabet.hex.contains)
        else { return nil }
        switch (json["line"], json["offset"]) {
        case (.integer(let line)?, nil) where line >= 1: position = .line(Int(line))
        case (nil, .integer(let offset)?) where offset >= 0: position = .offset(offset)
        default: return nil
        }
        self.kind = kind
        self.path = path
        self.fingerprint = fingerprint
    }
}
