// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension Digest {
    /// Reads `<algorithm>:<lower-case hex>`, nothing before or after it.
    ///
    /// - Throws: `unsupportedAlgorithm` for a well-formed digest of an algorithm that is not known here,
    ///   `invalidDigest` for everything else.
    @inlinable
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        switch text.withUTF8Span(Digest.read) {
        case .digest(let digest): self = digest
        case .fault(let code, let reason): throw ParsingError(code: code, reason: reason, value: String(text))
        }
    }

    @usableFromInline
    enum Reading {
        case digest(Digest)
        case fault(ParsingError.Code, String)
    }

    @usableFromInline
    static func read(_ text: Span<UInt8>) -> Reading {
        guard let algorithm = knownAlgorithm(text) else { return faultOfUnknown(text) }
        let start = 7
        let digits = algorithm.byteCount * 2
        guard text.count == start + digits else {
            return .fault(.invalidDigest, "the hash of a \(algorithm.name) digest has \(digits) characters")
        }
        var words = DigestWords()
        var valid = true
        for index in 0..<(digits / 16) {
            var word: UInt64 = 0
            for position in (start + 16 * index)..<(start + 16 * index + 16) {
                let byte = text[position]
                let decimal = byte &- UInt8(ascii: "0")
                let letter = byte &- UInt8(ascii: "a")
                valid = valid && (decimal < 10 || letter < 6)
                word = word << 4 | UInt64(decimal < 10 ? decimal : letter & 0xf &+ 10)
            }
            words[index] = word
        }
        guard valid else { return .fault(.invalidDigest, "the hash of a digest is written in 0-9 and a-f") }
        return .digest(Digest(algorithm: algorithm, words: words))
    }

    private static func knownAlgorithm(_ text: Span<UInt8>) -> Algorithm? {
        guard text.count > 7, text[0] == UInt8(ascii: "s"), text[1] == UInt8(ascii: "h"),
            text[2] == UInt8(ascii: "a"), text[6] == UInt8(ascii: ":")
        else { return nil }
        switch (text[3], text[4], text[5]) {
        case (UInt8(ascii: "2"), UInt8(ascii: "5"), UInt8(ascii: "6")): return .sha256
        case (UInt8(ascii: "5"), UInt8(ascii: "1"), UInt8(ascii: "2")): return .sha512
        default: return nil
        }
    }

    /// Tells another algorithm's digest, by the grammar of the image specification, from what is no digest at all.
    private static func faultOfUnknown(_ text: Span<UInt8>) -> Reading {
        let form = "a digest is <algorithm>:<hash in lower-case hexadecimal>"
        var position = 0
        var componentIsEmpty = true
        while position < text.count, text[position] != UInt8(ascii: ":") {
            switch text[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): componentIsEmpty = false
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                guard !componentIsEmpty else { return .fault(.invalidDigest, form) }
                componentIsEmpty = true
            default: return .fault(.invalidDigest, form)
            }
            position += 1
        }
        guard !componentIsEmpty, position + 1 < text.count else { return .fault(.invalidDigest, form) }
        for index in (position + 1)..<text.count {
            switch text[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "="), UInt8(ascii: "_"), UInt8(ascii: "-"):
                continue
            default: return .fault(.invalidDigest, form)
            }
        }
        return .fault(.unsupportedAlgorithm, "the digest algorithms known here are sha256 and sha512")
    }

    /// The hash in lower-case hexadecimal, without the algorithm.
    public var hex: String { text(prefix: "") }

    /// `<algorithm>:<hex>`
    public var description: String {
        switch algorithm {
        case .sha256: text(prefix: "sha256:")
        case .sha512: text(prefix: "sha512:")
        }
    }

    private func text(prefix: StaticString) -> String {
        let start = prefix.utf8CodeUnitCount
        let count = start + 2 * algorithm.byteCount
        // Safety: exactly `count` bytes of the capacity are written, each once: the prefix, whose pointer lives as
        // long as the program and has `start` bytes, and the digits after it.
        return String(unsafeUninitializedCapacity: count) { buffer in
            for position in 0..<start { buffer[position] = prefix.utf8Start[position] }
            for position in 0..<algorithm.byteCount {
                let byte = words.byte(position)
                buffer[start + 2 * position] = Digest.digit(byte >> 4)
                buffer[start + 2 * position + 1] = Digest.digit(byte & 0xf)
            }
            return count
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
