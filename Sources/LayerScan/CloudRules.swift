// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Credentials of cloud providers that need more than one look.
extension SecretRule {
    static let cloud: [SecretRule] = [
        awsPair, awsSecret, gcpServiceAccount, azureStorage, azureClientSecret, twilio, heroku,
    ]

    /// Bytes on either side of a name in which its secret is looked for.
    private static let nearby = 256

    /// The id of an access key with its secret nearby. The id alone opens nothing.
    private static let awsPair = SecretRule(keywords: ["akia", "asia"]) { around in
        let start = around.keyword.lowerBound
        guard around.has("AKIA", at: start) || around.has("ASIA", at: start), around.isWordStart(start) else {
            return nil
        }
        let end = around.end(ofRunFrom: around.keyword.upperBound, limit: 17, .alphanumeric)
        let id = around.bytes[around.keyword.upperBound..<end]
        guard id.count == 16, id.allSatisfy(Alphabet("A-Z2-7").contains), !Plausibility.isPlaceholder(id),
            let secret = awsSecret(around, in: end..<(end + nearby)) ?? awsSecret(around, in: (start - nearby)..<start)
        else { return nil }
        return SecretMatch(
            kind: .awsAccessKey,
            range: min(start, secret.lowerBound)..<max(end, secret.upperBound),
            secret: Array(around.bytes[secret])
        )
    }

    /// A secret under its usual names.
    private static let awsSecret = SecretRule(
        keywords: ["aws_secret_access_key", "aws_secret_key", "secretaccesskey", "secret_access_key"]
    ) { around in
        guard let value = around.valueStart(after: around.keyword.upperBound),
            let secret = awsSecret(around, in: value..<(value + 41)), secret.lowerBound == value
        else { return nil }
        return SecretMatch(
            kind: .awsAccessKey,
            range: around.keyword.lowerBound..<secret.upperBound,
            secret: Array(around.bytes[secret])
        )
    }

    /// 40 digits of base64 that look random, and no 41st.
    private static func awsSecret(_ around: Surroundings, in range: Range<Int>) -> Range<Int>? {
        let range = range.clamped(to: around.reach)
        var index = range.lowerBound
        while index < range.upperBound {
            let end = around.end(ofRunFrom: index, limit: 2 * nearby, .base64)
            if end - index == 40, around[end] != UInt8(ascii: "="),
                around[index - 1].map({ !Alphabet.base64.contains($0) }) ?? true,
                Plausibility.isMixed(around.bytes[index..<end]),
                Plausibility.entropy(around.bytes[index..<end]) >= 4,
                !Plausibility.isPlaceholder(around.bytes[index..<end])
            {
                return index..<end
            }
            index = max(end, index + 1)
        }
        return nil
    }

    /// The key of a service account: a private key in JSON, with its account's name nearby.
    private static let gcpServiceAccount = SecretRule(keywords: ["\"private_key\""]) { around in
        guard let value = around.valueStart(after: around.keyword.upperBound), let key = PEMKey(around, at: value),
            around.find("gserviceaccount.com", in: key.end..<(key.end + 2 * nearby)) != nil
                || around.find("service_account", in: around.reach) != nil
        else { return nil }
        return SecretMatch(
            kind: .gcpServiceAccount,
            range: around.keyword.lowerBound..<key.end,
            secret: key.body
        )
    }

    /// A storage account's key: 64 bytes in base64.
    private static let azureStorage = SecretRule(keywords: ["accountkey"]) { around in
        guard let value = around.valueStart(after: around.keyword.upperBound) else { return nil }
        let end = around.end(ofRunFrom: value, limit: 87, .base64)
        guard end - value == 86, around.has("==", at: end), Plausibility.entropy(around.bytes[value..<end]) >= 4 else {
            return nil
        }
        return SecretMatch(
            kind: .azureStorageKey,
            range: around.keyword.lowerBound..<(end + 2),
            secret: Array(around.bytes[value..<end])
        )
    }

    /// A client's secret: three characters, a digit, `Q~`, and 31 to 34 more.
    private static let azureClientSecret = SecretRule(keywords: ["q~"]) { around in
        let alphabet = Alphabet("0-9A-Za-z_~.-")
        let mark = around.keyword.lowerBound
        let start = mark - 4
        guard around.has("Q~", at: mark), around[mark - 1].map(Alphabet.digits.contains) ?? false,
            around.start(ofRunBefore: mark, limit: 5, alphabet) == start
        else { return nil }
        let end = around.end(ofRunFrom: mark + 2, limit: 35, alphabet)
        guard 31...34 ~= end - mark - 2, Plausibility.isMixed(around.bytes[start..<end]),
            Plausibility.entropy(around.bytes[start..<end]) >= 3.5
        else { return nil }
        return SecretMatch(kind: .azureClientSecret, range: start..<end, secret: Array(around.bytes[start..<end]))
    }

    /// The token of an account, where the provider is named and the account's id or the token's name stands nearby.
    private static let twilio = SecretRule(keywords: ["twilio"]) { around in
        let area = (around.keyword.lowerBound - nearby..<around.keyword.upperBound + nearby).clamped(to: around.reach)
        var token: Range<Int>?
        var namesAccount = false
        var index = area.lowerBound
        while index < area.upperBound {
            let end = around.end(ofRunFrom: index, limit: area.upperBound - index, .alphanumeric)
            let run = around.bytes[index..<end]
            if run.count == 34, run.starts(with: "AC".utf8) || run.starts(with: "SK".utf8),
                run.dropFirst(2).allSatisfy(Alphabet.hex.contains)
            {
                namesAccount = true
            } else if run.count == 32, run.allSatisfy(Alphabet.hex.contains), Plausibility.entropy(run) >= 2.8 {
                token = token ?? index..<end
            }
            index = max(end, index + 1)
        }
        guard let token,
            namesAccount || around.find("auth_token", in: area) != nil || around.find("authtoken", in: area) != nil
        else { return nil }
        return SecretMatch(
            kind: .twilioToken,
            range: min(token.lowerBound, around.keyword.lowerBound)..<max(token.upperBound, around.keyword.upperBound),
            secret: Array(around.bytes[token])
        )
    }

    /// A key of the older sort, a UUID, under a name that says whose it is.
    private static let heroku = SecretRule(keywords: ["heroku"]) { around in
        let nameEnd = around.end(ofRunFrom: around.keyword.upperBound, limit: 32, Alphabet("0-9A-Za-z_.-"))
        let name = around.keyword.upperBound..<nameEnd
        guard around.find("key", in: name) != nil || around.find("token", in: name) != nil,
            let value = around.valueStart(after: nameEnd)
        else { return nil }
        let end = around.end(ofRunFrom: value, limit: 37, Alphabet("0-9a-fA-F-"))
        let groups = around.bytes[value..<end].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard groups.map(\.count) == [8, 4, 4, 4, 12], !Plausibility.isPlaceholder(around.bytes[value..<end]) else {
            return nil
        }
        return SecretMatch(
            kind: .herokuKey,
            range: around.keyword.lowerBound..<end,
            secret: Array(around.bytes[value..<end])
        )
    }
}
