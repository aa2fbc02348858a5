// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// A place in an image's file system, from its root on: the names on the way, as bytes. The root has none.
package struct FilePath: Hashable, Sendable, CustomStringConvertible {
    package var names: [[UInt8]]

    package init(names: [[UInt8]]) { self.names = names }

    /// A path that is known to be one.
    package init(_ text: StaticString) {
        names = "\(text)".utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
    }

    /// Reads a path of an archive. Slashes before and after it, and `.`, mean nothing.
    ///
    /// - Throws: `malformed` for `..` and zeros: nothing is followed to the outside. `tooLarge` for more than
    ///   `ImageDiffLimits.depth` names.
    package init(parsing bytes: [UInt8]) throws(ImageDiffError) {
        names = bytes.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(Self.here) }.map(Array.init)
        let text = ParsingError.quotable(String(decoding: bytes, as: UTF8.self))
        guard !names.contains(Self.up), !bytes.contains(0) else {
            throw ImageDiffError(.malformed, "the path \"\(text)\" leads out of the image, or holds a zero")
        }
        guard names.count <= ImageDiffLimits.depth else {
            throw ImageDiffError(.tooLarge, "the path \"\(text)\" has more than \(ImageDiffLimits.depth) names")
        }
    }

    static let here = Array(".".utf8)
    static let up = Array("..".utf8)

    package var bytes: [UInt8] { Array(names.joined(separator: [UInt8(ascii: "/")])) }
    package var description: String { String(decoding: bytes, as: UTF8.self) }
    var quoted: String { "\"\(ParsingError.quotable(description))\"" }
}
