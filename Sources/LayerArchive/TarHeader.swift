// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// One header block of a tar archive: POSIX.1-1988 (ustar), GNU, and what came before both.
struct TarHeader {
    static let blockBytes = 512

    enum Kind: Hashable {
        case file
        /// A directory, link, device or the like: no content follows, whatever the size says.
        case bare
        /// An old sparse file of GNU: maps of its holes may stand before the content.
        case sparse
        /// The path of the next entry follows as content.
        case longName
        /// PAX records for the next entry follow as content.
        case records
        /// Where the next entry leads follows as content.
        case longLink
        /// Content follows that says nothing needed here: records for the whole archive.
        case ignored
    }

    let kind: Kind
    /// What the entry is, where it is one.
    let type: TarEntry.Kind
    /// As it stands in the block; without meaning if an extension before it gives another.
    let path: [UInt8]
    let link: [UInt8]
    /// Nil where the block has no such number.
    let mode: Int64?
    let owner: Int64?
    let group: Int64?
    let device: [Int64]?
    /// Bytes of content that follow.
    let size: Int64
    /// Whether a block of a sparse map follows.
    let isExtended: Bool

    /// Reads a block of 512 bytes.
    ///
    /// Errors: `.damaged` for a wrong checksum, or a size that is no number.
    init(parsing block: [UInt8]) throws(LayerFault) {
        precondition(block.count == TarHeader.blockBytes)
        guard TarHeader.hasValidChecksum(block) else {
            throw LayerFault(.damaged, "a block where a tar header belongs has not its checksum")
        }
        guard let size = TarHeader.number(block[124..<136]), size >= 0 else {
            throw LayerFault(.damaged, "the size in a tar header is no number, or below zero")
        }
        let name = TarHeader.text(block[0..<100])
        // Before ustar a directory was told by its name alone.
        let isOldDirectory = block[156] == 0 && name.last == UInt8(ascii: "/")
        kind = isOldDirectory ? .bare : TarHeader.kind(block[156])
        self.size = kind == .bare ? 0 : size
        type = kind == .file || kind == .sparse ? .file : TarHeader.type(block[156])
        mode = TarHeader.count(block[100..<108])
        owner = TarHeader.count(block[108..<116])
        group = TarHeader.count(block[116..<124])
        let numbers = [block[329..<337], block[337..<345]].compactMap(TarHeader.count)
        device = numbers.count == 2 ? numbers : nil
        link = kind == .bare ? Array(TarHeader.text(block[157..<257])) : []
        isExtended = kind == .sparse && block[482] != 0
        let isPOSIX = block[257..<263].elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0])
        let prefix = isPOSIX ? TarHeader.text(block[345..<500]) : []
        path = prefix.isEmpty ? Array(name) : prefix + [UInt8(ascii: "/")] + name
    }

    /// Whether the block's bytes have the sum that it says, its own field counted as blanks; some old writers sum
    /// signed bytes.
    static func hasValidChecksum(_ block: [UInt8]) -> Bool {
        guard let stated = number(block[148..<156]) else { return false }
        var unsigned: Int64 = 8 * 0x20
        var signed: Int64 = 8 * 0x20
        for index in block.indices where !(148..<156 ~= index) {
            unsigned += Int64(block[index])
            signed += Int64(Int8(bitPattern: block[index]))
        }
        return stated == unsigned || stated == signed
    }

    private static func kind(_ flag: UInt8) -> Kind {
        switch flag {
        case UInt8(ascii: "1")...UInt8(ascii: "6"): .bare
        case UInt8(ascii: "S"): .sparse
        case UInt8(ascii: "L"): .longName
        case UInt8(ascii: "x"), UInt8(ascii: "X"): .records
        case UInt8(ascii: "K"): .longLink
        case UInt8(ascii: "g"): .ignored
        default: .file
        }
    }

    /// The type of an entry without content. Before ustar, directories had no flag.
    private static func type(_ flag: UInt8) -> TarEntry.Kind {
        switch flag {
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symbolicLink
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "6"): .pipe
        default: .directory
        }
    }

    /// A number that is not below zero.
    private static func count(_ field: ArraySlice<UInt8>) -> Int64? {
        number(field).flatMap { $0 < 0 ? nil : $0 }
    }

    /// Octal digits between blanks and zeros, or GNU's base 256 with the first bit set. Nothing at all is zero.
    static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            var value: Int64 = first & 0x40 == 0 ? Int64(first & 0x3F) : Int64(first) - 256
            for byte in field.dropFirst() {
                let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                guard !overflow else { return nil }
                value = product | Int64(byte)
            }
            return value
        }
        var digits = field.drop { $0 == 0x20 || $0 == 0 }
        while let last = digits.last, last == 0x20 || last == 0 { digits.removeLast() }
        var value: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "7") ~= digit else { return nil }
            value = value << 3 | Int64(digit - UInt8(ascii: "0"))
        }
        return value
    }

    private static func text(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> { field.prefix { $0 != 0 } }
}
