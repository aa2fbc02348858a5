// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// Private keys: PEM (RFC 7468, RFC 4880, OpenSSH), PuTTY, age, WireGuard, and PEM within base64.
extension SecretRule {
    static let key: [SecretRule] = [pem, putty, kubeconfig, encodedPEM, age, wireguard]

    private static let pem = SecretRule(keywords: ["-----begin "]) { around in
        guard let key = PEMKey(around, at: around.keyword.lowerBound) else { return nil }
        return SecretMatch(kind: key.kind, range: around.keyword.lowerBound..<key.end, secret: key.body)
    }

    private static let putty = SecretRule(keywords: ["putty-user-key-file-"]) { around in
        let start = around.keyword.lowerBound
        let rest = start..<min(start + puttyHeadLimit, around.reach.upperBound)
        guard around.has("PuTTY-User-Key-File-", at: start),
            let lines = around.find("private-lines:", in: rest),
            let lineEnd = around.find("\n", in: lines..<rest.upperBound)
        else { return nil }
        let isOpen = around.find("encryption: none", in: start..<lines) != nil
        let body = PEMKey.body(around, from: lineEnd + 1)
        guard body.bytes.count >= 40 else { return nil }
        return SecretMatch(
            kind: isOpen ? .puttyPrivateKey : .encryptedPrivateKey,
            range: start..<body.end,
            secret: body.bytes
        )
    }

    /// Bytes before the digits of a PuTTY key: headers and the public half.
    private static let puttyHeadLimit = 2_048

    /// `client-key-data` of a file for kubectl.
    private static let kubeconfig = SecretRule(keywords: ["client-key-data"]) { around in
        guard let value = around.valueStart(after: around.keyword.upperBound),
            let end = endOfEncodedPEM(around, from: value)
        else { return nil }
        return SecretMatch(
            kind: .kubeconfigClientKey,
            range: around.keyword.lowerBound..<end,
            secret: Array(around.bytes[value..<end])
        )
    }

    /// The base64 of `-----BEGIN `, as in secrets of Kubernetes.
    private static let encodedPEM = SecretRule(keywords: ["ls0tls1crudjti"]) { around in
        let start = around.keyword.lowerBound
        guard let end = endOfEncodedPEM(around, from: start) else { return nil }
        return SecretMatch(kind: .encodedPrivateKey, range: start..<end, secret: Array(around.bytes[start..<end]))
    }

    private static func endOfEncodedPEM(_ around: Surroundings, from start: Int) -> Int? {
        let headEnd = around.end(ofRunFrom: start, limit: 64, .base64)
        guard headEnd - start == 64, let head = Base64.decode(around.text(start..<headEnd)) else { return nil }
        let text = String(decoding: head, as: UTF8.self)
        guard text.hasPrefix("-----BEGIN "), text.firstRange(of: "PRIVATE KEY-----") != nil else { return nil }
        let end = around.end(ofRunFrom: headEnd, .base64)
        return end - start >= 120 ? end : nil
    }

    private static let age = SecretRule(keywords: ["age-secret-key-1"]) { around in
        let (start, data) = (around.keyword.lowerBound, around.keyword.upperBound)
        let end = around.end(ofRunFrom: data, limit: 59, .alphanumeric)
        guard end - data == 58,
            Plausibility.hasBech32Checksum(around.bytes[data..<end], humanReadablePart: "age-secret-key-")
        else { return nil }
        return SecretMatch(kind: .ageSecretKey, range: start..<end, secret: Array(around.bytes[data..<end]))
    }

    private static let wireguard = SecretRule(keywords: ["privatekey"]) { around in
        guard around.has("PrivateKey", at: around.keyword.lowerBound),
            let value = around.valueStart(after: around.keyword.upperBound)
        else { return nil }
        let end = around.end(ofRunFrom: value, limit: 44, .base64)
        guard end - value == 43, around[end] == UInt8(ascii: "="),
            around[end + 1].map({ !Alphabet.base64.contains($0) && $0 != UInt8(ascii: "=") }) ?? true,
            Base64.decode(around.text(value..<(end + 1)))?.count == 32,
            Plausibility.entropy(around.bytes[value..<end]) >= 3.5
        else { return nil }
        return SecretMatch(
            kind: .wireguardPrivateKey,
            range: around.keyword.lowerBound..<(end + 1),
            secret: Array(around.bytes[value..<end])
        )
    }
}

/// A private key in PEM, also where it stands in one line or within a string literal.
struct PEMKey {
    let kind: SecretKind
    /// The digits of its base64.
    let body: [UInt8]
    /// The index after the last digit.
    let end: Int

