// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The digest of content: an algorithm and the hash, kept inline without heap memory.
///
/// Only lower-case hexadecimal is accepted, so equal content has one spelling. The order is that of `storageBytes`.
public struct Digest: ParsedValue, Comparable {
    /// The hash functions of the image specification that this registry computes.
    public enum Algorithm: UInt8, Hashable, Sendable, CaseIterable {
        /// The raw values are written to databases and never change.
        case sha256 = 1
        case sha512 = 2

        /// The registered name, as before the colon of a digest.
        @inlinable
        public var name: String {
            switch self {
            case .sha256: "sha256"
            case .sha512: "sha512"
            }
        }

        /// The length of a hash in bytes.
        @inlinable
        public var byteCount: Int {
            switch self {
            case .sha256: 32
            case .sha512: 64
            }
        }

        /// Reads a registered name.
        public init(parsing text: some StringProtocol) throws(ParsingError) {
            switch text {
            case "sha256": self = .sha256
            case "sha512": self = .sha512
            default:
                throw ParsingError(
                    code: .unsupportedAlgorithm,
                    reason: "the digest algorithms known here are sha256 and sha512",
                    value: String(text)
                )
            }
        }
    }

    public let algorithm: Algorithm
    @usableFromInline let words: DigestWords

    @usableFromInline
    init(algorithm: Algorithm, words: DigestWords) {
        self.algorithm = algorithm
        self.words = words
    }

    /// Takes the bytes of a finished hash; nil if their number is not the algorithm's.
    @inlinable
    public init?(algorithm: Algorithm, bytes: some Collection<UInt8>) {
        guard bytes.count == algorithm.byteCount else { return nil }
        var words = DigestWords()
        var position = 0
        for byte in bytes {
            words[position / 8] |= UInt64(byte) << UInt64(56 - 8 * (position % 8))
            position += 1
        }
        self.init(algorithm: algorithm, words: words)
    }

    /// Reads the form that `storageBytes` writes; nil for anything else.
    @inlinable
    public init?(storageBytes: some Collection<UInt8>) {
        guard let first = storageBytes.first, let algorithm = Algorithm(rawValue: first) else { return nil }
        self.init(algorithm: algorithm, bytes: storageBytes.dropFirst())
    }

    /// The bytes of the hash.
    public var bytes: [UInt8] { (0..<algorithm.byteCount).map { words.byte($0) } }

    /// The form in databases: the algorithm's raw value, then the hash.
    public var storageBytes: [UInt8] {
        let count = algorithm.byteCount + 1
        // Safety: exactly `count` bytes of the capacity are written, each once, and that count is reported.
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            buffer[0] = algorithm.rawValue
            for position in 1..<count { buffer[position] = words.byte(position - 1) }
            initialized = count
        }
    }

    public static func < (left: Digest, right: Digest) -> Bool {
        guard left.algorithm == right.algorithm else { return left.algorithm.rawValue < right.algorithm.rawValue }
        return left.words < right.words
    }

    public func hash(into hasher: inout Hasher) {
        for index in 0..<(algorithm.byteCount / 8) { hasher.combine(words[index]) }
    }
}

/// Eight 64-bit words of a hash in big-endian order; those that an algorithm does not fill are zero.
@usableFromInline
struct DigestWords: Hashable, Comparable, Sendable {
    @usableFromInline var word0: UInt64 = 0
    @usableFromInline var word1: UInt64 = 0
    @usableFromInline var word2: UInt64 = 0
    @usableFromInline var word3: UInt64 = 0
    @usableFromInline var word4: UInt64 = 0
    @usableFromInline var word5: UInt64 = 0
    @usableFromInline var word6: UInt64 = 0
    @usableFromInline var word7: UInt64 = 0

    @inlinable
    init() {}

    @inlinable
    subscript(index: Int) -> UInt64 {
        get {
            switch index {
            case 0: word0
            case 1: word1
            case 2: word2
            case 3: word3
            case 4: word4
            case 5: word5
            case 6: word6
            default: word7
            }
        }
        set {
            switch index {
            case 0: word0 = newValue
            case 1: word1 = newValue
            case 2: word2 = newValue
            case 3: word3 = newValue
            case 4: word4 = newValue
            case 5: word5 = newValue
            case 6: word6 = newValue
            default: word7 = newValue
            }
        }
    }

    @inlinable
    func byte(_ position: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: self[position / 8] >> UInt64(56 - 8 * (position % 8)))
    }

    @inlinable
    static func < (left: DigestWords, right: DigestWords) -> Bool {
        for index in 0..<8 where left[index] != right[index] { return left[index] < right[index] }
        return false
    }
}
