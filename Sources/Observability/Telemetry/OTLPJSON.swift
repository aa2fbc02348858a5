// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A JSON document in the making, as OTLP wants it: 64-bit integers as strings, ids as hexadecimal digits, enumerations
/// as numbers.
struct OTLPJSON {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false
    private let textBytes: Int

    /// - Parameter textBytes: UTF-8 bytes of a text; what is beyond is cut off.
    init(textBytes: Int = TelemetryLimits.textBytes) { self.textBytes = textBytes }

    mutating func object(_ body: (inout OTLPJSON) -> Void) {
        open(UInt8(ascii: "{"))
        body(&self)
        close(UInt8(ascii: "}"))
    }

    mutating func array<Elements: Sequence>(
        _ elements: Elements,
        _ body: (inout OTLPJSON, Elements.Element) -> Void
    ) {
        open(UInt8(ascii: "["))
        for element in elements { body(&self, element) }
        close(UInt8(ascii: "]"))
    }

    mutating func key(_ name: StaticString) {
        comma()
        text(name.description)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func string(_ value: String) {
        comma()
        text(value)
    }

    /// A 64-bit integer, which JSON's numbers cannot hold.
    mutating func integer(_ value: some FixedWidthInteger) {
        comma()
        text(String(value))
    }

    /// A small number, such as that of an enumeration.
    mutating func number(_ value: Int) {
        comma()
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func double(_ value: Double) {
        comma()
        if value.isFinite {
            bytes.append(contentsOf: value.description.utf8)
        } else {
            text(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
        }
    }

    mutating func flag(_ value: Bool) {
        comma()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    mutating func null() {
        comma()
        bytes.append(contentsOf: "null".utf8)
    }

    private mutating func text(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        LogText.appendJSON(value, limit: textBytes, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func comma() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        comma()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }
}
