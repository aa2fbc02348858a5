// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// Names with passwords, and what stands for them.
extension SecretRule {
    static let credential: [SecretRule] = [npm, docker, netrc, url, generic]

    private static let passwordFloor = 6

    /// Whether a text is a password that somebody uses, and no variable, word of a manual or mask.
    private static func isPassword(_ bytes: ArraySlice<UInt8>, besides name: ArraySlice<UInt8> = []) -> Bool {
        guard bytes.count >= passwordFloor, let first = bytes.first, !bytes.elementsEqual(name),
            !"$<{[(%*".utf8.contains(first), bytes.allSatisfy(Alphabet.printable.contains),
            !bytes.contains(UInt8(ascii: "{")), !bytes.contains(UInt8(ascii: "$")), !bytes.contains(UInt8(ascii: "<")),
            Set(bytes).count >= 4, !Plausibility.isPlaceholder(bytes)
        else { return false }
        let text = String(decoding: bytes.map(KeywordAutomaton.folded), as: UTF8.self)
        return !manualWords.contains { text.firstRange(of: $0) != nil }
    }

    private static let manualWords = ["passw", "secret", "token", "foobar", "hunter2", "s3cr3t", "username", "p4ss"]

    /// What an npm configuration holds for a registry: `//host/:_authToken=…`.
    private static let npm = SecretRule(keywords: [":_authtoken", ":_password", ":_auth"]) { around in
        guard let value = around.valueStart(after: around.keyword.upperBound) else { return nil }
        let end = around.end(ofRunFrom: value, limit: 512, Alphabet("!#-&(-~"))
        let secret = around.bytes[value..<end]
        guard secret.count >= 8, isPassword(secret) else { return nil }
        return SecretMatch(
            kind: .npmCredential,
            range: around.keyword.lowerBound..<end,
            secret: Array(secret)
        )
    }

    /// `"auth": "…"` of Docker's configuration: the base64 of `name:password`.
    private static let docker = SecretRule(keywords: ["\"auth\""]) { around in
        guard let value = around.valueStart(after: around.keyword.upperBound) else { return nil }
        let end = around.end(ofRunFrom: value, limit: 4_096, Alphabet("0-9A-Za-z+/="))
        guard end - value >= 12, around[end] == UInt8(ascii: "\""), let pair = Base64.decode(around.text(value..<end)),
            let colon = pair.firstIndex(of: UInt8(ascii: ":")), colon > 0, pair.allSatisfy(Alphabet.printable.contains),
            isPassword(pair[(colon + 1)...], besides: pair[..<colon])
        else { return nil }
        return SecretMatch(
            kind: .dockerCredential,
            range: around.keyword.lowerBound..<end,
            secret: Array(pair[(colon + 1)...])
        )
    }

    /// `machine HOST login NAME password SECRET` (ftp(1), curl(1)).
    private static let netrc = SecretRule(keywords: ["machine"]) { around in
        let start = around.keyword.lowerBound
        guard around.isWordStart(start), around[around.keyword.upperBound].map(Alphabet.whiteSpace.contains) ?? false
        else { return nil }
        var words: [Range<Int>] = []
        var index = around.keyword.upperBound
        while words.count < 7 {
            let wordStart = around.end(ofRunFrom: index, limit: 64, .whiteSpace)
            index = around.end(ofRunFrom: wordStart, limit: 256, .printable)
            guard index > wordStart else { break }
            words.append(wordStart..<index)
        }
        // The host stands first; names and values follow in turn.
        guard words.count >= 5,
            around.bytes[words[0]].contains(UInt8(ascii: ".")) || around.text(words[0]) == "localhost"
        else { return nil }
        var login: Range<Int>?
        var password: Range<Int>?
        for position in stride(from: 1, to: words.count - 1, by: 2) {
            switch around.text(words[position]) {
            case "login": login = words[position + 1]
            case "password": password = words[position + 1]
            case "account": continue
            default: break
            }
        }
        guard let login, let password, isPassword(around.bytes[password], besides: around.bytes[login]) else {
            return nil
        }
        return SecretMatch(
            kind: .netrcPassword,
            range: start..<max(login.upperBound, password.upperBound),
            secret: Array(around.bytes[password])
        )
    }

    /// `scheme://name:password@host` (RFC 3986, section 3.2.1).
    private static let url = SecretRule(keywords: ["://"]) { around in
        let schemeStart = around.start(ofRunBefore: around.keyword.lowerBound, limit: 24, Alphabet("0-9A-Za-z+.-"))
        guard schemeStart < around.keyword.lowerBound else { return nil }
        let nameStart = around.keyword.upperBound
        let nameEnd = around.end(ofRunFrom: nameStart, limit: 128, Alphabet("0-9A-Za-z_.~%!&+=-"))
        guard around[nameEnd] == UInt8(ascii: ":") else { return nil }
        let end = around.end(ofRunFrom: nameEnd + 1, limit: 256, Alphabet("0-9A-Za-z_.~%!$&*+;=#?^-"))
        guard around[end] == UInt8(ascii: "@") else { return nil }
        let hostEnd = around.end(ofRunFrom: end + 1, limit: 254, Alphabet("0-9A-Za-z.-"))
        let (name, password) = (around.bytes[nameStart..<nameEnd], around.bytes[(nameEnd + 1)..<end])
        let host = String(decoding: around.bytes[(end + 1)..<hostEnd].map(KeywordAutomaton.folded), as: UTF8.self)
        guard !host.isEmpty, !isExampleHost(host), isPassword(password, besides: name), hasTwoSorts(password) else {
            return nil
        }
        return SecretMatch(kind: .urlPassword, range: schemeStart..<hostEnd, secret: Array(password))
    }

    /// Names of manuals (RFC 2606), and words that stand for a name.
    private static func isExampleHost(_ host: String) -> Bool {
        host.firstRange(of: "example") != nil || host.hasSuffix(".invalid") || host.hasSuffix(".test")
            || ["host", "hostname", "server", "proxy", "domain", "url", "address", "ip"].contains(host)
            || host.hasSuffix("domain.com") || host.hasPrefix("host.") || host.hasSuffix("company.com")
    }

    /// Whether bytes are not all small letters, all capitals or all digits.
    private static func hasTwoSorts(_ bytes: ArraySlice<UInt8>) -> Bool {
        Set(
            bytes.map { byte -> Int in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): 0
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): 1
                case UInt8(ascii: "0")...UInt8(ascii: "9"): 2
                default: 3
                }
            }
        ).count > 1
    }

    /// A value that looks random, under a name that says that it is secret, in a file of settings.
    private static let generic = SecretRule(
        keywords: [
            "password", "passwd", "secret", "api_key", "apikey", "api-key", "auth_token", "authtoken", "access_token",
            "accesstoken", "api_token",
        ]
    ) { around in
        guard around.file.isSettings else { return nil }
        // The name may go on: `SECRET_KEY_BASE`.
        let nameEnd = around.end(ofRunFrom: around.keyword.upperBound, limit: 16, .word)
        guard let value = around.valueStart(after: nameEnd) else { return nil }
        let end = around.end(ofRunFrom: value, limit: 200, Alphabet("!#-&*-+--:=-Z^-~"))
        let secret = around.bytes[value..<end]
        guard 16...128 ~= secret.count, isPassword(secret), Plausibility.isMixed(secret),
            Plausibility.entropy(secret) >= 3.7, !secret.contains(UInt8(ascii: "/")) || secret.count >= 32
        else { return nil }
        return SecretMatch(
            kind: .genericCredential,
            range: around.keyword.lowerBound..<end,
            secret: Array(secret)
        )
    }
}
