// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography

/// How the copy of a log is called in paths, whose own name has slashes: `/log/mirror/<name>/…`.
package enum MirrorPath {
    /// 64 hexadecimal digits: the SHA-256 of the origin.
    package static func name(of origin: String) -> String {
        var bytes: [UInt8] = []
        SHA256Hash.of(Array(origin.utf8)).append(to: &bytes)
        return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
