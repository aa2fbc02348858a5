// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import CZlib
import LayerSamples
import LayerScan
import OCI

/// A secret of each kind, made anew from a seed: none of them opens anything.
struct Sample: Sendable {
    let kind: SecretKind
    let path: String
    let text: String

    init(_ kind: SecretKind, _ path: String, _ text: String) {
        self.kind = kind
        self.path = path
        self.text = text
    }

    static let lower = "abcdefghijklmnopqrstuvwxyz"
    static let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    static let digits = "0123456789"
    static let hex = "0123456789abcdef"
    static let alphanumeric = lower + upper + digits
    static let base64URL = alphanumeric + "_-"

    static func all(_ seed: UInt64) -> [Sample] {
        var random = Seeded(seed)
        return keys(&random) + clouds(&random) + tokens(&random) + credentials(&random)
    }

    static func pem(_ label: String, _ content: [UInt8], newline: String = "\n") -> String {
        var digits = Substring(Base64.encode(content))
        var lines = ["-----BEGIN \(label)-----"]
        while !digits.isEmpty {
            lines.append(String(digits.prefix(64)))
            digits = digits.dropFirst(64)
        }
        return (lines + ["-----END \(label)-----", ""]).joined(separator: newline)
    }

    /// The first bytes of an ASN.1 sequence, and what looks like the rest.
    private static func sequence(_ random: inout Seeded, _ count: Int) -> [UInt8] {
        [0x30, 0x82, UInt8(count >> 8), UInt8(count & 0xFF)] + random.bytes(count)
    }

    private static func openssh(_ random: inout Seeded, cipher: String) -> [UInt8] {
        Array("openssh-key-v1\u{0}".utf8) + [0, 0, 0, UInt8(cipher.utf8.count)] + cipher.utf8 + [0, 0, 0, 4]
            + random.bytes(300)
    }

    private static func keys(_ random: inout Seeded) -> [Sample] {
        let rsa = pem("RSA PRIVATE KEY", sequence(&random, 1_190))
        let locked = pem("RSA PRIVATE KEY", random.bytes(1_192)).split(separator: "\n", maxSplits: 1)
        let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,\(random.text(32, "0123456789ABCDEF"))\n\n"
        let encoded = Base64.encode(Array(pem("EC PRIVATE KEY", sequence(&random, 118)).utf8))
        let tls = Base64.encode(Array(pem("PRIVATE KEY", sequence(&random, 1_214)).utf8))
        return [
            Sample(.rsaPrivateKey, "etc/ssl/private/server.key", rsa),
            Sample(.ecPrivateKey, "app/ec.pem", pem("EC PRIVATE KEY", sequence(&random, 118))),
            Sample(.dsaPrivateKey, "app/dsa.pem", pem("DSA PRIVATE KEY", sequence(&random, 440))),
            Sample(
                .opensshPrivateKey,
                "home/a/.ssh/id_ed25519",
                pem("OPENSSH PRIVATE KEY", openssh(&random, cipher: "none"))
            ),
            Sample(.pkcs8PrivateKey, "app/key.pem", pem("PRIVATE KEY", [0x30, 0x2E] + random.bytes(46))),
            Sample(
                .pkcs8PrivateKey,
                "app/.env",
                "TLS_KEY=\"" + pem("PRIVATE KEY", sequence(&random, 1_214), newline: "\\n") + "\"\n"
            ),
            Sample(
                .pgpPrivateKey,
                "app/release.asc",
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n"
                    + Base64.encode([0x95, 0x03] + random.bytes(900)) + "\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n"
            ),
            Sample(
                .puttyPrivateKey,
                "home/a/key.ppk",
                "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: key\nPublic-Lines: 2\n"
                    + random.text(64, alphanumeric) + "\n" + random.text(16, alphanumeric)
                    + "\nPrivate-Lines: 1\n" + Base64.encode(random.bytes(36)) + "\nPrivate-MAC: 00\n"
            ),
            Sample(.encryptedPrivateKey, "app/old.key", locked[0] + "\n" + headers + locked[1]),
            Sample(.encryptedPrivateKey, "app/new.key", pem("ENCRYPTED PRIVATE KEY", sequence(&random, 1_300))),
            Sample(
                .encryptedPrivateKey,
                "home/a/.ssh/id_rsa",
                pem("OPENSSH PRIVATE KEY", openssh(&random, cipher: "aes256-ctr"))
            ),
            Sample(.encodedPrivateKey, "deploy/secret.yaml", "data:\n  tls.key: \(tls)\n"),
            Sample(.kubeconfigClientKey, "root/.kube/config", "    client-key-data: \(encoded)\n"),
            Sample(.ageSecretKey, "root/age.txt", "# created: today\n\(age(random.bytes(32)))\n"),
            Sample(
                .wireguardPrivateKey,
                "etc/wireguard/wg0.conf",
                "[Interface]\nPrivateKey = \(Base64.encode(random.bytes(32)))\n"
            ),
        ]
    }

