// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Makes tar archives by hand.
package struct TarWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func add(
        _ path: String,
        _ content: [UInt8],
        flag: Character = "0",
        size: Int? = nil,
        change: (inout [UInt8]) -> Void = { _ in }
    ) {
        bytes += Self.header(path, size: size ?? content.count, flag: flag, change: change)
        bytes += content
        bytes += [UInt8](repeating: 0, count: -content.count & 511)
    }

    /// A header with a right checksum; `change` alters it before that is reckoned.
    package static func header(
        _ path: String,
        size: Int,
        flag: Character,
        change: (inout [UInt8]) -> Void = { _ in }
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        put(Array(path.utf8.prefix(100)), at: 0, in: &block)
        put(octal(0o644, 7), at: 100, in: &block)
        put(octal(size, 11), at: 124, in: &block)
        block[156] = flag.asciiValue ?? 0
        put(Array("ustar\u{0}00".utf8), at: 257, in: &block)
        change(&block)
        put([UInt8](repeating: 0x20, count: 8), at: 148, in: &block)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + [0], at: 148, in: &block)
        return block
    }

    package static func put(_ text: [UInt8], at index: Int, in block: inout [UInt8]) {
        block.replaceSubrange(index..<(index + text.count), with: text)
    }

    package static func octal(_ value: Int, _ width: Int) -> [UInt8] {
        let digits = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, width - digits.count)) + digits).utf8)
    }

    package mutating func addRecords(_ records: [(key: String, value: String)]) {
        var content: [UInt8] = []
        for record in records {
            let rest = " \(record.key)=\(record.value)\n"
            var length = rest.utf8.count
            while "\(length)".utf8.count + rest.utf8.count != length {
                length = "\(length)".utf8.count + rest.utf8.count
            }
            content += Array("\(length)\(rest)".utf8)
        }
        add("records", content, flag: "x")
    }

    /// The archive with the two blocks that end it.
    package var ended: [UInt8] { bytes + [UInt8](repeating: 0, count: 1_024) }
}
