// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CBcrypt
internal import Cryptography
internal import Glibc

/// The password hash of htpasswd files, computed by the system's libcrypt. Each call takes as long as the hash's cost
/// says, and blocks the thread.
enum Bcrypt {
    /// Bytes of the longest password that is hashed whole: bcrypt does not look at what follows.
    static let passwordBytesLimit = 72
    /// Costs that are accepted: each step doubles the time, and 2^16 rounds take some seconds.
    static let costs = 4...16

    /// Whether a password is the one that a stored hash was made of.
    static func verify(_ password: [UInt8], against stored: String) -> Bool {
        guard let computed = hash(password, setting: stored) else { return false }
        return ConstantTime.equal(Array(computed.utf8), Array(stored.utf8))
    }

    /// Hashes a password with the cost and the salt that a setting, or a stored hash, begins with.
    ///
    /// - Returns: nil for a password that is empty, too long or has a NUL, and for a setting that libcrypt refuses.
    static func hash(_ password: [UInt8], setting: String) -> String? {
        guard (1...passwordBytesLimit).contains(password.count), !password.contains(0) else { return nil }
        // Safety: calloc gives zeroed memory of the size of crypt_data, aligned for it, or nil. libcrypt writes within
        // the size it is told, and the string that it returns lies in that memory, which is freed only after the copy.
        guard let data = unsafe calloc(1, MemoryLayout<crypt_data>.size) else { return nil }
        defer { unsafe free(data) }
        let phrase = password.map { CChar(bitPattern: $0) } + [0]
        guard let result = unsafe crypt_rn(phrase, setting, data, Int32(MemoryLayout<crypt_data>.size)) else {
            return nil
        }
        return unsafe String(cString: result)
    }

    /// The setting of a new hash: `$2y$`, the cost and the salt, which is 16 random bytes.
    static func setting(cost: Int, salt: [UInt8]) -> String? {
        guard costs.contains(cost), salt.count == 16 else { return nil }
        let bytes = salt.map { CChar(bitPattern: $0) }
        var text = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        // Safety: libcrypt reads the salt's bytes and writes at most `count` bytes of text, which end with a zero.
        let made = unsafe text.withUnsafeMutableBufferPointer { buffer in
            unsafe crypt_gensalt_rn(
                "$2y$",
                UInt(cost),
                bytes,
                Int32(bytes.count),
                buffer.baseAddress,
                Int32(buffer.count)
            ) != nil
        }
        guard made else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What is wrong with a stored hash; nil for one that can be checked.
    static func refusal(of stored: Substring) -> String? {
        guard ["$2a$", "$2b$", "$2y$"].contains(where: { stored.hasPrefix($0) }) else {
            return "passwords have to be hashed with bcrypt ($2a$, $2b$ or $2y$): htpasswd -B"
        }
        let bytes = Array(stored.utf8)
        guard bytes.count == 60, bytes[6] == UInt8(ascii: "$"),
            bytes[4..<6].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let cost = Int(stored.dropFirst(4).prefix(2))
        else { return "a bcrypt hash has two digits of cost and 53 characters after them" }
        guard costs.contains(cost) else {
            return "the cost of a bcrypt hash has to be between \(costs.lowerBound) and \(costs.upperBound)"
        }
        guard bytes[7...].allSatisfy(isDigit) else {
            return "a bcrypt hash has letters, digits, '.' and '/' after its cost"
        }
        return nil
    }

    /// Whether a byte is a digit of bcrypt's base64.
    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: ".")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