    private static func clouds(_ random: inout Seeded) -> [Sample] {
        let id = "AKIA" + random.text(16, upper + "234567")
        let secret = awsSecret(&random)
        let service = pem("PRIVATE KEY", sequence(&random, 1_214), newline: "\\n")
        return [
            Sample(
                .awsAccessKey,
                "root/.aws/credentials",
                "[default]\naws_access_key_id = \(id)\naws_secret_access_key = \(secret)\n"
            ),
            Sample(.awsAccessKey, "app/deploy.py", "client('s3', '\(id)', '\(awsSecret(&random))')\n"),
            Sample(.awsAccessKey, "app/run.sh", "export AWS_SECRET_ACCESS_KEY=\"\(awsSecret(&random))\"\n"),
            Sample(
                .gcpServiceAccount,
                "app/service.json",
                "{\n  \"type\": \"service_account\",\n  \"private_key_id\": \"\(random.text(40, hex))\",\n"
                    + "  \"private_key\": \"\(service)\",\n  \"client_email\": \"a@b.iam.gserviceaccount.com\"\n}\n"
            ),
            Sample(
                .azureStorageKey,
                "app/appsettings.json",
                "\"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=\(Base64.encode(random.bytes(64)))"
                    + ";EndpointSuffix=core.windows.net\"\n"
            ),
            Sample(
                .azureClientSecret,
                "app/azure.env",
                "AZURE_CLIENT_SECRET=\(random.text(3, alphanumeric))7Q~\(random.text(34, alphanumeric + "_.-"))\n"
            ),
            Sample(
                .twilioToken,
                "app/sms.py",
                "TWILIO_ACCOUNT_SID = 'AC\(random.text(32, hex))'\nTWILIO_AUTH_TOKEN = '\(random.text(32, hex))'\n"
            ),
            Sample(.herokuKey, "app/.env", "HEROKU_API_KEY=\(uuid(&random))\n"),
            Sample(.herokuKey, "app/heroku", "token HRKU-AA\(random.text(58, base64URL))\n"),
        ]
    }

    private static func awsSecret(_ random: inout Seeded) -> String {
        // One of each sort, as nearly every real one has.
        "aB3" + random.text(37, alphanumeric + "+/")
    }

    private static func uuid(_ random: inout Seeded) -> String {
        [8, 4, 4, 4, 12].map { random.text($0, hex) }.joined(separator: "-")
    }

    private static func token(_ kind: SecretKind, _ token: String) -> Sample {
        Sample(kind, "app/config.js", "const value = \"\(token)\";\n")
    }

    private static func tokens(_ random: inout Seeded) -> [Sample] {
        let digits12 = random.text(12, digits)
        return ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map { token(.githubToken, github($0, &random)) } + [
            token(
                .githubToken,
                "github_pat_" + random.text(22, alphanumeric) + "_" + random.text(59, alphanumeric)
            ),
            token(.gitlabToken, "glpat-" + random.text(20, base64URL)),
            token(.slackToken, "xoxb-\(digits12)-\(digits12)-" + random.text(24, alphanumeric)),
            token(.slackToken, "xoxp-\(digits12)-\(digits12)-\(digits12)-" + random.text(32, hex)),
            token(
                .slackWebhook,
                "https://hooks.slack.com/services/T\(random.text(8, upper))/B\(random.text(8, upper))/"
                    + random.text(24, alphanumeric)
            ),
            token(.stripeKey, "sk_live_" + random.text(24, alphanumeric)),
            token(.stripeKey, "rk_live_" + random.text(99, alphanumeric)),
            token(.sendgridKey, "SG." + random.text(22, base64URL) + "." + random.text(43, base64URL)),
            token(.npmToken, "npm_" + random.text(36, alphanumeric)),
            token(.pypiToken, "pypi-AgEIcHlwaS5vcmc" + random.text(150, base64URL)),
            token(.rubygemsKey, "rubygems_" + random.text(48, hex)),
            token(.dockerHubToken, "dckr_pat_" + random.text(27, base64URL)),
            token(.googleAPIKey, "AIza" + "Sy" + random.text(33, base64URL)),
            token(.googleClientSecret, "GOCSPX-" + random.text(28, base64URL)),
            token(.digitalOceanToken, "dop_v1_" + random.text(64, hex)),
            token(.huggingFaceToken, "hf_" + random.text(34, lower + upper)),
            token(.openAIKey, "sk-" + random.text(20, alphanumeric) + "T3BlbkFJ" + random.text(20, alphanumeric)),
            token(.openAIKey, "sk-proj-" + random.text(74, base64URL) + "T3BlbkFJ" + random.text(74, base64URL)),
            token(.anthropicKey, "sk-ant-api03-" + random.text(93, base64URL) + "AA"),
            token(.databricksToken, "dapi" + random.text(32, hex)),
            token(.vaultToken, "hvs." + random.text(90, base64URL)),
            token(.grafanaToken, "glsa_" + random.text(32, alphanumeric) + "_" + random.text(8, hex)),
            token(.shopifyToken, "shpat_" + random.text(32, hex)),
            token(.linearKey, "lin_api_" + random.text(40, alphanumeric)),
            token(.newRelicKey, "NRAK-" + random.text(27, upper + digits)),
            token(.postmanKey, "PMAK-" + random.text(24, hex) + "-" + random.text(34, hex)),
            token(.atlassianToken, "ATATT3" + random.text(186, base64URL)),
            token(.pulumiToken, "pul-" + random.text(40, hex)),
            token(.dopplerToken, "dp.pt." + random.text(43, alphanumeric)),
            token(.planetScaleToken, "pscale_tkn_" + random.text(43, base64URL)),
            token(.tailscaleKey, "tskey-auth-" + random.text(16, alphanumeric) + "-" + random.text(32, alphanumeric)),
            token(.brevoKey, "xkeysib-" + random.text(64, hex) + "-" + random.text(16, alphanumeric)),
            token(.jsonWebToken, jsonWebToken(&random, subject: "42")),
        ]
    }