    /// Nil unless a private key begins at the index, with enough digits of the right sort.
    init?(_ around: Surroundings, at start: Int) {
        guard around.has("-----BEGIN ", at: start) else { return nil }
        let label = start + 11
        let labelEnd = around.end(ofRunFrom: label, limit: 40, Alphabet("0-9A-Z "))
        guard around.has("-----", at: labelEnd), let form = PEMKey.forms[around.text(label..<labelEnd)] else {
            return nil
        }
        let body = PEMKey.body(around, from: labelEnd + 5)
        guard body.bytes.count >= PEMKey.digitsFloor, Plausibility.entropy(body.bytes[...]) >= 3 else { return nil }
        let opensshMark = "b3BlbnNzaC1rZXktdjEA"
        let isWhole: Bool =
            switch form {
            case _ where body.isEncrypted: true
            case .opensshPrivateKey: body.bytes.starts(with: opensshMark.utf8)
            // An OpenPGP packet begins with the highest bit set (RFC 4880, section 4.2).
            case .pgpPrivateKey: body.bytes.first.map(Alphabet("g-z0-9+/").contains) ?? false
            // A sequence of ASN.1 begins with 0x30.
            default: body.bytes.first == UInt8(ascii: "M")
            }
        guard isWhole else { return nil }
        // An OpenSSH key names its cipher right after the mark.
        let isLocked =
            body.isEncrypted || form == .encryptedPrivateKey
            || (form == .opensshPrivateKey && !body.bytes.starts(with: (opensshMark + "AAAABG5vbmU").utf8))
        kind = isLocked ? .encryptedPrivateKey : form
        self.body = body.bytes
        end = body.end
    }

    /// Fewer digits hold no key: one of Ed25519 in PKCS#8 has 64.
    private static let digitsFloor = 60
    private static let forms: [String: SecretKind] = [
        "RSA PRIVATE KEY": .rsaPrivateKey,
        "EC PRIVATE KEY": .ecPrivateKey,
        "DSA PRIVATE KEY": .dsaPrivateKey,
        "OPENSSH PRIVATE KEY": .opensshPrivateKey,
        "PRIVATE KEY": .pkcs8PrivateKey,
        "ENCRYPTED PRIVATE KEY": .encryptedPrivateKey,
        "PGP PRIVATE KEY BLOCK": .pgpPrivateKey,
    ]

    struct Body {
        var bytes: [UInt8] = []
        var end: Int
        /// Whether a header says so (RFC 1421, section 4.6.1.1).
        var isEncrypted = false
    }

    /// Collects digits of base64 over line breaks, written as such or as `\n`, blanks and quotation marks, after lines
    /// of headers if there are any.
    static func body(_ around: Surroundings, from start: Int) -> Body {
        var body = Body(end: start)
        var index = start
        var headers = 0
        var isLineStart = true
        while let byte = around[index] {
            if isLineStart, body.bytes.isEmpty, headers < headersLimit, let header = header(around, at: index) {
                if around.find("encrypted", in: header.content) != nil { body.isEncrypted = true }
                headers += 1
                index = header.next
                continue
            }
            isLineStart = false
            if let next = lineBreak(around, at: index) {
                isLineStart = true
                index = next
                continue
            }
            if Alphabet.base64.contains(byte) {
                body.bytes.append(byte)
                body.end = index + 1
            } else if !ignored.contains(byte) {
                break
            }
            index += 1
        }
        return body
    }

    /// Bytes of a line of headers.
    private static let headerBytesLimit = 128
    private static let headersLimit = 8
    private static let ignored = Alphabet(" \t\r\"',=")

    /// The header that a line is, and where the next line begins; nil if it is none.
    private static func header(_ around: Surroundings, at start: Int) -> (content: Range<Int>, next: Int)? {
        var index = start
        var hasColon = false
        while let byte = around[index], index - start <= headerBytesLimit {
            if let next = lineBreak(around, at: index) { return hasColon ? (start..<index, next) : nil }
            if byte == UInt8(ascii: ":") { hasColon = true }
            index += 1
        }
        return nil
    }

    /// The index after a line break at an index, be it a line feed or the escape of one; nil if there is none.
    private static func lineBreak(_ around: Surroundings, at index: Int) -> Int? {
        if around[index] == 0x0A { return index + 1 }
        guard around[index] == UInt8(ascii: "\\"), let next = around[index + 1], "nr".utf8.contains(next) else {
            return nil
        }
        return index + 2
    }
}
