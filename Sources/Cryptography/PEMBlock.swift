// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// One block of the textual encoding of RFC 7468: a label and bytes.
package struct PEMBlock: Hashable, Sendable, CustomStringConvertible {
    package let label: String
    package let bytes: [UInt8]

    package init(label: String, bytes: [UInt8]) {
        self.label = label
        self.bytes = bytes
    }

    /// Reads a text that holds one block and, around it, nothing but white space.
    ///
    /// Lines may end in a carriage return and may have any length; headers inside the block are refused.
    ///
    /// - Throws: `malformed`, also for a text of more than 16 KiB.
    package init(parsing text: some StringProtocol) throws(KeyError) {
        guard text.utf8.count <= KeyLimits.pemBytesLimit else {
            throw KeyError(code: .malformed, reason: "a PEM text has at most \(KeyLimits.pemBytesLimit) bytes")
        }
        let lines = String(text).split(whereSeparator: \.isNewline).map { $0.trimming(" \t") }.filter { !$0.isEmpty }
        let (begin, end, dashes) = ("-----BEGIN ", "-----END ", "-----")
        guard let first = lines.first, let last = lines.last, lines.count >= 3,
            first.hasPrefix(begin), first.hasSuffix(dashes), first.utf8.count > begin.utf8.count + dashes.utf8.count
        else {
            throw KeyError(code: .malformed, reason: "a PEM text begins with -----BEGIN <label>----- and ends likewise")
        }
        let label = String(first.dropFirst(begin.count).dropLast(dashes.count))
        guard last == end + label + dashes else {
            throw KeyError(code: .malformed, reason: "the PEM text does not end with the label that it began with")
        }
        guard let bytes = Base64.decode(lines.dropFirst().dropLast().joined()), !bytes.isEmpty else {
            throw KeyError(code: .malformed, reason: "the PEM text holds something else than one block of base64")
        }
        self.init(label: label, bytes: bytes)
    }

    /// Lines of 64 characters, as RFC 7468 has them, each ended by a line feed.
    package var description: String {
        var text = "-----BEGIN \(label)-----\n"
        var rest = Base64.encode(bytes)[...]
        while !rest.isEmpty {
            text += "\(rest.prefix(64))\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END \(label)-----\n"
    }
}

extension Substring {
    fileprivate func trimming(_ characters: String) -> Substring {
        var rest = drop { characters.contains($0) }
        while let last = rest.last, characters.contains(last) { rest.removeLast() }
        return rest
    }
}
