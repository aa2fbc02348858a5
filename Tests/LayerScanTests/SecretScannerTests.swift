// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Glibc
import LayerScan
import OCI
import Testing

@Suite struct SecretScannerTests {
    static func findings(_ text: String, path: String = "app/.env") -> [SecretFinding] {
        var scanner = SecretScanner()
        scanner.beginFile(path: Array(path.utf8))
        scanner.append(Array(text.utf8)[...])
        scanner.endFile()
        return scanner.findings
    }

    static func kinds(_ text: String, path: String = "app/.env") -> [SecretKind] {
        findings(text, path: path).map(\.kind)
    }

    /// What manuals print, what code looks like, and what only begins like a secret.
    @Test(arguments: [
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
        "id = AKIAQ3EGTVWXYZABCDEF without its secret\n", "AKIA and 0123456789abcdef0123456789abcdef01234567\n",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n",
        "if text.contains(\"-----BEGIN PRIVATE KEY-----\") { return true }\n",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJRTESMBAG\n",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvDRHzSy0m9CjGlkXrYF2cVwZ4a0sQw3n5d8t\n",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18\n",
        "npm_config_registry=https://registry.npmjs.org/\n", "npm_lifecycle_event_handler_for_all_things_here\n",
        "hf_hub_download_from_the_hub_of_models_x\n", "dapi0123456789\n", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx\n",
        "https://user:password@host/path\n", "http://user:pass@example.com/\n", "postgres://app:${PASSWORD}@db/app\n",
        "ftp://anonymous:guest@ftp.debian.org/\n",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXX\n",
        "machine learning login form password field\n", "machine api.acme.io login me password yourpassword\n",
        "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n", "{\"auth\": \"required\"}\n",
        "{\"auth\":\"dXNlcjpwYXNzd29yZA==\"}\n",
        "password=changeme\npassword: correct\nsecret = \"example\"\n",
        "password = os.environ['DATABASE_PASSWORD_FILE']\n",
        "auth_token: aaaaaaaaaaaaaaaaaaaaaaaa\n", "'https://foo.com:123,foo:bar@bar.com/path'\n",
        "secret_token: StreamDescription.Shards[-1].ShardId7\n", "cvs://:pserver:anoncvs@sources.redhat.com:/cvs\n",
        "PrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "AGE-SECRET-KEY-1QQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQ\n",
        "client-key-data: REDACTED\n", "msg.sender.name = SG.\n", "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.\n",
    ])
    func whatIsNoSecretIsNotFound(text: String) {
        #expect(Self.kinds(text) == [])
    }

    /// A token from a description of the format by others.
    @Test func theChecksumOfGitHubIsThatOfOthers() {
        #expect(Self.kinds("ghp_" + "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17") == [.githubToken])
    }

    /// One character changed, and it is no key.
    @Test func theChecksumOfAgeIsReckoned() throws {
        let key = try #require(Sample.all(1).first { $0.kind == .ageSecretKey }).text.dropLast()
        #expect(Self.kinds(String(key)) == [.ageSecretKey])
        #expect(Self.kinds(key.dropLast() + (key.last == "Q" ? "P" : "Q")) == [])
    }

    @Test func whatWasTypedWithoutThoughtIsNoSecret() {
        var random = Seeded(2)
        let body = random.text(18, Sample.alphanumeric)
        #expect(Self.kinds("sk_live_\(body)qWmmZ8") == [.stripeKey])
        #expect(Self.kinds("sk_live_\(body)mmmmmm") == [])
        #expect(Self.kinds("sk_live_\(body)EXAMPLE") == [])
    }

    /// The token that introductions show, and the same with other claims.
    @Test func theTokenOfIntroductionsIsKnown() {
        var random = Seeded(1)
        #expect(Self.kinds(Sample.jsonWebToken(&random, subject: "1234567890")) == [])
        #expect(Self.kinds(Sample.jsonWebToken(&random, subject: "1234567891")) == [.jsonWebToken])
    }

    @Test func settingsAreToldFromCode() {
        let text = "password = \"aV7kQ2mLx9Rt4Wz8Bn\"\n"
        for path in ["a/.env", ".env.production", "x.yaml", "x.properties", "root/.aws/credentials"] {
            #expect(Self.kinds(text, path: path) == [.genericCredential], "\(path)")
        }
        for path in ["a.py", "a.js", "environment", "doc.md", ""] { #expect(Self.kinds(text, path: path) == []) }
    }

    /// One digit too many or too few is another thing.
    @Test func lengthsAreExact() {
        var random = Seeded(8)
        let body = random.text(64, Sample.hex)
        #expect(Self.kinds("x dop_v1_\(body) y") == [.digitalOceanToken])
        #expect(Self.kinds("x dop_v1_\(body)0 y") == [])
        #expect(Self.kinds("x dop_v1_\(body.dropLast()) y") == [])
        #expect(Self.kinds("xdop_v1_\(body) y") == [])
        #expect(Self.kinds("x\\ndop_v1_\(body)\\n") == [.digitalOceanToken])
        #expect(Self.kinds("x DOP_V1_\(body) y") == [])
    }

    @Test func fingerprintsAreOfTheSecret() throws {
        let wrapped = Sample.all(3)[0].text
        let inLine = wrapped.split(separator: "\n").joined(separator: "\\n")
        let first = try #require(Self.findings("a\nb\n" + wrapped).first)
        let second = try #require(Self.findings("key=\"\(inLine)\"").first)
        #expect(first.fingerprint == second.fingerprint && first.fingerprint.utf8.count == 64)
        #expect(first.position == .line(3) && second.position == .line(1))
        #expect(first.fingerprint != Self.findings(Sample.all(4)[0].text).first?.fingerprint)
        let keyed = try first.keyed(by: [1, 2, 3])
        #expect(keyed.fingerprint.utf8.count == 32 && keyed.fingerprint != first.fingerprint.prefix(32))
        #expect(try first.keyed(by: [1, 2, 4]).fingerprint != keyed.fingerprint)
        #expect(keyed.kind == first.kind && keyed.path == first.path && keyed.position == first.position)
    }

    @Test func pathsAreFitToPrint() throws {
        let secret = Sample.all(1)[0].text
        #expect(Self.findings(secret, path: "a\u{1B}[31m\n\u{7F}b").first?.path == "a?[31m??b")
        let long = try #require(Self.findings(secret, path: String(repeating: "ü/", count: 400) + "end").first)
        #expect(long.path.hasPrefix("...") && long.path.hasSuffix("ü/end") && long.path.utf8.count <= 256)
    }

    /// Keywords without end cost no more than their number.
    @Test(arguments: [
        "twilio", "://a:", "-----BEGIN RSA PRIVATE KEY-----:", "eyJ.", "PuTTY-User-Key-File-", "machine x ",
        "-----BEGIN RSA PRIVATE KEY-----:\n",
    ])
    func hostileTextsEnd(text: String) {
        let file = Array(String(repeating: text, count: 100_000 / text.utf8.count).utf8)
        var scanner = SecretScanner()
        let start = Self.processorSeconds()
        scanner.beginFile(path: [])
        scanner.append(file[...])
        scanner.endFile()
        #expect(scanner.findings == [])
        // Unoptimized it is a few seconds; with a cost for each pair of keywords it would be hours.
        #expect(Self.processorSeconds() - start < 30)
    }

    /// Of the calling thread, whatever else the machine does.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
