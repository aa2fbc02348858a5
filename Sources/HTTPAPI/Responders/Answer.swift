// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import HTTPTypes
import NIOCore
import Registry

/// A response before it is written: status, the headers that the endpoint decides, and a body.
struct Answer: Sendable {
    enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// A span of a blob. `file` is nil for HEAD, which only needs the length.
        case blob(BlobFile?, Range<Int64>)
        /// A span of a blob that is being fetched.
        case arriving(ArrivingBlob, Range<Int64>)
    }

    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: Body
    /// The digest that the answer is about, for the log.
    var digest: String?
    /// The code of an error answer, for the log.
    var errorCode: String?

    init(_ status: HTTPResponse.Status, headers: HTTPFields = [:], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Bytes of the body, whether or not it is sent.
    var length: Int64 {
        switch body {
        case .none: 0
        case .bytes(let buffer): Int64(buffer.readableBytes)
        case .blob(_, let range), .arriving(_, let range): Int64(range.count)
        }
    }
}

/// Header names of the distribution specification and its clients.
enum Header {
    static let contentDigest = name("Docker-Content-Digest")
    static let apiVersion = name("Docker-Distribution-Api-Version")
    static let uploadUUID = name("Docker-Upload-UUID")
    static let subject = name("OCI-Subject")
    static let tag = name("OCI-Tag")
    static let filtersApplied = name("OCI-Filters-Applied")
    static let chunkMinimum = name("OCI-Chunk-Min-Length")
    static let event = name("Cairn-Event")
    static let logIndex = name("Cairn-Log-Index")
    /// Other regions that have a change.
    static let regions = name("Cairn-Regions")
    /// The log of the region that hands a push on to the repository's home.
    static let handedOnBy = name("Cairn-Handed-On-By")
    static let prefer = name("Prefer")
    static let preferenceApplied = name("Preference-Applied")
    static let requestID = name("X-Request-Id")
    static let traceparent = name("traceparent")
    static let tracestate = name("tracestate")
    /// Traces of entries of the log: `INDEX=TRACEPARENT`, with commas between them.
    static let traces = name("Cairn-Traces")
    static let noSniff = name("X-Content-Type-Options")
    static let link = name("Link")
    static let warning = name("Warning")
    /// The registry that a mirrored answer is of.
    static let namespace = name("OCI-Namespace")
    static let securityPolicy = name("Content-Security-Policy")
    static let referrerPolicy = name("Referrer-Policy")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("'\(text)' is not a field name") }
        return name
    }
}

/// The `Warning` field of the distribution specification: `299 - "text"`.
enum WarningHeader {
    /// nil where there is nothing to warn of. Texts are cut so that the field stays within its bound.
    ///
    /// `staleness` says why what is served may be out of date, and comes first with a code of its own (RFC 7234,
    /// section 5.5.1).
    static func text(_ warnings: [String], staleness: String? = nil) -> String? {
        let coded = (staleness.map { [("110", $0)] } ?? []) + warnings.map { ("299", $0) }
        guard !coded.isEmpty else { return nil }
        var room = HTTPLimits.warningBytes
        var fields: [String] = []
        for (code, warning) in coded {
            let plain = warning.unicodeScalars.filter { $0.isASCII && $0.value >= 0x20 && $0.value != 0x7F }
                .flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
            var text = String(String.UnicodeScalarView(plain))
            text = "\(code) - \"\(text)\""
            guard text.utf8.count + 2 <= room else { break }
            room -= text.utf8.count + 2
            fields.append(text)
        }
        return fields.isEmpty
            ? "299 - \"the trust policy has more to say than fits here\"" : fields.joined(separator: ", ")
    }
}
