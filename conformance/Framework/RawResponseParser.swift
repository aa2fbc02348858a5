// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Reads one HTTP/1.1 answer from the beginning of what has arrived, by the letter of RFC 9112: what frames the body
/// depends on the request's method and on the status, and nothing is forgiven.
struct RawResponseParser {
    /// The method of the request that is answered: an answer to HEAD has no body whatever its header says.
    let method: String

    private struct Head {
        let status: Int
        let headers: Headers
        let length: Int
    }

    /// The answer and how many bytes it took; nil while there is not yet enough.
    func parse(_ bytes: [UInt8], isAtEnd: Bool, request: Request) throws -> (Response, Int)? {
        guard let head = try parseHead(bytes, request) else {
            return nil
        }
        guard let (body, length) = try parseBody(bytes[head.length...], head, isAtEnd: isAtEnd, request) else {
            return nil
        }
        let response = Response(request: request, status: head.status, headers: head.headers, body: body)
        return (response, head.length + length)
    }

    private func parseHead(_ bytes: [UInt8], _ request: Request) throws -> Head? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            if bytes.count >= 5, !bytes.starts(with: Array("HTTP/".utf8)) {
                throw malformed("a status line", String(decoding: bytes.prefix(80), as: UTF8.self), request)
            }
            return nil
        }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(
            separator: "\r\n",
            omittingEmptySubsequences: false
        )
        let words = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[0] == "HTTP/1.1" || words[0] == "HTTP/1.0", words[1].count == 3,
            let status = Int(words[1])
        else {
            throw malformed("a status line", String(lines[0]), request)
        }
        var headers = Headers()
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else {
                throw malformed("a header field", String(line), request)
            }
            headers.add(String(line[..<colon]), String(line[line.index(after: colon)...]).trimmed)
        }
        return Head(status: status, headers: headers, length: end.upperBound)
    }

    private func parseBody(
        _ bytes: ArraySlice<UInt8>,
        _ head: Head,
        isAtEnd: Bool,
        _ request: Request
    ) throws -> ([UInt8], Int)? {
        if method == "HEAD" || (100...199).contains(head.status) || head.status == 204 || head.status == 304 {
            return ([], 0)
        }
        if let coding = head.headers["Transfer-Encoding"], coding.lowercased() == "chunked" {
            return try parseChunks(bytes, request)
        }
        if let text = head.headers["Content-Length"] {
            guard let length = Int(text), length >= 0 else {
                throw malformed("a Content-Length", text, request)
            }
            return bytes.count >= length ? (Array(bytes.prefix(length)), length) : nil
        }
        return isAtEnd ? (Array(bytes), bytes.count) : nil
    }

    private func parseChunks(_ bytes: ArraySlice<UInt8>, _ request: Request) throws -> ([UInt8], Int)? {
        var rest = bytes
        var body: [UInt8] = []
        while let end = rest.firstRange(of: Array("\r\n".utf8)) {
            let line = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            guard let size = Int(line.prefix { $0 != ";" }.description.trimmed, radix: 16), size >= 0 else {
                throw malformed("a chunk size", line, request)
            }
            rest = rest[end.upperBound...]
            guard rest.count >= size + 2 else {
                return nil
            }
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
            if size == 0 {
                return (body, bytes.count - rest.count)
            }
        }
        return nil
    }

    private func malformed(_ expected: String, _ received: String, _ request: Request) -> CheckFailure {
        let response = Response(request: request, status: 0, headers: [:], body: [])
        return CheckFailure(expected: expected, received: received, response: response)
    }
}
