// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
import OCI

/// A public key under the name by which a policy speaks of it.
package struct TrustKey: Sendable, Hashable {
    package let name: String
    package let key: VerificationKey
    /// What bundles call the key: the SHA-256 of its DER form, in base64.
    package let hint: String

    /// - Throws: `cryptography`.
    package init(name: String, key: VerificationKey) throws(TrustError) {
        self.name = name
        self.key = key
        hint = try key.bundleHint()
    }

    /// Reads a key in PEM.
    ///
    /// - Throws: `invalidKey` with the key's name.
    package init(name: String, pem: String) throws(TrustError) {
        guard pem.utf8.count <= TrustLimits.keyBytesLimit else {
            throw TrustError(.invalidKey, "the key '\(name.quotable)' has over \(TrustLimits.keyBytesLimit) bytes")
        }
        do {
            key = try VerificationKey(pem: pem)
        } catch {
            throw TrustError(.invalidKey, "the key '\(name.quotable)': \(error.reason)")
        }
        self.name = name
        hint = try key.bundleHint()
    }
}

extension VerificationKey {
    /// What bundles call a key: the SHA-256 of its DER form, in base64.
    package func bundleHint() throws(TrustError) -> String {
        Base64.encode(try Digest.hashing(spki).bytes)
    }
}
