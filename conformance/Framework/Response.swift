// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// One answer of the registry, with the request that it answers.
struct Response: Sendable {
    let request: Request
    let status: Int
    let headers: Headers
    let body: [UInt8]

    var text: String {
        String(decoding: body, as: UTF8.self)
    }

    /// Status, headers and the beginning of the body, for messages.
    var description: String {
        var lines = ["\(status)"]
        lines += headers.fields.map { "\($0.name): \($0.value)" }
        if !body.isEmpty {
            lines.append("")
            lines.append(Self.quoted(body.prefix(Limits.quotedBodyBytes)))
            if body.count > Limits.quotedBodyBytes {
                lines.append("… (\(body.count) bytes in all)")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// The beginning of a body as text where it is text, else in hexadecimal.
    private static func quoted(_ bytes: ArraySlice<UInt8>) -> String {
        let isText = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0D].contains($0) }
        if isText, let text = String(validating: bytes, as: UTF8.self) {
            return text
        }
        return "(binary) " + bytes.prefix(Limits.quotedBinaryBytes).map { String($0, radix: 16) }.joined(separator: " ")
    }
}

/// What a check may claim about an answer. Each throws a `CheckFailure` that quotes the answer, and gives the
/// answer back so that claims can be chained.
extension Response {
    func failure(expected: String, received: String) -> CheckFailure {
        CheckFailure(expected: expected, received: received, response: self)
    }

    @discardableResult
    func expect(_ condition: Bool, _ expected: String, received: String) throws -> Response {
        guard condition else {
            throw failure(expected: expected, received: received)
        }
        return self
    }

    @discardableResult
    func expect(status expected: Int...) throws -> Response {
        let wanted = expected.map(String.init).joined(separator: " or ")
        return try expect(expected.contains(status), "status \(wanted)", received: "status \(status)")
    }

    /// Any of 200 to 299.
    @discardableResult
    func expectSuccess() throws -> Response {
        try expect((200...299).contains(status), "a status of success (2xx)", received: "status \(status)")
    }

    /// Any of 400 to 499: the client is told that it is at fault, and nothing was done.
    @discardableResult
    func expectRefusal() throws -> Response {
        try expect((400...499).contains(status), "a refusal (4xx)", received: "status \(status)")
    }

    @discardableResult
    func expect(header name: String) throws -> String {
        guard let value = headers[name], !value.isEmpty else {
            throw failure(expected: "header \(name)", received: "no header \(name)")
        }
        return value
    }

    @discardableResult
    func expect(_ name: String, is expected: String) throws -> Response {
        let values = headers.values(name)
        let received = values.isEmpty ? "no header \(name)" : "\(name): \(values.joined(separator: " | "))"
        return try expect(values == [expected], "\(name): \(expected)", received: received)
    }

    /// The header may be missing; if it is there, it has this value.
    @discardableResult
    func expect(_ name: String, isAbsentOr expected: String) throws -> Response {
        headers[name] == nil ? self : try expect(name, is: expected)
    }

    @discardableResult
    func expect(noHeader name: String) throws -> Response {
        try expect(headers[name] == nil, "no header \(name)", received: "\(name): \(headers[name] ?? "")")
    }

    @discardableResult
    func expect(body expected: [UInt8]) throws -> Response {
        guard body != expected else {
            return self
        }
        let difference = zip(body, expected).enumerated().first { $1.0 != $1.1 }?.offset
        let place = difference.map { ", first different at \($0)" } ?? ""
        throw failure(expected: "these \(expected.count) bytes", received: "\(body.count) bytes\(place)")
    }

    @discardableResult
    func expectEmptyBody() throws -> Response {
        try expect(body.isEmpty, "no body", received: "a body of \(body.count) bytes")
    }
}
