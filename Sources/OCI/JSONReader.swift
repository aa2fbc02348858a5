// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The state of one pass over a JSON document.
struct JSONReader {
    let bytes: [UInt8]
    var position = 0
    private let depthLimit: Int
    private let nodesLimit: Int
    private var depth = 0
    private var nodes = 0

    init(_ bytes: [UInt8], depthLimit: Int, nodesLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
        self.nodesLimit = nodesLimit
    }

    /// The byte to be read next; nil at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func document() throws(JSONError) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw error(.byteOrderMark, "a JSON document begins without a byte order mark")
        }
        skipWhiteSpace()
        let value = try value()
        skipWhiteSpace()
        guard position == bytes.count else { throw error(.trailingBytes, "something follows the JSON document") }
        return value
    }

    func error(_ code: JSONError.Code, _ reason: String) -> JSONError {
        JSONError(code: code, reason: reason, offset: position)
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        nodes += 1
        guard nodes <= nodesLimit else {
            throw error(.tooManyNodes, "the document has more than \(nodesLimit) values")
        }
        guard let byte = next else { throw error(.malformed, "the document ends where a value is expected") }
        switch byte {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error(.malformed, "no JSON value begins with this byte")
        }
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        try open()
        var members: [JSONMember] = []
        var keys = KeySet()
        if try !closes(with: UInt8(ascii: "}")) {
            repeat {
                skipWhiteSpace()
                guard next == UInt8(ascii: "\"") else {
                    throw error(.malformed, "a key in quotation marks is expected")
                }
                let key = try string()
                guard keys.insert(key, besides: members) else {
                    throw error(.duplicateKey, "the key \"\(ParsingError.quotable(key))\" occurs twice in one object")
                }
                skipWhiteSpace()
                guard next == UInt8(ascii: ":") else { throw error(.malformed, "a colon is expected after a key") }
                position += 1
                skipWhiteSpace()
                members.append(JSONMember(key: key, value: try value()))
            } while try continues(until: UInt8(ascii: "}"))
        }
        depth -= 1
        return .object(members)
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try open()
        var elements: [JSONValue] = []
        if try !closes(with: UInt8(ascii: "]")) {
            repeat {
                skipWhiteSpace()
                elements.append(try value())
            } while try continues(until: UInt8(ascii: "]"))
        }
        depth -= 1
        return .array(elements)
    }

    /// Steps over the byte that opens a container.
    private mutating func open() throws(JSONError) {
        depth += 1
        guard depth <= depthLimit else {
            throw error(.tooDeep, "more than \(depthLimit) arrays and objects are nested")
        }
        position += 1
    }

    /// Whether the container is empty; steps over its end if so.
    private mutating func closes(with end: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        guard let byte = next else { throw error(.malformed, "the document ends within a container") }
        guard byte == end else { return false }
        position += 1
        return true
    }

    /// Steps over a comma, or over the container's end.
    private mutating func continues(until end: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        guard let byte = next else { throw error(.malformed, "the document ends within a container") }
        guard byte == end || byte == UInt8(ascii: ",") else {
            throw error(.malformed, "a comma or the container's end is expected")
        }
        position += 1
        return byte != end
    }

    private mutating func literal(_ name: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for byte in name.description.utf8 {
            guard next == byte else { throw error(.malformed, "no JSON value has this name") }
            position += 1
        }
        return value
    }

    private mutating func skipWhiteSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    // MARK: Numbers

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let integerStart = position
        try digits()
        if bytes[integerStart] == UInt8(ascii: "0"), position - integerStart > 1 {
            throw error(.malformed, "a number does not begin with a superfluous zero")
        }
        var isInteger = true
        if next == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, text != "-0", let value = Int64(text) { return .integer(value) }
        return .decimal(text)
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        guard position > start else { throw error(.malformed, "a digit is expected in a number") }
    }
}

/// The keys seen in one object: compared one by one while few, hashed when many, so that an object of many keys costs
/// no more than its length.
private struct KeySet {
    private static let comparedLimit = 8
    private var hashed: Set<String> = []

    /// False if the key is there already.
    mutating func insert(_ key: String, besides members: [JSONMember]) -> Bool {
        if members.count < KeySet.comparedLimit { return !members.contains { $0.key == key } }
        if members.count == KeySet.comparedLimit { hashed = Set(members.map(\.key)) }
        return hashed.insert(key).inserted
    }
}
