// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Tokens that are told by how they begin, by their alphabet and by their length.
private struct TokenShape: Sendable {
    let kind: SecretKind
    /// As the tokens begin, with their capitals.
    let prefix: String
    let alphabet: Alphabet
    /// Characters after the prefix.
    let length: ClosedRange<Int>
    /// What else is asked of them.
    let isRight: (@Sendable (ArraySlice<UInt8>) -> Bool)?

    init(
        _ kind: SecretKind,
        _ prefix: String,
        _ alphabet: Alphabet,
        _ length: ClosedRange<Int>,
        isRight: (@Sendable (ArraySlice<UInt8>) -> Bool)? = nil
    ) {
        self.kind = kind
        self.prefix = prefix
        self.alphabet = alphabet
        self.length = length
        self.isRight = isRight
    }

    /// Bits for each character that random ones exceed in practice, in lengths of 20 and more.
    private static let entropyFloor = 2.8

    func look(_ around: Surroundings) -> SecretMatch? {
        let start = around.keyword.lowerBound
        guard around.has(prefix, at: start), around.isWordStart(start) else { return nil }
        let bodyStart = around.keyword.upperBound
        let end = around.end(ofRunFrom: bodyStart, limit: length.upperBound + 1, alphabet)
        guard length.contains(end - bodyStart) else { return nil }
        let body = around.bytes[bodyStart..<end]
        guard isRight?(body) ?? true, Plausibility.entropy(body) >= TokenShape.entropyFloor,
            !Plausibility.isPlaceholder(body)
        else { return nil }
        return SecretMatch(kind: kind, range: start..<end, secret: Array(around.bytes[start..<end]))
    }

    var rule: SecretRule { SecretRule(keywords: [prefix.lowercased()], look: look) }
}

extension SecretRule {
    static let token: [SecretRule] = shapes.map(\.rule) + [github, openAI, jsonWebToken]

