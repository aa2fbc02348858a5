// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What PAX records say about the next entry, as far as it matters here (POSIX.1-2001, pax, "pax Extended Header").
struct TarRecords {
    private(set) var path: [UInt8]?
    private(set) var link: [UInt8]?
    private(set) var size: Int64?
    private(set) var owner: Int64?
    private(set) var group: Int64?
    /// Whether the content is stored without its holes.
    private(set) var isSparse = false

    /// Reads records of the form `length key=value` and a line feed each, the length counting all of it.
    ///
    /// Errors: `.damaged` where the form is broken, or the size is no number. Owners that are none say nothing.
    /// What records before these for the same entry said holds where these say nothing.
    init(parsing bytes: [UInt8], after former: TarRecords? = nil) throws(LayerFault) {
        if let former { self = former }
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: " ") }
            guard let length = TarRecords.decimal(digits), length > digits.count + 2, length <= rest.count,
                rest[rest.startIndex + Int(length) - 1] == 0x0A
            else { throw LayerFault(.damaged, "a PAX record has not the length that it says") }
            let record = rest.prefix(Int(length) - 1).dropFirst(digits.count + 1)
            rest = rest.dropFirst(Int(length))
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw LayerFault(.damaged, "a PAX record has no equals sign")
            }
            try take(record[..<equals], record[(equals + 1)...])
        }
    }

    private mutating func take(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LayerFault) {
        if key.starts(with: "GNU.sparse.".utf8) { isSparse = true }
        if key.elementsEqual("path".utf8) || key.elementsEqual("GNU.sparse.name".utf8) {
            path = Array(value)
        } else if key.elementsEqual("linkpath".utf8) {
            link = Array(value)
        } else if key.elementsEqual("uid".utf8) {
            owner = TarRecords.decimal(value)
        } else if key.elementsEqual("gid".utf8) {
            group = TarRecords.decimal(value)
        } else if key.elementsEqual("size".utf8) {
            guard let number = TarRecords.decimal(value) else {
                throw LayerFault(.damaged, "the size in a PAX record is no number")
            }
            size = number
        }
    }

    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard 1...18 ~= digits.count else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return value
    }
}