    private static func credentials(_ random: inout Seeded) -> [Sample] {
        let password = "Tr0" + random.text(13, alphanumeric)
        let pair = Base64.encode(Array("deploy:\(password)".utf8))
        return [
            Sample(
                .npmCredential,
                "root/.npmrc",
                "//registry.acme.io/:_authToken=\(random.text(40, alphanumeric))\n"
            ),
            Sample(
                .dockerCredential,
                "root/.docker/config.json",
                "{\n  \"auths\": {\n    \"registry.acme.io\": {\n      \"auth\": \"\(pair)\"\n    }\n  }\n}\n"
            ),
            Sample(
                .netrcPassword,
                "root/.netrc",
                "machine api.acme.io\n  login deploy\n  password \(password)\n"
            ),
            Sample(.urlPassword, "app/settings.py", "DATABASE = 'postgres://app:\(password)@db.internal:5432/app'\n"),
            Sample(.genericCredential, "app/application.properties", "spring.datasource.password=q\(password)7Xk9\n"),
        ]
    }

    /// A token with the checksum that GitHub's have.
    static func github(_ prefix: String, _ random: inout Seeded) -> String {
        let body = random.text(30, alphanumeric)
        var checksum = crc32(0, Array(body.utf8), 30)
        let characters = Array(digits + upper + lower)
        var end = ""
        for _ in 0..<6 {
            end = String(characters[Int(checksum % 62)]) + end
            checksum /= 62
        }
        return prefix + body + end
    }

    static func jsonWebToken(_ random: inout Seeded, subject: String) -> String {
        let parts = ["{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "{\"sub\":\"\(subject)\",\"exp\":1}"].map { part in
            Base64.encode(Array(part.utf8)).filter { $0 != "=" }
        }
        return parts.joined(separator: ".") + "." + random.text(43, base64URL)
    }

    /// Bech32 of BIP 173, by polynomial division over bits in groups of five.
    private static func age(_ key: [UInt8]) -> String {
        var values: [UInt32] = []
        var (bits, count): (UInt32, UInt32) = (0, 0)
        for byte in key {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 5 {
                count -= 5
                values.append(bits >> count & 31)
            }
        }
        if count > 0 { values.append(bits << (5 - count) & 31) }
        let prefix = Array("age-secret-key-".utf8).map(UInt32.init)
        var sum: UInt32 = 1
        for value in prefix.map({ $0 >> 5 }) + [0] + prefix.map({ $0 & 31 }) + values + [0, 0, 0, 0, 0, 0] {
            let top = sum >> 25
            sum = (sum & 0x1FF_FFFF) << 5 ^ value
            let generators: [UInt32] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]
            for bit in 0..<5 where top >> UInt32(bit) & 1 == 1 { sum ^= generators[bit] }
        }
        sum ^= 1
        values += (0..<6).map { sum >> UInt32(5 * (5 - $0)) & 31 }
        let alphabet = Array("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")
        return "AGE-SECRET-KEY-1" + String(values.map { alphabet[Int($0)] })
    }
}
