// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What telemetry may take up: memory, time and bytes are bounded, whatever becomes of the receiver.
package enum TelemetryLimits {
    /// Ended spans that wait to be sent; of more the oldest are dropped.
    package static let spansWaiting = 8192
    /// Spans of one request.
    static let spansPerRequest = 512
    static let attributesPerSpan = 64
    static let eventsPerSpan = 32
    static let linksPerSpan = 32
    /// UTF-8 bytes of an attribute's value, a name or a status; what is beyond is cut off.
    static let textBytes = 1024
    /// Elements of an attribute that is a list.
    static let listElements = 64
    /// How long spans wait for others at most.
    static let interval: Duration = .milliseconds(1_500)
    /// Within which a receiver has to answer.
    static let requestTimeout: Duration = .seconds(10)
    /// At one body; then it is dropped.
    static let attempts = 6
    /// After the first attempt; each further pause is twice as long.
    static let firstPause: Duration = .seconds(1)
    /// However long the receiver asks to be left alone.
    static let longestPause: Duration = .seconds(300)
    /// In which what waits is sent when the process ends.
    package static let flush: Duration = .seconds(5)
    /// Bytes of an answer that are read.
    static let answerBytes = 64 * 1024
    /// Header fields and resource attributes that may be set.
    package static let settings = 32
    /// Time between two exports of all metrics.
    package static let metricsEvery: ClosedRange<Int64> = 1...3600
}