    private static let shapes: [TokenShape] = [
        TokenShape(.githubToken, "github_pat_", .word, 82...82) { $0.dropFirst(22).first == UInt8(ascii: "_") },
        TokenShape(.gitlabToken, "glpat-", gitlab, 20...320),
        TokenShape(.gitlabToken, "gldt-", gitlab, 20...320),
        TokenShape(.gitlabToken, "glrt-", gitlab, 20...320),
        TokenShape(.gitlabToken, "glptt-", gitlab, 20...320),
        TokenShape(.gitlabToken, "glcbt-", gitlab, 20...320),
        TokenShape(.slackToken, "xoxb-", slack, 20...255, isRight: beginsWithDigit),
        TokenShape(.slackToken, "xoxp-", slack, 20...255, isRight: beginsWithDigit),
        TokenShape(.slackToken, "xoxa-", slack, 20...255, isRight: beginsWithDigit),
        TokenShape(.slackToken, "xoxr-", slack, 20...255, isRight: beginsWithDigit),
        TokenShape(.slackToken, "xoxs-", slack, 20...255, isRight: beginsWithDigit),
        TokenShape(.slackToken, "xapp-", slack, 60...255, isRight: beginsWithDigit),
        TokenShape(.slackWebhook, "hooks.slack.com/services/", Alphabet("0-9A-Za-z/"), 40...60) {
            $0.first == UInt8(ascii: "T") && $0.split(separator: UInt8(ascii: "/")).map(\.count).last == 24
        },
        TokenShape(.stripeKey, "sk_live_", .alphanumeric, 24...120),
        TokenShape(.stripeKey, "rk_live_", .alphanumeric, 24...120),
        TokenShape(.sendgridKey, "SG.", Alphabet("0-9A-Za-z_.-"), 66...66) {
            $0.dropFirst(22).first == UInt8(ascii: ".") && Plausibility.isMixed($0)
        },
        TokenShape(.npmToken, "npm_", .alphanumeric, 36...36),
        TokenShape(.pypiToken, "pypi-AgEIcHlwaS5vcmc", .base64URL, 50...400),
        TokenShape(.pypiToken, "pypi-AgENdGVzdC5weXBpLm9yZ", .base64URL, 50...400),
        TokenShape(.rubygemsKey, "rubygems_", .hex, 48...48),
        TokenShape(.dockerHubToken, "dckr_pat_", .base64URL, 24...40),
        TokenShape(.dockerHubToken, "dckr_oat_", .base64URL, 24...40),
        TokenShape(.googleAPIKey, "AIza", .base64URL, 35...35, isRight: Plausibility.isMixed),
        TokenShape(.googleClientSecret, "GOCSPX-", .base64URL, 28...28),
        TokenShape(.herokuKey, "HRKU-", .base64URL, 36...80),
        TokenShape(.digitalOceanToken, "dop_v1_", .hex, 64...64),
        TokenShape(.digitalOceanToken, "doo_v1_", .hex, 64...64),
        TokenShape(.digitalOceanToken, "dor_v1_", .hex, 64...64),
        TokenShape(.huggingFaceToken, "hf_", .alphanumeric, 34...40, isRight: hasBothCases),
        TokenShape(.anthropicKey, "sk-ant-", .base64URL, 80...160),
        TokenShape(.databricksToken, "dapi", Alphabet("0-9a-f-"), 32...34) {
            $0.prefix(32).allSatisfy(Alphabet.hex.contains)
        },
        TokenShape(.vaultToken, "hvs.", .base64URL, 24...400),
        TokenShape(.vaultToken, "hvb.", .base64URL, 24...600),
        TokenShape(.grafanaToken, "glsa_", .word, 41...41) { $0.dropFirst(32).first == UInt8(ascii: "_") },
        TokenShape(.grafanaToken, "glc_eyJ", Alphabet("0-9A-Za-z+/="), 50...400),
        TokenShape(.shopifyToken, "shpat_", .anyHex, 32...32),
        TokenShape(.shopifyToken, "shpss_", .anyHex, 32...32),
        TokenShape(.shopifyToken, "shpca_", .anyHex, 32...32),
        TokenShape(.shopifyToken, "shppa_", .anyHex, 32...32),
        TokenShape(.linearKey, "lin_api_", .alphanumeric, 40...40),
        TokenShape(.newRelicKey, "NRAK-", Alphabet("0-9A-Z"), 27...27),
        TokenShape(.postmanKey, "PMAK-", Alphabet("0-9a-f-"), 59...59) { $0.dropFirst(24).first == UInt8(ascii: "-") },
        TokenShape(.atlassianToken, "ATATT3", Alphabet("0-9A-Za-z_=-"), 150...250),
        TokenShape(.pulumiToken, "pul-", .hex, 40...40),
        TokenShape(.dopplerToken, "dp.pt.", .alphanumeric, 40...44),
        TokenShape(.planetScaleToken, "pscale_tkn_", Alphabet("0-9A-Za-z_.=-"), 32...64),
        TokenShape(.planetScaleToken, "pscale_pw_", Alphabet("0-9A-Za-z_.=-"), 32...64),
        TokenShape(.tailscaleKey, "tskey-auth-", Alphabet("0-9A-Za-z-"), 24...80),
        TokenShape(.tailscaleKey, "tskey-api-", Alphabet("0-9A-Za-z-"), 24...80),
        TokenShape(.brevoKey, "xkeysib-", Alphabet("0-9A-Za-z-"), 81...81) {
            $0.dropFirst(64).first == UInt8(ascii: "-")
        },
    ]

    private static let gitlab = Alphabet("0-9A-Za-z_.-")
    private static let slack = Alphabet("0-9A-Za-z-")

    @Sendable private static func beginsWithDigit(_ body: ArraySlice<UInt8>) -> Bool {
        body.first.map(Alphabet.digits.contains) ?? false
    }

    @Sendable private static func hasBothCases(_ body: ArraySlice<UInt8>) -> Bool {
        body.contains { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }
            && body.contains { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
    }

    /// GitHub's tokens carry a checksum, which is surer than any boundary: what is joined to one in a program's strings
    /// does not hide it.
    private static let github = SecretRule(keywords: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]) { around in
        let (start, body) = (around.keyword.lowerBound, around.keyword.upperBound)
        let end = around.end(ofRunFrom: body, limit: 36, .alphanumeric)
        guard around.has("gh", at: start), end - body == 36,
            Plausibility.hasBase62Checksum(around.bytes[body..<end])
        else { return nil }
        return SecretMatch(kind: .githubToken, range: start..<end, secret: Array(around.bytes[start..<end]))
    }

    /// OpenAI's keys have a mark in their middle.
    private static let openAI = SecretRule(keywords: ["t3blbkfj"]) { around in
        guard around.has("T3BlbkFJ", at: around.keyword.lowerBound) else { return nil }
        let start = around.start(ofRunBefore: around.keyword.lowerBound, limit: 200, .base64URL)
        let end = around.end(ofRunFrom: around.keyword.upperBound, limit: 200, .base64URL)
        guard around.has("sk-", at: start), around.keyword.lowerBound - start >= 20,
            end - around.keyword.upperBound >= 20, !Plausibility.isPlaceholder(around.bytes[start..<end])
        else { return nil }
        return SecretMatch(kind: .openAIKey, range: start..<end, secret: Array(around.bytes[start..<end]))
    }
}
