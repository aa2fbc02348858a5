// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CZlib
internal import Glibc

/// Tells what looks random from what people write as examples.
enum Plausibility {
    /// The entropy of the bytes' frequencies, in bits for each byte (Shannon). 32 random hexadecimal digits have about
    /// 3.5, 40 of base64 about 4.8.
    static func entropy(_ bytes: ArraySlice<UInt8>) -> Double {
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        let total = Double(bytes.count)
        return counts.filter { $0 > 0 }.reduce(0) { sum, count in
            let share = Double(count) / total
            return sum - share * log2(share)
        }
    }

    /// Whether the text says itself that it is none, or was typed without thought.
    static func isPlaceholder(_ bytes: ArraySlice<UInt8>) -> Bool {
        var runLength = 0
        var previous: UInt8?
        for byte in bytes {
            runLength = byte == previous ? runLength + 1 : 1
            if runLength >= 6 { return true }
            previous = byte
        }
        let text = String(decoding: bytes.map(KeywordAutomaton.folded), as: UTF8.self)
        return exampleWords.contains { text.firstRange(of: $0) != nil }
    }

    private static let exampleWords = [
        "example", "placeholder", "changeme", "change_me", "change-me", "redacted", "your_", "your-", "yourp", "dummy",
        "sample", "12345678", "01234567", "abcdefgh", "insert", "replace", "xxxx", "****",
    ]

    /// Whether bytes hold a small letter, a capital and a digit.
    static func isMixed(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.contains { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }
            && bytes.contains { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
            && bytes.contains { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    /// Whether the last six characters are the CRC-32 of those before them, in base 62, as GitHub's tokens end.
    static func hasBase62Checksum(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count > 6 else { return false }
        let content = Array(bytes.dropLast(6))
        var rest = unsafe crc32(0, content, UInt32(content.count))
        let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        for byte in bytes.suffix(6).reversed() {
            guard digits[Int(rest % 62)] == byte else { return false }
            rest /= 62
        }
        return rest == 0
    }

    /// Whether the characters after the separator end in the checksum of Bech32 (BIP 173) for a human-readable part.
    static func hasBech32Checksum(_ data: ArraySlice<UInt8>, humanReadablePart: String) -> Bool {
        let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
        let prefix = Array(humanReadablePart.utf8)
        var values = prefix.map { UInt32($0 >> 5) } + [0] + prefix.map { UInt32($0 & 31) }
        for byte in data {
            guard let value = alphabet.firstIndex(of: KeywordAutomaton.folded(byte)) else { return false }
            values.append(UInt32(value))
        }
        var sum: UInt32 = 1
        for value in values {
            let top = sum >> 25
            sum = (sum & 0x1FF_FFFF) << 5 ^ value
            for (bit, generator) in bech32Generators.enumerated() where top >> UInt32(bit) & 1 == 1 { sum ^= generator }
        }
        return sum == 1
    }

    private static let bech32Generators: [UInt32] = [
        0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3,
    ]
}
