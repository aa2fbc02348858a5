// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore

/// Every bound of the HTTP front. Sizes are bytes.
package enum HTTPLimits {
    /// One header field.
    package static let headerField = 16 * 1024
    /// All header fields of a message together.
    package static let headerList = 32 * 1024
    package static let headerFields = 100
    /// The request target (path and query).
    package static let requestTarget = 8 * 1024
    package static let queryItems = 256
    /// A complete request head must arrive this soon after its first byte.
    package static let headerDeadline = TimeAmount.seconds(10)
    /// A connection with nothing to do is closed after this long.
    package static let idleDeadline = TimeAmount.seconds(75)
    /// The span over which a body's rate is judged.
    package static let bodyWindow = TimeAmount.seconds(30)
    /// Fewer bytes than this in one `bodyWindow`, while the server was ready to read, ends the request.
    package static let bodyWindowBytes = 30 * 1024
    /// How often a connection's deadlines are looked at.
    package static let deadlineTick = TimeAmount.seconds(2)
    /// How long the answer waits for whoever asks faster than he may, so that asking on regardless takes little from
    /// the others.
    static let limitedPause = Duration.milliseconds(100)
    /// What is still read of a request body that was refused, so that the client sees the answer.
    package static let refusedBody = 4 * 1024 * 1024
    /// A blob body of at most this size that comes whole with its digest is gathered in memory and stored in one step.
    package static let bodyInMemory = 256 * 1024
    package static let connections = 4096
    /// Bytes taken from a socket at a time; large reads save a sixth of the processor time of an upload.
    package static let receiveBuffer = 256 * 1024
    package static let http2Streams: Int = 128
    /// Flow-control windows of HTTP/2 (RFC 9113, section 6.9): a stream's, and the connection's for all of them.
    package static let http2StreamWindow = 1024 * 1024
    package static let http2ConnectionWindow = 8 * 1024 * 1024
    /// One read of a blob that is copied through memory, for TLS and HTTP/2. Encrypting it holds up whatever else waits
    /// for the event loop.
    package static let readChunk = 64 * 1024
    /// One span handed to the kernel's sendfile; before each its pages are looked for in the cache.
    package static let sendfileSpan: Int64 = 64 * 1024 * 1024
    /// Entries on a page of tags, repositories or referrers.
    package static let page = 1000
    /// Rows of a list on one page for people; parts and annotations of one image; and characters of a text of others.
    static let pageRows = 50
    static let shownParts = 200
    static let shownAnnotations = 100
    static let shownText = 2048
    /// Tags that one push by digest may set.
    package static let tagsPerPush = 64
    /// Traces of entries that the answer with a bundle of them names.
    static let tracesPerBundle = 32
    /// Requests that the hot lane remembers, and the longest target of one.
    package static let hotPermissions = 8192
    package static let hotTarget = 512
    /// The form of a token request.
    package static let tokenForm = 64 * 1024
    /// A client string in a log line.
    package static let loggedString = 256
    /// Bytes of the body of a small request of Cairn's own.
    static let smallBody = 16 << 10
    /// Bytes of a body that asks for a decision: Kubernetes sends whole objects, of at most 3 MiB.
    static let decisionBody = 4 << 20
    /// Images that one decision is about.
    static let decisionImages = 256
    /// Bytes of all texts of a `Warning` field (distribution specification, "Warnings").
    static let warningBytes = 4096
}
