// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What sort of secret was found. The raw values stand in reports and policies and do not change.
package enum SecretKind: String, Hashable, Sendable, CaseIterable {
    case rsaPrivateKey = "rsa-private-key"
    case ecPrivateKey = "ec-private-key"
    case dsaPrivateKey = "dsa-private-key"
    case opensshPrivateKey = "openssh-private-key"
    case pkcs8PrivateKey = "pkcs8-private-key"
    case pgpPrivateKey = "pgp-private-key"
    case puttyPrivateKey = "putty-private-key"
    /// Any of the above that a passphrase protects.
    case encryptedPrivateKey = "encrypted-private-key"
    /// A private key in PEM that was put in base64 once more.
    case encodedPrivateKey = "encoded-private-key"
    case kubeconfigClientKey = "kubeconfig-client-key"
    case ageSecretKey = "age-secret-key"
    case wireguardPrivateKey = "wireguard-private-key"
    case awsAccessKey = "aws-access-key"
    case gcpServiceAccount = "gcp-service-account"
    case googleAPIKey = "google-api-key"
    case googleClientSecret = "google-client-secret"
    case azureStorageKey = "azure-storage-key"
    case azureClientSecret = "azure-client-secret"
    case githubToken = "github-token"
    case gitlabToken = "gitlab-token"
    case slackToken = "slack-token"
    case slackWebhook = "slack-webhook"
    case stripeKey = "stripe-key"
    case twilioToken = "twilio-token"
    case sendgridKey = "sendgrid-key"
    case npmToken = "npm-token"
    case pypiToken = "pypi-token"
    case rubygemsKey = "rubygems-key"
    case dockerHubToken = "docker-hub-token"
    case herokuKey = "heroku-key"
    case digitalOceanToken = "digitalocean-token"
    case huggingFaceToken = "hugging-face-token"
    case openAIKey = "openai-key"
    case anthropicKey = "anthropic-key"
    case databricksToken = "databricks-token"
    case vaultToken = "vault-token"
    case grafanaToken = "grafana-token"
    case shopifyToken = "shopify-token"
    case linearKey = "linear-key"
    case newRelicKey = "new-relic-key"
    case postmanKey = "postman-key"
    case atlassianToken = "atlassian-token"
    case pulumiToken = "pulumi-token"
    case dopplerToken = "doppler-token"
    case planetScaleToken = "planetscale-token"
    case tailscaleKey = "tailscale-key"
    case brevoKey = "brevo-key"
    case jsonWebToken = "json-web-token"
    case npmCredential = "npm-credential"
    case dockerCredential = "docker-credential"
    case netrcPassword = "netrc-password"
    case urlPassword = "url-password"
    /// A value that looks random, under a name like `password`, in a file of settings.
    case genericCredential = "generic-credential"

    package enum Severity: String, Hashable, Sendable, CaseIterable {
        /// Of use to whoever reads it.
        case high
        /// Protected once more, short-lived by nature, or only likely to be a secret.
        case low
    }

    package var severity: Severity {
        switch self {
        case .encryptedPrivateKey, .jsonWebToken, .genericCredential: .low
        default: .high
        }
    }

    /// Which of two findings about the same bytes is kept: the one that says more.
    var rank: Int {
        switch self {
        case .genericCredential: 0
        case .npmCredential, .dockerCredential, .netrcPassword, .urlPassword: 1
        case .gcpServiceAccount, .kubeconfigClientKey: 3
        default: 2
        }
    }
}
