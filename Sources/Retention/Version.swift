// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A semantic version (2.0.0) as tags carry it: `1.4.2`, `v1.4.2-rc.1`.
///
/// The order is that of precedence, and two versions that only build metadata tells apart are equal. `1.4` and `1` are
/// no versions: such tags move.
package struct Version: Sendable, Hashable, Comparable, CustomStringConvertible {
    enum Identifier: Sendable, Hashable, Comparable {
        case number(UInt64)
        case text(String)

        static func < (left: Identifier, right: Identifier) -> Bool {
            switch (left, right) {
            case (.number(let left), .number(let right)): left < right
            case (.number, .text): true
            case (.text, .number): false
            case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
            }
        }
    }

    let major: UInt64
    let minor: UInt64
    let patch: UInt64
    /// What follows a hyphen; a version with any comes before the one without.
    let preRelease: [Identifier]

    init(_ major: UInt64, _ minor: UInt64, _ patch: UInt64, preRelease: [Identifier] = []) {
        self.major = major
        self.minor = minor
        self.patch = patch
        self.preRelease = preRelease
    }

    package var isPreRelease: Bool { !preRelease.isEmpty }

    /// Reads a version; a leading `v` or `V` is passed over.
    ///
    /// - Throws: `invalidVersion`.
    package init(parsing text: some StringProtocol) throws(RetentionError) {
        guard let version = Self.read(text) else {
            throw RetentionError(.invalidVersion, "a version is MAJOR.MINOR.PATCH, and perhaps -PRERELEASE")
        }
        self = version
    }

    /// nil for what is no version.
    static func read(_ text: some StringProtocol) -> Version? {
        var rest = text.utf8[...]
        if rest.first == UInt8(ascii: "v") || rest.first == UInt8(ascii: "V") { rest = rest.dropFirst() }
        guard let first = rest.first, isDigit(first) else { return nil }
        if let plus = rest.firstIndex(of: UInt8(ascii: "+")) {
            let build = rest[rest.index(after: plus)...]
            guard areIdentifiers(build, check: { _ in true }) else { return nil }
            rest = rest[..<plus]
        }
        var preRelease: [Identifier] = []
        if let hyphen = rest.firstIndex(of: UInt8(ascii: "-")) {
            let tail = rest[rest.index(after: hyphen)...]
            let read = areIdentifiers(tail) { piece in
                guard let identifier = identifier(piece) else { return false }
                preRelease.append(identifier)
                return true
            }
            guard read else { return nil }
            rest = rest[..<hyphen]
        }
        let numbers = rest.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard numbers.count == 3, let major = number(numbers[0]), let minor = number(numbers[1]),
            let patch = number(numbers[2])
        else { return nil }
        return Version(major, minor, patch, preRelease: preRelease)
    }

    private static func areIdentifiers<Bytes: Collection<UInt8>>(
        _ text: Bytes,
        check: (Bytes.SubSequence) -> Bool
    ) -> Bool {
        for piece in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard !piece.isEmpty, piece.allSatisfy(isIdentifierByte), check(piece) else { return false }
        }
        return true
    }

    private static func identifier(_ text: some Collection<UInt8>) -> Identifier? {
        guard text.allSatisfy(isDigit) else { return .text(String(decoding: text, as: UTF8.self)) }
        return number(text).map { .number($0) }
    }

    /// Digits without a superfluous zero, up to the limit.
    static func number(_ text: some Collection<UInt8>) -> UInt64? {
        guard let first = text.first, text.count <= 16, first != UInt8(ascii: "0") || text.count == 1 else {
            return nil
        }
        var number: UInt64 = 0
        for byte in text {
            guard isDigit(byte) else { return nil }
            number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        return number <= RetentionLimits.versionNumberLimit ? number : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isIdentifierByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "-") || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
            || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
    }

    /// Whether the three numbers are the same.
    func isSameRelease(as other: Version) -> Bool {
        major == other.major && minor == other.minor && patch == other.patch
    }

    package static func < (left: Version, right: Version) -> Bool {
        if left.major != right.major { return left.major < right.major }
        if left.minor != right.minor { return left.minor < right.minor }
        if left.patch != right.patch { return left.patch < right.patch }
        guard left.isPreRelease, right.isPreRelease else { return left.isPreRelease && !right.isPreRelease }
        return left.preRelease.lexicographicallyPrecedes(right.preRelease)
    }

    package var description: String {
        let identifiers = preRelease.map { identifier in
            switch identifier {
            case .number(let number): "\(number)"
            case .text(let text): text
            }
        }
        return "\(major).\(minor).\(patch)" + (isPreRelease ? "-" + identifiers.joined(separator: ".") : "")
    }
}
